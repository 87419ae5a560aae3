import assert from "node:assert/strict";
import { once } from "node:events";
import { existsSync, readFileSync } from "node:fs";
import { createServer, type Server } from "node:http";
import { connect, type AddressInfo } from "node:net";
import { test } from "node:test";
import { visit } from "../../src/cli/story/edge-visitor.ts";
import { call, freePorts, launch, makeFolder, processesOf, until } from "./launched.ts";

const READY = "Ctrl-C stops everything.";

async function originSaying(text: string): Promise<{ url: string; server: Server }> {
  const server = createServer((_request, response) => response.end(text));
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  return { url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`, server };
}

async function sendReport(url: string): Promise<string> {
  const response = await fetch(`${url}/report`, {
    method: "POST",
    headers: { "content-type": "application/x-www-form-urlencoded" },
    body: new URLSearchParams({
      harm: "doxxing",
      url: "http://demo.localhost/",
      statement: "My address is on this page and I did not put it there.",
      quoted: "",
    }),
  });
  const page = await response.text();
  assert.equal(response.status, 200, page.slice(0, 500));
  const code = /\b(\d{4})\D{1,3}(\d{4})\D{1,3}(\d{4})\D{1,3}(\d{4})\b/.exec(page.replace(/<[^>]+>/g, " "));
  assert.ok(code);
  return code.slice(1).join("");
}

async function mailboxStatus(url: string, code: string): Promise<number> {
  const response = await fetch(`${url}/mailbox`, {
    method: "POST",
    headers: { "content-type": "application/x-www-form-urlencoded" },
    body: new URLSearchParams({ code }),
  });
  return response.status;
}

test("up shows its addresses, serves the demo site, and Ctrl-C leaves no process behind", async (t) => {
  const folder = await makeFolder();
  t.after(() => folder.remove());
  const up = await launch(["up", "--data", folder.dataDir], { ready: READY });
  for (const shown of [
    "http://demo.localhost:",
    `${folder.url}/console/`,
    `${folder.url}/report`,
    `${folder.url}/log`,
    `${folder.url}/enter?token=`,
  ]) {
    assert.ok(up.output().includes(shown), `${shown} in\n${up.output()}`);
  }
  const page = await visit(folder.edge, { hostname: "demo.localhost" });
  assert.equal(page.status, 200);
  assert.match(page.body, /The Harbour Society/);
  assert.equal((await visit(folder.edge, { hostname: "unknown.example" })).status, 421);
  assert.ok(processesOf(folder.dataDir).length >= 2);
  up.child.kill("SIGINT");
  assert.equal(await up.gone, 0);
  assert.deepEqual(processesOf(folder.dataDir), []);
  assert.equal(existsSync(`${folder.dataDir}/lock`), false);
});

test("kill -9 and a new up: nothing acknowledged is lost, the edge never stops serving, the orphan is taken care of", async (t) => {
  const folder = await makeFolder();
  t.after(() => folder.remove());
  const origin = await originSaying("a shop");
  let up = await launch(["up", "--data", folder.dataDir], { ready: READY });
  const protect = await call(["protect", "shop.example", "--origin", origin.url, "--data", folder.dataDir]);
  assert.equal(protect.code, 0, protect.output);
  assert.match(protect.output, /in force on 1 of 1 edges/);
  const code = await sendReport(folder.url);

  up.child.kill("SIGKILL");
  await up.gone;
  const orphans = processesOf(folder.dataDir);
  assert.ok(orphans.length >= 1, "nginx lives on");
  assert.equal((await visit(folder.edge, { hostname: "shop.example" })).body, "a shop");

  up = await launch(["up", "--data", folder.dataDir], { ready: READY });
  assert.equal((await visit(folder.edge, { hostname: "shop.example" })).body, "a shop");
  assert.equal(await mailboxStatus(folder.url, code), 200);
  assert.equal(await mailboxStatus(folder.url, "0000000000000000"), 404);
  const second = await call(["up", "--data", folder.dataDir]);
  assert.equal(second.code, 1);
  assert.match(second.output, /already runs an instance/);
  up.child.kill("SIGTERM");
  assert.equal(await up.gone, 0);
  assert.deepEqual(processesOf(folder.dataDir), []);
  origin.server.close();
});

test("the edge starts from disk and serves with the control plane dead", async (t) => {
  const folder = await makeFolder();
  t.after(() => folder.remove());
  const origin = await originSaying("still here");
  const up = await launch(["up", "--data", folder.dataDir], { ready: READY });
  assert.equal(
    (await call(["protect", "shop.example", "--origin", origin.url, "--data", folder.dataDir])).code,
    0,
  );
  up.child.kill("SIGTERM");
  await up.gone;
  const edge = await launch(["edge", "--data", folder.dataDir], { ready: "The edge runs alone" });
  assert.equal((await visit(folder.edge, { hostname: "shop.example" })).body, "still here");
  edge.child.kill("SIGINT");
  assert.equal(await edge.gone, 0);
  assert.deepEqual(processesOf(folder.dataDir), []);
  origin.server.close();
});

test("a real web application and a real tree of documents, neither written here, are served through the edge", async (t) => {
  const folder = await makeFolder();
  t.after(() => folder.remove());
  const up = await launch(["up", "--data", folder.dataDir], { ready: READY });
  const [docs = 0, app = 0] = await freePorts(2);
  const { spawn } = await import("node:child_process");
  const servers = [
    spawn(
      "python3",
      ["-m", "http.server", String(docs), "--bind", "127.0.0.1", "--directory", "/usr/share/doc"],
      { stdio: "ignore" },
    ),
    // The Go toolchain's own documentation server does not come with it; Vite's development server is an application
    // with modules, redirects and a WebSocket of its own, and serves the console's sources here.
    spawn(
      process.execPath,
      [
        "node_modules/vite/bin/vite.js",
        "src/console",
        "--port",
        String(app),
        "--strictPort",
        "--host",
        "127.0.0.1",
        "--base",
        "/console/",
      ],
      { stdio: "ignore" },
    ),
  ];
  for (const port of [docs, app]) {
    await until(
      `port ${port}`,
      () =>
        new Promise<true | null>((resolve) => {
          const socket = connect(port, "127.0.0.1", () => {
            socket.destroy();
            resolve(true);
          });
          socket.on("error", () => resolve(null));
        }),
    );
  }
  for (const [hostname, port] of [
    ["docs.localhost", docs],
    ["app.localhost", app],
  ] as const) {
    const protect = await call([
      "protect",
      hostname,
      "--origin",
      `http://127.0.0.1:${port}`,
      "--data",
      folder.dataDir,
    ]);
    assert.equal(protect.code, 0, protect.output);
  }
  const tree = await visit(folder.edge, { hostname: "docs.localhost", path: "/nginx/" });
  assert.match(tree.body, /Directory listing/);
  const file = await visit(folder.edge, { hostname: "docs.localhost", path: "/nginx/copyright" });
  assert.equal(file.body, readFileSync("/usr/share/doc/nginx/copyright", "utf8"));
  const index = await visit(folder.edge, { hostname: "app.localhost", path: "/console/" });
  assert.equal(index.status, 200);
  assert.match(index.body, /@vite\/client/);
  for (const server of servers) server.kill("SIGKILL");
  up.child.kill("SIGINT");
  assert.equal(await up.gone, 0);
});
