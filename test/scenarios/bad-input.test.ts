import assert from "node:assert/strict";
import { existsSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { createServer, type Socket } from "node:net";
import { once } from "node:events";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, test } from "node:test";
import type { Problem, SiteView } from "../../src/contract/http.ts";
import { buildEdge } from "../../src/cli/build-edge.ts";
import { startInstance, type Instance } from "../../src/cli/instance.ts";
import { readSettings } from "../../src/cli/settings.ts";
import { visit } from "../../src/cli/story/edge-visitor.ts";
import { call, freePorts, makeFolder, until, type Folder } from "./launched.ts";

// A table of what people and programs get wrong: each is refused with a sentence that says what to do, and leaves nothing.

let folder: Folder;
let instance: Instance;
let silent: { port: number; sockets: Set<Socket>; close(): void };

before(async () => {
  await buildEdge({ outDir: new URL("../../build/edge", import.meta.url).pathname });
  folder = await makeFolder({ demoListen: "" });
  instance = await startInstance({ settings: readSettings({ dataDir: folder.dataDir }) });
  const sockets = new Set<Socket>();
  const server = createServer((socket) => {
    sockets.add(socket);
    socket.on("error", () => undefined);
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  silent = {
    port: (server.address() as { port: number }).port,
    sockets,
    close() {
      for (const socket of sockets) socket.destroy();
      server.close();
    },
  };
});
after(async () => {
  silent.close();
  await instance.stop();
  folder.remove();
});

const sites = async (): Promise<number> => (await instance.sites.list()).total;

test("the command line refuses what it cannot do, with the way to do it", async () => {
  const data = ["--data", folder.dataDir];
  const table: readonly [readonly string[], RegExp][] = [
    [["protekt", "shop.example"], /There is no verb "protekt"/],
    [["protect"], /\.\/parapet protect shop\.example --origin/],
    [["protect", "shop.example", ...data], /--origin/],
    [
      ["protect", "shop.example", "--origin", "http://127.0.0.1:1", ...data],
      /Cannot reach the origin .*ECONNREFUSED.*check that it runs/,
    ],
    [
      ["protect", "shop.example", "--origin", `http://127.0.0.1:${silent.port}`, ...data],
      /Cannot reach the origin/,
    ],
    [["protect", "shop.example", "--origin", "http://10.1.2.3", ...data], /originPrivateRanges/],
    [
      ["protect", "shop.example", "--origin", "http://[::ffff:169.254.169.254]", ...data],
      /not a public address/,
    ],
    [["protect", "shop.example", "--origin", `http://${folder.edge}`, ...data], /it is this edge itself/],
    [["protect", "shop.example", "--origin", "http://nowhere.invalid", ...data], /Cannot find the origin/],
    [["protect", "shop.example", "--origin", "shop.example:80", ...data], /Cannot use .* as an origin/],
    [["protect", "http://shop.example/", "--origin", "http://127.0.0.1:1", ...data], /give the bare name/],
    [["protect", "192.0.2.7", "--origin", "http://127.0.0.1:1", ...data], /give a hostname/],
    [["protect", "shop.example", "--orign", "http://127.0.0.1:1", ...data], /--orign/],
    [["unprotect", "nobody.example", ...data], /Cannot find "nobody.example"/],
    [["officer", "add", "X", ...data], /--email/],
    [["officer", "add", "X", "--email", "not an address", ...data], /\S/],
    [
      ["officer", "add", "X", "--email", "x@desk.example", "--role", "king", ...data],
      /There is no role "king"/,
    ],
    [["vault", "open", ...data], /vault init/],
    [["verify", "/nonexistent", "--vkey", "x"], /\S/],
    [["bench", "everything"], /path/],
    [
      ["status", "--data", join(tmpdir(), "parapet-nowhere")],
      /Cannot find a running instance .* start it with \.\/parapet up/,
    ],
    [["edge", "--data", join(tmpdir(), "parapet-nowhere-else")], /no edge ever ran there/],
    [["up", ...data], /already runs an instance/],
  ];
  for (const [args, message] of table) {
    const { code, output } = await call(args);
    assert.notEqual(code, 0, args.join(" "));
    assert.match(output, message, args.join(" "));
    assert.doesNotMatch(
      output,
      /^\s+at .*\.ts:\d+/m,
      `a trace is not an answer: ${args.join(" ")}\n${output}`,
    );
  }
  assert.equal(await sites(), 0);
});

test("settings that are not understood stop the start before anything is written", async () => {
  const [port] = await freePorts(1);
  const table: readonly [string, RegExp][] = [
    ['{"edgeListn": "127.0.0.1:1"}', /There is no setting "edgeListn"/],
    ['{"edgeListen": 8080}', /edgeListen/],
    ["{half", /as JSON/],
    [
      `{"databaseUrl": "postgres://nobody@127.0.0.1:${port}/none", "controlListen": "127.0.0.1:${port}"}`,
      /Cannot reach PostgreSQL/,
    ],
  ];
  for (const [content, message] of table) {
    const dataDir = mkdtempSync(join(tmpdir(), "parapet-bad-"));
    writeFileSync(join(dataDir, "parapet.json"), content);
    const { code, output } = await call(["up", "--data", dataDir]);
    assert.equal(code, 1, output);
    assert.match(output, message);
    assert.equal(existsSync(join(dataDir, "database")), false);
    assert.equal(existsSync(join(dataDir, "lock")), false, "the lock is given back");
    rmSync(dataDir, { recursive: true, force: true });
  }
});

test("an address that something else holds is named, with the setting that changes it", async () => {
  const holder = createServer();
  holder.listen(0, "127.0.0.1");
  await once(holder, "listening");
  const { port } = holder.address() as { port: number };
  for (const key of ["edgeListen", "controlListen", "demoListen"]) {
    const other = await makeFolder({ [key]: `127.0.0.1:${port}` });
    const { code, output } = await call(["up", "--data", other.dataDir]);
    assert.equal(code, 1, output);
    assert.ok(output.includes(String(port)), `${key}: ${output}`);
    other.remove();
  }
  holder.close();
});

const FORM = "application/x-www-form-urlencoded";
const GOOD = "harm=doxxing&url=http%3A%2F%2Fshop.example%2F&statement=My+address+is+shown+there.&quoted=";

test("reports that cannot be taken are refused with their reason, and none is kept", async () => {
  const post = (
    body: string | Uint8Array<ArrayBuffer>,
    headers: Record<string, string> = { "content-type": FORM },
  ): Promise<Response> => fetch(`${folder.url}/report`, { method: "POST", headers, body });
  const table: readonly [string, () => Promise<Response>, number][] = [
    ["nothing", () => post(""), 422],
    ["no statement", () => post("harm=doxxing&url=http%3A%2F%2Fshop.example%2F&statement="), 422],
    ["an unknown harm", () => post(GOOD.replace("doxxing", "dragons")), 422],
    ["no address", () => post(GOOD.replace(/url=[^&]*/, "url=here")), 422],
    ["a site that is not protected here", () => post(GOOD), 404],
    ["broken escapes", () => post(`${GOOD}&name=%zz`), 422],
    [
      "not UTF-8",
      () => post(new Uint8Array([...new TextEncoder().encode(`${GOOD}&name=`), 0xff, 0xfe])),
      422,
    ],
    ["a field twice", () => post(`${GOOD}&harm=other`), 422],
    ["a thousand fields", () => post(Array.from({ length: 1000 }, (_, i) => `f${i}=1`).join("&")), 422],
    ["a body of a megabyte", () => post(`${GOOD}&more=${"x".repeat(1_100_000)}`), 413],
    [
      "a file upload",
      () => post("--x\r\n\r\n--x--", { "content-type": "multipart/form-data; boundary=x" }),
      422,
    ],
    ["a name before there is a vault", () => post(`${GOOD}&name=Somebody`), 409],
  ];
  const before = await instance.db.query("select count(*)::int as n from report");
  for (const [what, send, status] of table) {
    const response = await send();
    const page = await response.text();
    assert.equal(response.status, status, `${what}: ${page.slice(-600)}`);
    assert.match(response.headers.get("content-type") ?? "", /text\/html/, what);
  }
  assert.deepEqual(await instance.db.query("select count(*)::int as n from report"), before);
});

test("the API answers what it cannot take with a problem document (RFC 9457)", async () => {
  const table: readonly [string, string, string | null, number][] = [
    ["GET", "/api/v1/nothing", null, 404],
    ["GET", "/api/v1/me", null, 401],
    ["POST", "/api/v1/sites", "{}", 401],
    ["POST", "/api/v1/cases/case_x/brakes", "{", 401],
    ["POST", "/api/auth/sign-up/email", "{}", 404],
  ];
  for (const [method, path, body, status] of table) {
    const response = await fetch(`${folder.url}${path}`, {
      method,
      headers: { "content-type": "application/json", origin: folder.url },
      body,
    });
    assert.equal(response.status, status, path);
    assert.match(response.headers.get("content-type") ?? "", /application\/problem\+json/, path);
    const problem = (await response.json()) as Problem;
    assert.ok(problem.detail.length > 10 && problem.code.includes("."), path);
  }
});

test("a site whose origin dies answers honestly, and the others do not notice", async () => {
  const { createServer: createHttp } = await import("node:http");
  const good = createHttp((_request, response) => response.end("well"));
  const dying = createHttp((_request, response) => response.end("alive"));
  for (const server of [good, dying]) {
    server.listen(0, "127.0.0.1");
    await once(server, "listening");
  }
  const url = (server: typeof good): string =>
    `http://127.0.0.1:${(server.address() as { port: number }).port}`;
  const made: SiteView[] = [
    await instance.sites.protect({ hostname: "good.example", originUrl: url(good), account: "one" }),
    await instance.sites.protect({ hostname: "dying.example", originUrl: url(dying), account: "two" }),
  ];
  for (const site of made) {
    await until("in force", async () =>
      (await instance.sites.inForce(site.siteId, 1)).acked > 0 ? true : null,
    );
  }
  assert.equal((await visit(folder.edge, { hostname: "dying.example" })).body, "alive");
  dying.closeAllConnections();
  dying.close();
  const answer = await visit(folder.edge, { hostname: "dying.example" });
  assert.equal(answer.status, 502);
  assert.match(answer.body, /origin\.down/);
  assert.equal((await visit(folder.edge, { hostname: "good.example" })).body, "well");
  good.closeAllConnections();
  good.close();
});
