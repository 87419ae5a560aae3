import assert from "node:assert/strict";
import { createServer, type RequestListener, type Server } from "node:http";
import { after, before, test } from "node:test";
import { singleOrigin, type OriginPool } from "../contract/origin-pool.ts";
import { checkExposure, isPublicAddress } from "./exposure.ts";

const WORDS =
  "The forum of the harbour: boats, tides, repairs, the weather of the week, who sails where, and what the council said about the new pier last night.";
const page = (extra = ""): string =>
  `<!doctype html><html><head><title>Harbour forum</title></head><body><main><h1>Harbour</h1><p>${WORDS}</p><p>${extra}</p></main></body></html>`;

const servers: Server[] = [];
async function serve(listener: RequestListener): Promise<number> {
  const server = createServer(listener);
  servers.push(server);
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  return (server.address() as { port: number }).port;
}
let edge = 0;
before(async () => {
  edge = await serve((_, answer) => void answer.end(page("12 members are here")));
});
after(() => {
  for (const server of servers) {
    server.close();
    server.closeAllConnections();
  }
});

const check = (port: number, changes: Partial<OriginPool> = {}): ReturnType<typeof checkExposure> =>
  checkExposure({
    origin: { ...singleOrigin("http", "origin.example", port), ...changes },
    hostname: "forum.example",
    resolve: async () => ["127.0.0.1"],
    edgeAddress: `127.0.0.1:${edge}`,
    isPublic: () => true,
  });

test("an origin that serves the same page to a stranger is exposed, even if a number on it differs", async () => {
  const hosts: (string | undefined)[] = [];
  const port = await serve((asked, answer) => {
    hosts.push(asked.headers.host);
    assert.equal(asked.headers["signature"], undefined);
    answer.end(page("13 members are here"));
  });
  const found = await check(port);
  assert.equal(found.exposed, true);
  assert.match(found.what, new RegExp(`127\\.0\\.0\\.1:${port} serves this site's page to whoever asks`));
  assert.deepEqual(hosts, ["forum.example"]);
});

test("an origin that refuses strangers, shows them another page, or does not listen is not exposed", async () => {
  const refusing = await serve((_, answer) => void answer.writeHead(403).end(page()));
  assert.equal((await check(refusing)).exposed, false);
  const other = await serve(
    (_, answer) =>
      void answer.end("<html><head><title>Welcome to nginx</title></head><body>It works</body></html>"),
  );
  assert.equal((await check(other)).exposed, false);
  assert.equal((await check(1)).exposed, false);
});

test("a signed site whose origin does not look at the signature is told so", async () => {
  const port = await serve((_, answer) => void answer.end(page()));
  assert.match((await check(port, { signed: true })).what, /although requests are signed/);
});

test("an origin that is asked for by an address is checked over TLS without a server name", async () => {
  const port = await serve((_, answer) => void answer.end(page()));
  for (const hostHeader of ["203.0.113.9", "203.0.113.9:8443", "[2001:db8::1]:8443"]) {
    const found = await check(port, { scheme: "https", hostHeader });
    // The server speaks no TLS: nobody is exposed, and nothing is thrown.
    assert.equal(found.exposed, false, hostHeader);
  }
});

test("an origin that never ends its answer is judged by its beginning", async () => {
  const port = await serve((_, answer) => {
    const more = (): void =>
      void (answer.destroyed || answer.write("x".repeat(65_536), () => setImmediate(more)));
    more();
  });
  assert.equal((await check(port)).exposed, false);
});

test("private addresses are not the public's to reach, and are not asked", async () => {
  let asked = 0;
  const port = await serve((_, answer) => {
    asked += 1;
    answer.end(page());
  });
  const found = await checkExposure({
    origin: singleOrigin("http", "127.0.0.1", port),
    hostname: "forum.example",
    resolve: async (host) => [host],
    edgeAddress: `127.0.0.1:${edge}`,
  });
  assert.equal(found.exposed, false);
  assert.equal(asked, 0);
  for (const [address, isPublic] of [
    ["8.8.8.8", true],
    ["10.0.0.1", false],
    ["::ffff:10.0.0.1", false],
    ["2606:4700::1", true],
    ["fd00::1", false],
  ] as const)
    assert.equal(isPublicAddress(address), isPublic, address);
});

test("a name that leads nowhere is said, and a failing resolver is no finding", async () => {
  const found = await checkExposure({
    origin: singleOrigin("http", "gone.example", 80),
    hostname: "forum.example",
    resolve: () => Promise.reject(new Error("no such name")),
    edgeAddress: `127.0.0.1:${edge}`,
  });
  assert.deepEqual([found.exposed, /leads nowhere/.test(found.what)], [false, true]);
});
