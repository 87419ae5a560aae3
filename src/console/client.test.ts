import assert from "node:assert/strict";
import { test } from "node:test";
import { FAULT_STATUS, type FaultCode } from "../contract/fault.ts";
import { ClientFault, createClient, faultOf, fillPath, queryOf, retryAfterMs } from "./client.ts";
import type { DecisionId } from "../contract/ids.ts";

type Sent = { url: string; init: RequestInit };

function clientAnswering(answer: () => Response | Promise<Response>): {
  sent: Sent[];
  client: ReturnType<typeof createClient>;
} {
  const sent: Sent[] = [];
  const client = createClient({
    language: () => "fr",
    fetch: async (url, init) => {
      sent.push({ url, init });
      return await answer();
    },
  });
  return { sent, client };
}

const problem = (code: string, status: number, more: object = {}): Response =>
  new Response(
    JSON.stringify({ type: "about:blank", title: "t", status, detail: "Do this.", code, ...more }),
    {
      status,
      headers: { "content-type": "application/problem+json" },
    },
  );

const caught = async (promise: Promise<unknown>): Promise<ClientFault> => {
  const error = await promise.then(
    () => null,
    (e: unknown) => e,
  );
  assert.ok(error instanceof ClientFault);
  return error;
};

test("a call sends method, filled path, JSON body, language and same-origin credentials", async () => {
  const { sent, client } = clientAnswering(() => Response.json({ ok: 1 }));
  await client.call("POST /decisions/{decisionId}/{action}", {
    params: { decisionId: "deci_1" as DecisionId, action: "confirm" },
    body: { reason: "Seen." },
  });
  assert.equal(sent.length, 1);
  assert.equal(sent[0]?.url, "/api/v1/decisions/deci_1/confirm");
  assert.equal(sent[0]?.init.method, "POST");
  assert.equal(sent[0]?.init.credentials, "same-origin");
  assert.equal(sent[0]?.init.body, '{"reason":"Seen."}');
  assert.equal(new Headers(sent[0]?.init.headers).get("accept-language"), "fr");
});

test("a read sends no body and no content type", async () => {
  const { sent, client } = clientAnswering(() => Response.json({ items: [], total: 0 }));
  await client.call("GET /cases", {});
  assert.equal(sent[0]?.init.body, undefined);
  assert.equal(new Headers(sent[0]?.init.headers).get("content-type"), null);
});

test("a path parameter cannot leave its segment, and a missing one throws", () => {
  assert.equal(fillPath("/cases/{caseId}", { caseId: "../people?x=1" }), "/cases/..%2Fpeople%3Fx%3D1");
  assert.throws(() => fillPath("/cases/{caseId}", {}), /lacks its parameter "caseId"/);
  assert.throws(() => fillPath("/cases/{caseId}", { caseId: "" }), /caseId/);
});

test("what is asked of a list travels encoded, and what is not asked is left out", () => {
  assert.equal(queryOf({}), "");
  assert.equal(queryOf({ q: "", state: undefined }), "");
  assert.equal(
    queryOf({ q: "2001:db8::/32 & more", state: "ended" }),
    "?q=2001%3Adb8%3A%3A%2F32+%26+more&state=ended",
  );
});

test("every fault code of the contract survives the journey with its detail and fields", async () => {
  const codes = Object.keys(FAULT_STATUS) as FaultCode[];
  assert.ok(codes.length > 20);
  for (const code of codes) {
    const fault = await faultOf(problem(code, FAULT_STATUS[code], { fields: { reason: "Write one." } }));
    assert.deepEqual(
      [fault.code, fault.status, fault.message, fault.fields],
      [code, FAULT_STATUS[code], "Do this.", { reason: "Write one." }],
    );
  }
});

test("an answer that is no problem document falls back to its status, and never shows foreign text", async () => {
  const cases: [Response, string][] = [
    [new Response("<html>secret</html>", { status: 502 }), "offline"],
    [new Response("", { status: 401 }), "auth.required"],
    [new Response("", { status: 404 }), "state.not-found"],
    [new Response("", { status: 429, headers: { "retry-after": "7" } }), "limit.rate"],
    [new Response("{", { status: 500, headers: { "content-type": "application/json" } }), "broken"],
    [new Response("null", { status: 500, headers: { "content-type": "application/json" } }), "broken"],
    [problem("no.such-code", 409), "state.conflict"],
    [problem("toString", 500), "broken"],
  ];
  for (const [response, code] of cases) {
    const fault = await faultOf(response);
    assert.equal(fault.code, code);
    assert.doesNotMatch(fault.message, /secret/);
  }
});

test("fields that are not text are dropped", async () => {
  const fault = await faultOf(problem("input.invalid", 422, { fields: { a: "b", c: { d: 1 }, e: 5 } }));
  assert.deepEqual(fault.fields, { a: "b" });
});

test("no server is offline, a garbled success is broken, an abort stays an abort", async () => {
  const { client: dead } = clientAnswering(() => Promise.reject(new TypeError("fetch failed")));
  assert.equal((await caught(dead.call("GET /me", {}))).code, "offline");
  const { client: garbled } = clientAnswering(() => new Response("<html>"));
  assert.equal((await caught(garbled.call("GET /me", {}))).code, "broken");
  const abort = new AbortController();
  abort.abort();
  await assert.rejects(dead.call("GET /me", { signal: abort.signal }), TypeError);
});

test("Retry-After is read in seconds and anything else is ignored", () => {
  const table: [string | null, number | null][] = [
    [null, null],
    ["0", 0],
    ["30", 30_000],
    ["-1", null],
    ["Wed, 21 Oct 2026 07:28:00 GMT", null],
    ["99999999", null],
  ];
  for (const [header, ms] of table) assert.equal(retryAfterMs(header), ms);
});
