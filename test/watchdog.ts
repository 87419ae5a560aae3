/**
 * Loaded before each test file (`--import`): a file that has not ended after FILE_MS_MAX, because a test left a server, a child or
 * a timer behind, is ended as failed, and says what held it. Without this one such file would hold the whole suite for ever.
 */
import { writeSync } from "node:fs";

/** The longest file needs some 100 s beside another one on two cores. */
const FILE_MS_MAX = 300_000;

const limitMs = Number(process.env["PARAPET_TEST_FILE_MS"] ?? FILE_MS_MAX);

setTimeout(() => {
  const held = [...new Set(process.getActiveResourcesInfo())].join(", ");
  writeSync(
    2,
    `${process.argv[1] ?? "A test file"} had not ended after ${limitMs} ms. Still open: ${held}.\n`,
  );
  process.exit(1);
}, limitMs).unref();
