import assert from "node:assert/strict";
import { test } from "node:test";
import { kernelFindings } from "./doctor-kernel.ts";

test("poor settings of the kernel are hints with a way to mend them, and good ones are not spoken of", async () => {
  const poor: Record<string, string> = {
    "net/ipv4/tcp_syncookies": "0",
    "net/core/somaxconn": "128",
    "net/ipv4/tcp_max_syn_backlog": "128",
  };
  const refuse = (): Promise<void> => Promise.reject(new Error("Operation not permitted"));
  const findings = await kernelFindings("auto", (name) => poor[name] ?? null, refuse);
  assert.equal(findings.length, 4);
  assert.ok(findings.every(({ ok, mend }) => ok && mend !== null));

  const fine = await kernelFindings(
    "auto",
    () => "4096",
    () => Promise.resolve(),
  );
  assert.deepEqual(
    fine.map(({ mend }) => mend),
    [null],
  );
  const unknown = await kernelFindings("off", () => null, refuse);
  assert.equal(unknown.length, 1);
});
