import assert from "node:assert/strict";
import { spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import { chmodSync, existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { test } from "node:test";

const LAUNCHER = fileURLToPath(new URL("../../parapet", import.meta.url));

/** A folder of programs that stand in front of the machine's own: the machine as another machine would be. */
function machine(programs: Readonly<Record<string, string>>): { path: string; remove(): void } {
  const folder = mkdtempSync(join(tmpdir(), "parapet-machine-"));
  chmodSync(folder, 0o755);
  for (const [name, script] of Object.entries(programs)) {
    writeFileSync(join(folder, name), `#!/bin/sh\n${script}\n`);
    chmodSync(join(folder, name), 0o755);
  }
  return {
    path: `${folder}:${process.env["PATH"] ?? ""}`,
    remove: () => rmSync(folder, { recursive: true, force: true }),
  };
}

test("the launcher is plain POSIX shell and names its verbs", () => {
  assert.equal(spawnSync("sh", ["-n", LAUNCHER]).status, 0);
  assert.match(readFileSync(LAUNCHER, "utf8"), /^#!\/bin\/sh\n/);
  const help = spawnSync(LAUNCHER, ["help"], { encoding: "utf8" });
  assert.equal(help.status, 0, help.stderr);
  for (const verb of ["up", "protect", "doctor", "demo", "test", "verify"])
    assert.match(help.stdout, new RegExp(`^ +${verb} `, "m"));
});

test("nothing that could remove a package is ever asked of apt, and luajit never", () => {
  const script = readFileSync(LAUNCHER, "utf8");
  const calls = script.match(/apt-get install -y[^\n]*/g) ?? [];
  assert.equal(calls.length, 1);
  assert.match(calls[0] ?? "", /--no-install-recommends --no-remove/);
  assert.doesNotMatch(script, /apt-get (remove|purge|autoremove)/);
  assert.doesNotMatch(script, /packages="[^"]*\bluajit\b(?!2)/);
});

test("without root it says which one command to run as root, and goes on once that is done", async () => {
  const flag = join(mkdtempSync(join(tmpdir(), "parapet-flag-")), "installed");
  chmodSync(join(flag, ".."), 0o755);
  const m = machine({
    id: 'if [ "$1" = -u ]; then echo 1000; else exec /usr/bin/id "$@"; fi',
    "dpkg-query": `if [ -e ${flag} ]; then echo "installed 1.22.1-9+deb12u11"; else exit 1; fi`,
  });
  const child = spawn(LAUNCHER, ["help"], {
    env: { ...process.env, PATH: m.path },
    stdio: ["ignore", "pipe", "pipe"],
  });
  let said = "";
  const asked = new Promise<void>((resolve) => {
    child.stderr.setEncoding("utf8").on("data", (chunk: string) => {
      said += chunk;
      if (said.includes("sudo")) resolve();
    });
  });
  let shown = "";
  child.stdout.setEncoding("utf8").on("data", (chunk: string) => (shown += chunk));
  await asked;
  assert.match(said, /missing: nginx libnginx-mod-http-lua/);
  assert.match(said, /^ +sudo \/.*\/parapet install$/m);
  assert.equal(child.exitCode, null, "it waits");
  writeFileSync(flag, "");
  const [code] = (await once(child, "close")) as [number];
  assert.equal(code, 0, said);
  assert.match(shown, /Usage: \.\/parapet/);
  m.remove();
});

test("an nginx without the security fixes counts as missing", () => {
  const m = machine({
    id: 'if [ "$1" = -u ]; then echo 0; else exec /usr/bin/id "$@"; fi',
    "dpkg-query": 'echo "installed 1.22.1-9+deb12u4"',
    "apt-get":
      '[ -x "$PARAPET_POLICY_RC" ] || echo "a service would start"; echo "E: no network here" >&2; exit 100',
  });
  const policy = join(mkdtempSync(join(tmpdir(), "parapet-policy-")), "policy-rc.d");
  const env = { ...process.env, PATH: m.path, PARAPET_POLICY_RC: policy };
  const run = spawnSync(LAUNCHER, ["help"], { env, encoding: "utf8" });
  assert.doesNotMatch(run.stdout + run.stderr, /a service would start/);
  assert.equal(existsSync(policy), false, "what kept Debian's service from starting is taken away again");
  assert.equal(run.status, 1);
  assert.match(run.stderr, /Installing from Debian: nginx/);
  assert.match(run.stderr, /no network here/);
  assert.match(run.stderr, /mend the cause, and run this again/);
  m.remove();
});

test("the doctor names what is wrong and how to mend it, and changes nothing", () => {
  const dataDir = mkdtempSync(join(tmpdir(), "parapet-doctor-"));
  const well = spawnSync(LAUNCHER, ["doctor", "--json", "--data", dataDir], { encoding: "utf8" });
  const { findings } = JSON.parse(well.stdout) as {
    findings: { ok: boolean; what: string; mend: string | null }[];
  };
  assert.ok(findings.length >= 6, well.stdout);
  for (const finding of findings) assert.equal(finding.ok, finding.mend === null);
  writeFileSync(join(dataDir, "parapet.json"), '{"colour": "blue"}');
  const m = machine({
    "dpkg-query":
      'for last; do :; done; [ "$last" = lua-cjson ] && exit 1; echo "installed 1.22.1-9+deb12u11"',
  });
  const ill = spawnSync(LAUNCHER, ["doctor", "--data", dataDir], {
    env: { ...process.env, PATH: m.path },
    encoding: "utf8",
  });
  assert.equal(ill.status, 1);
  assert.match(ill.stdout, /BAD Debian packages are missing: lua-cjson\n +Run: sudo .*parapet install/);
  assert.match(ill.stdout, /There is no setting "colour"/);
  m.remove();
  rmSync(dataDir, { recursive: true, force: true });
});
