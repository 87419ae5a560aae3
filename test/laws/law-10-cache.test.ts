/** Law 10, tenants never meet, in the cache: nobody's answer is ever another tenant's, nor one visitor's another visitor's. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { POLICY_CACHE_DEFAULT } from "../../src/contract/new-policy.ts";
import {
  openOrigin,
  openStage,
  policyFor,
  sendRaw,
  type Answer,
  type Stage,
} from "../scenarios/edge-stage.ts";

const CACHE = { ...POLICY_CACHE_DEFAULT, mode: "origin" } as const;

async function twoTenants(run: (stage: Stage, ask: Ask) => Promise<void>): Promise<void> {
  const stage = await openStage();
  const origins = await Promise.all(
    ["a", "b"].map((tenant) =>
      openOrigin((request, answer) => {
        const url = request.url ?? "";
        answer.setHeader("Cache-Control", url.includes("private") ? "private, max-age=600" : "max-age=600");
        if (url.includes("public")) answer.setHeader("Cache-Control", "public, max-age=600");
        if (url.includes("cookie")) answer.setHeader("Set-Cookie", `session=${request.headers["x-who"]}`);
        if (url.includes("vary")) answer.setHeader("Vary", "X-Who");
        answer.end(
          `${tenant} for ${String(request.headers["x-who"] ?? "nobody")} at ${request.headers.host} ${url}`,
        );
      }),
    ),
  );
  try {
    for (const [i, host] of ["a.example", "b.example"].entries()) {
      const policy = policyFor(origins[i]!.port, { hostnames: [host, `*.${host}`], cache: CACHE });
      assert.equal((await stage.apply(policy)).ok, true);
    }
    await run(stage, (host, path, headers = {}) => stage.send({ host, path, headers }));
  } finally {
    await Promise.all(origins.map((origin) => origin.end()));
    await stage.end();
  }
}
type Ask = (host: string, path: string, headers?: Record<string, string>) => Promise<Answer>;

test("two tenants with equal paths never get each other's answer, whatever a client writes", async () => {
  await twoTenants(async (stage, ask) => {
    const forged = {
      "x-parapet-site": "site_00000000000000000000000000",
      "x-parapet-key": "anything",
      "x-parapet-step": "revalidate",
      "x-parapet-store": "EXPIRED",
      "x-forwarded-host": "a.example",
      "x-original-url": "/secret",
      "x-accel-expires": "0",
    };
    const hosts = [
      "a.example",
      "b.example",
      "A.EXAMPLE",
      "b.example.",
      "b.example:80",
      "x.a.example",
      "x.b.example",
    ];
    for (let round = 0; round < 2; round++) {
      for (const host of hosts) {
        for (const path of [
          "/",
          "/x.css",
          "/x?a=1",
          "/%20http%20a.example%20/",
          "/%0d%0aX:%20y",
          "/a.example/",
        ]) {
          for (const headers of [{}, forged]) {
            const answer = await ask(host, path, headers);
            const tenant = host.toLowerCase().includes("a.ex") ? "a" : "b";
            assert.ok(
              answer.body.startsWith(`${tenant} for nobody`),
              `${host} ${path}: ${answer.body.slice(0, 80)}`,
            );
            assert.ok(answer.body.endsWith(path), `${host} ${path}: ${answer.body.slice(0, 80)}`);
          }
        }
      }
    }
    const absolute = await sendRaw(
      stage.node.address,
      "GET http://b.example/x.css HTTP/1.1\r\nHost: a.example\r\nConnection: close\r\n\r\n",
    );
    assert.match(absolute, /^HTTP\/1.1 400 /);
    const spaced = await sendRaw(
      stage.node.address,
      "GET /x.css http a.example HTTP/1.1\r\nHost: b.example\r\nConnection: close\r\n\r\n",
    );
    assert.match(spaced, /^HTTP\/1.1 400 /);
  });
});

test("what is one visitor's own is never another's: cookies, private answers, Authorization, Vary", async () => {
  await twoTenants(async (_, ask) => {
    for (const path of ["/private", "/cookie.css", "/private.css"]) {
      for (const who of ["ada", "bob", "ada"]) {
        const answer = await ask("a.example", path, { "x-who": who });
        assert.ok(answer.body.startsWith(`a for ${who} `), `${path} ${who}: ${answer.body}`);
        if (path.includes("cookie")) assert.deepEqual(answer.headers["set-cookie"], [`session=${who}`]);
      }
    }
    for (const path of ["/secret", "/secret.css"]) {
      for (const who of ["ada", "bob"]) {
        const answer = await ask("a.example", path, { "x-who": who, authorization: `Basic ${who}` });
        assert.ok(answer.body.startsWith(`a for ${who} `), `${path} ${who}: ${answer.body}`);
      }
      const stranger = await ask("a.example", path, { "x-who": "eve" });
      assert.ok(stranger.body.startsWith("a for eve "), `${path}: ${stranger.body}`);
    }
    for (const who of ["ada", "bob", "ada", "bob"]) {
      const answer = await ask("a.example", "/vary", { "x-who": who });
      assert.ok(answer.body.startsWith(`a for ${who} `), answer.body);
    }
    await ask("a.example", "/public", { "x-who": "ada", authorization: "Basic ada" });
    const shared = await ask("a.example", "/public", { "x-who": "bob" });
    assert.ok(shared.body.startsWith("a for ada "), "the answer said that it may be shared");
  });
});
