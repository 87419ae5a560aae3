import assert from "node:assert/strict";
import { mkdtempSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { Fault } from "../contract/fault.ts";
import { FIELDS, readSettings } from "./settings.ts";

const folder = (content?: string): string => {
  const dataDir = mkdtempSync(join(tmpdir(), "parapet-settings-"));
  if (content !== undefined) writeFileSync(join(dataDir, "parapet.json"), content);
  return dataDir;
};

test("without a file every setting has a default that its own rule accepts", () => {
  const settings = readSettings({ dataDir: folder() });
  for (const [key, field] of Object.entries(FIELDS)) {
    assert.ok("value" in field.parse(settings[key as keyof typeof FIELDS]), key);
    assert.match(field.about, /\.$/, `${key} has a sentence`);
  }
  assert.ok(Object.isFrozen(settings));
});

test("the public address follows the port unless it is set", () => {
  assert.equal(
    readSettings({ dataDir: folder('{"controlListen":"127.0.0.1:9000"}') }).publicUrl,
    "http://localhost:9000",
  );
  assert.equal(
    readSettings({ dataDir: folder('{"publicUrl":"https://desk.example"}') }).operatorUrl,
    "https://desk.example/",
  );
});

test("what cannot be understood stops the start, names the key and says what is wanted", () => {
  const table: readonly [string, RegExp][] = [
    ["{", /as JSON .*mend or remove it/],
    ["[]", /has to hold one JSON object/],
    ['{"edgeListn":"x"}', /There is no setting "edgeListn"/],
    ['{"edgeWorkers":0}', /"edgeWorkers": give a whole number from 1 to 64/],
    ['{"edgeWorkers":1.5}', /edgeWorkers/],
    ['{"edgeListen":"8080"}', /edgeListen.*like "0.0.0.0:8080"/],
    ['{"databaseUrl":"mysql://x"}', /databaseUrl/],
    ['{"publicUrl":"https://desk.example/"}', /without a slash/],
    ['{"originPrivateRanges":["10.0.0.0"]}', /list of ranges/],
    ['{"defaultLimit":{"requestsPerSecond":0,"burst":1}}', /defaultLimit/],
    ['{"defaultLimit":{"requestsPerSecond":1,"burst":1,"more":1}}', /defaultLimit/],
    ['{"operatorName":"a\\u0000b"}', /operatorName/],
    ['{"bodyBytesMax":-1}', /bodyBytesMax/],
    [`{"operatorName":"${"x".repeat(100_000)}"}`, /keep the file below/],
  ];
  for (const [content, message] of table) {
    assert.throws(
      () => readSettings({ dataDir: folder(content) }),
      (error) => error instanceof Fault && message.test(error.detail),
      content.slice(0, 60),
    );
  }
});

test("every wrong key is named at once", () => {
  assert.throws(
    () => readSettings({ dataDir: folder('{"a":1,"b":2,"edgeWorkers":"x"}') }),
    (error) =>
      error instanceof Fault &&
      Object.keys(error.fields ?? {})
        .sort()
        .join() === "a,b,edgeWorkers",
  );
});
