import assert from "node:assert/strict";
import { chmodSync, mkdirSync, statSync, writeFileSync } from "node:fs";
import { request } from "node:http";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { startControl, type TestControl } from "./testing.ts";

let server: TestControl;
let path: string;
before(async () => {
  server = await startControl();
  mkdirSync(join(server.dataDir, "run"), { mode: 0o700 });
  path = join(server.dataDir, "run/control.sock");
  await server.control.listenLocal(path);
});
after(() => server.close());

type Answer = { readonly status: number; readonly body: Record<string, unknown> };
function call(method: string, at: string, body?: unknown): Promise<Answer> {
  return new Promise((resolve, reject) => {
    const outgoing = request(
      { socketPath: path, method, path: at, headers: { host: "localhost" } },
      (response) => {
        let text = "";
        response.on("data", (chunk: Buffer) => (text += chunk.toString()));
        response.on("end", () =>
          resolve({ status: response.statusCode ?? 0, body: JSON.parse(text || "{}") as Answer["body"] }),
        );
      },
    );
    outgoing.on("error", reject);
    outgoing.end(body === undefined ? undefined : JSON.stringify(body));
  });
}

test("The socket is for its owner alone", () => {
  assert.equal(statSync(path).mode & 0o777, 0o600);
});

test("The command line protects, shows, takes off, invites, and sets the vault", async () => {
  const site = await call("POST", "/protect", {
    hostname: "forum.example",
    originUrl: server.originUrl,
    account: "forum",
    accountEmail: "owner@forum.example",
  });
  assert.equal(site.status, 200, JSON.stringify(site.body));
  assert.equal((await call("GET", `/sites/${String(site.body["siteId"])}`)).status, 200);
  const status = await call("GET", "/status");
  assert.deepEqual(status.body["sites"], { active: 1, held: 0 });
  assert.equal((await call("POST", "/unprotect", { hostname: "forum.example" })).status, 200);
  const person = await call("POST", "/people", { name: "A", email: "A@desk.example", roles: ["officer"] });
  assert.match(String(person.body["signInLink"]), /\/enter\?token=/);
  assert.equal(person.body["email"], "a@desk.example");
  assert.equal(
    (await call("POST", "/people", { name: "A", email: "a@desk.example", roles: ["officer"] })).status,
    409,
  );
  assert.equal((await call("POST", "/sign-in-link", { email: "a@desk.example" })).status, 200);
  assert.equal((await call("POST", "/sign-in-link", { email: "nobody@desk.example" })).status, 404);
  assert.equal((await call("PUT", "/vault", { publicKey: "00" })).status, 200);
});

test("The command line shows, sets and brings back the settings of a site, as the operator", async () => {
  const hostname = "settings.example";
  const given = { hostname, originUrl: server.originUrl, account: "forum" };
  assert.equal((await call("POST", "/protect", given)).status, 200);
  const at = `/settings/${hostname}`;
  const shown = await call("GET", at);
  const settings = { ...(shown.body["settings"] as object), bodyBytesMax: 5 };
  const saved = await call("PUT", at, { settings, note: "less" });
  assert.deepEqual([saved.status, saved.body["revision"], saved.body["changedBy"]], [200, 2, "operator"]);
  assert.equal((await call("PUT", at, { settings, note: "", revision: 1 })).status, 409);
  const back = await call("POST", `${at}/restore`, { revision: 1, note: "" });
  assert.deepEqual([back.body["revision"], back.body["settings"]], [3, shown.body["settings"]]);
  const history = await call("GET", `${at}/history`);
  assert.equal(history.body["total"], 3);
  assert.deepEqual((await call("GET", `${at}/signing-key`)).body, { signingKey: null });
  assert.equal((await call("PUT", at, { settings: { a: 1 }, note: "" })).status, 422);
  assert.equal((await call("PUT", at, { note: "" })).status, 422);
  assert.equal((await call("POST", `${at}/restore`, { revision: 77, note: "" })).status, 404);
  assert.equal((await call("GET", "/settings/nobody.example")).status, 404);
});

test("A bad command is a problem that says what to do", async () => {
  const wrong: [string, string, unknown, number][] = [
    ["POST", "/people", { name: "A", email: "no address", roles: ["officer"] }, 422],
    ["POST", "/people", { name: "A", email: "b@desk.example", roles: ["king"] }, 422],
    ["POST", "/people", { name: "A", email: "b@desk.example", roles: ["customer"], account: "" }, 422],
    ["POST", "/protect", { hostname: "x.example" }, 422],
    ["POST", "/protect", undefined, 422],
    ["GET", "/sites/x", undefined, 404],
  ];
  for (const [method, at, body, status] of wrong) {
    const answer = await call(method, at, body);
    assert.equal(answer.status, status, `${method} ${at} ${JSON.stringify(answer.body)}`);
    assert.ok(String(answer.body["detail"]).length > 10);
  }
  const [row] = await server.db.query<{ n: string }>(
    `select count(*) as n from "user" where "email" = 'b@desk.example'`,
  );
  assert.equal(Number(row?.n), 0, "a refused invitation leaves nobody behind");
});

test("Nothing of the desk can be decided over the socket", async () => {
  const desk = [
    "/cases",
    "/decisions",
    "/measures",
    "/appeals",
    "/brakes",
    "/api/v1/cases",
    "/report",
    "/enter",
  ];
  for (const at of desk) {
    for (const method of ["GET", "POST", "PUT"])
      assert.equal(
        (await call(method, at, method === "GET" ? undefined : {})).status,
        404,
        `${method} ${at}`,
      );
  }
});

test("A folder that others may enter, a live socket and a plain file are refused", async () => {
  const open = join(server.dataDir, "open");
  mkdirSync(open);
  chmodSync(open, 0o755);
  await assert.rejects(server.control.listenLocal(join(open, "control.sock")), /others may enter/);
  await assert.rejects(server.control.listenLocal(path), /Another instance answers/);
  const file = join(server.dataDir, "run/file.sock");
  writeFileSync(file, "");
  await assert.rejects(server.control.listenLocal(file), /a file stands there/);
});
