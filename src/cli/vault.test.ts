/** `vault open` as an officer runs it: files, shares from files, shares typed on a terminal, and what goes wrong. */
import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { randomBytes } from "node:crypto";
import { mkdtempSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, test } from "node:test";
import fc from "fast-check";
import { createVault, seal, Sealed } from "../desk/vault.ts";
import { printable } from "./printable.ts";
import { parseVaultFile } from "./vault-open.ts";

const MAIN = new URL("main.ts", import.meta.url).pathname;
const REPORT = `rept_${"0".repeat(26)}`;
const IDENTITY = { name: "Wanda \u001b[31mZimtstern\u202e", email: "wanda@reporter.example", phone: "" };
let dir = "";
let shares: readonly string[] = [];
let whole = "";

const put = (name: string, text: string): string => {
  writeFileSync(join(dir, name), text);
  return join(dir, name);
};

before(async () => {
  dir = mkdtempSync(join(tmpdir(), "parapet-vault-"));
  const vault = await createVault((bytes) => new Uint8Array(randomBytes(bytes)));
  shares = vault.shares;
  const plain = {
    version: 1,
    identity: IDENTITY,
    blind: "00".repeat(32),
    contentType: "x",
    original: "aGVsbG8=",
  };
  const sealed = await seal(Sealed.of(new TextEncoder().encode(JSON.stringify(plain))), {
    publicKey: Buffer.from(vault.publicKey, "hex"),
    associated: REPORT,
  });
  whole = JSON.stringify({
    schema: 1,
    sealed: Buffer.from(sealed).toString("base64"),
    associatedData: REPORT,
    sealedTo: vault.fingerprint,
    logIndex: 7,
  });
  put("identity.json", whole);
  for (const [i, share] of shares.entries()) put(`share-${i + 1}`, `${share}\n`);
});
after(() => rmSync(dir, { recursive: true, force: true }));

type Ran = { readonly code: number | null; readonly out: string; readonly error: string };

function run(
  command: string,
  args: readonly string[],
  typed?: (soFar: string, type: (text: string) => void) => void,
): Promise<Ran> {
  return new Promise((resolve, reject) => {
    const child = spawn(command, [...args], { cwd: dir, timeout: 30_000 });
    let out = "";
    let error = "";
    child.stdout.on("data", (chunk: Buffer) => {
      out += chunk.toString();
      typed?.(out, (text) => void child.stdin.write(text));
    });
    child.stderr.on("data", (chunk: Buffer) => void (error += chunk.toString()));
    child.on("error", reject);
    child.on("close", (code) => resolve({ code, out, error }));
    if (typed === undefined) child.stdin.end();
  });
}

const open = (...args: readonly string[]): Promise<Ran> =>
  run(process.execPath, [MAIN, "vault", "open", ...args]);

test("two shares from files open the identity once, safe for a terminal, and leave no file behind", async () => {
  const files = readdirSync(dir);
  const ran = await open(
    join(dir, "identity.json"),
    "--share-file",
    join(dir, "share-3"),
    "--share-file",
    join(dir, "share-1"),
  );
  assert.equal(ran.error, "");
  assert.equal(ran.code, 0);
  assert.match(ran.out, /Name +Wanda \\u\{1b\}\[31mZimtstern\\u\{202e\}\n/);
  assert.match(ran.out, /E-mail +wanda@reporter\.example\nTelephone +\(not given\)/);
  assert.match(ran.out, /Log entry +7\nOriginal +SHA-256 [0-9a-f]{64} /);
  assert.ok(!ran.out.includes("\u001b") && !ran.out.includes(shares[0] ?? "?"));
  assert.deepEqual(readdirSync(dir), files);
});

test("what does not open says what to do, and shows neither a share nor the identity", async () => {
  const [one = "", two = ""] = [join(dir, "share-1"), join(dir, "share-2")];
  const file = join(dir, "identity.json");
  const both = (a: string, b: string): readonly string[] => ["--share-file", a, "--share-file", b];
  const table: readonly (readonly [string, readonly string[], RegExp])[] = [
    ["one share", [file, "--share-file", one], /Two shares open it and one was given/],
    ["three shares", [file, ...both(one, two), "--share-file", one], /3 were given/],
    ["the same share twice", [file, ...both(one, one)], /one share twice: another officer/],
    ["a file that is no share", [file, ...both(one, file)], /Cannot read the second share/],
    ["no such file", [join(dir, "nothing"), ...both(one, two)], /Cannot read ".*nothing": check the name/],
    ["a folder", [dir, ...both(one, two)], /Cannot read .*not a plain file/],
    ["half of the file", [put("half", whole.slice(0, 300)), ...both(one, two)], /download it again/],
    ["too large", [put("large", " ".repeat(1024 * 1024 + 1)), ...both(one, two)], /more than 1048576 bytes/],
    ["no terminal to ask on", [file], /Cannot ask for shares without a terminal/],
    ["no file at all", [], /vault open FILE/],
  ];
  for (const [what, args, why] of table) {
    const ran = await open(...args);
    assert.equal(ran.code, 1, what);
    assert.equal(ran.out, "", what);
    assert.match(ran.error, why, what);
    for (const secret of ["Wanda", "wanda@", ...shares.map((share) => share.slice(20, 40))])
      assert.ok(!ran.error.includes(secret), what);
  }
});

test("shares typed on a terminal are not shown, and corrections count", async () => {
  // util-linux's script gives the command a terminal of its own; all that the terminal shows comes out of it.
  const command = [process.execPath, MAIN, "vault", "open", "identity.json"].join(" ");
  let asked = 0;
  const ran = await run("script", ["-qec", command, "/dev/null"], (soFar, type) => {
    if (asked === 0 && soFar.includes("First share")) {
      asked = 1;
      type(`oops\u0015${shares[0]}x\u007f\r`);
    } else if (asked === 1 && soFar.includes("Second share")) {
      asked = 2;
      type(`${shares[1]}\r`);
    }
  });
  assert.equal(asked, 2);
  assert.equal(ran.code, 0, ran.out);
  assert.match(ran.out, /Zimtstern/);
  for (const share of shares) assert.ok(!ran.out.includes(share.slice(18, 27)), "a share was shown");
  assert.ok(!ran.out.includes("oops"));

  asked = 0;
  const given = await run("script", ["-qec", command, "/dev/null"], (soFar, type) => {
    if (asked === 0 && soFar.includes("First share")) {
      asked = 1;
      type("\u0003");
    }
  });
  assert.equal(given.code, 1);
  assert.match(given.out, /Given up: nothing was opened/);
});

test("the parser of downloaded files never throws, and takes only the exact shape", () => {
  const good = JSON.parse(whole) as Record<string, unknown>;
  assert.ok(parseVaultFile(whole).ok);
  let refused = 0;
  for (const key of Object.keys(good)) {
    for (const value of [undefined, null, "", -1, 1.5, [], {}, "x".repeat(101)]) {
      const why = parseVaultFile(JSON.stringify({ ...good, [key]: value }));
      assert.equal(why.ok, false, `${key} ${String(value)}`);
      refused += 1;
    }
  }
  assert.equal(refused, 40);
  fc.assert(
    fc.property(fc.oneof(fc.string(), fc.json()), (text) => parseVaultFile(text).ok === false),
    { numRuns: 500 },
  );
  fc.assert(
    fc.property(fc.string({ unit: "binary" }), (text) => !/[\p{Cc}\p{Cf}]/u.test(printable(text))),
    { numRuns: 500 },
  );
});
