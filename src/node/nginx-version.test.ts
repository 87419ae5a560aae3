import assert from "node:assert/strict";
import { test } from "node:test";
import { NGINX_SAFE_VERSION, whyVersionUnsafe } from "./nginx-version.ts";

test("only the revision that has the security fixes is called safe", () => {
  const table: [string | null, boolean][] = [
    [NGINX_SAFE_VERSION, true],
    ["1.22.1-9+deb12u12", true],
    ["1.22.1-9+deb12u10", false],
    ["1.22.1-9+deb12u9", false],
    ["1.22.1-9", false],
    ["1.26.3-3+deb13u1", false],
    ["", false],
    [null, false],
  ];
  for (const [version, safe] of table)
    assert.equal(whyVersionUnsafe(version) === null, safe, String(version));
});
