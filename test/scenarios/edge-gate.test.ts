/** The gate on real nginx: in a rush the origin is asked by few at once, nobody is lost, and friends of calm days go first. */
import assert from "node:assert/strict";
import { request } from "node:http";
import { after, before, test } from "node:test";
import type { SitePolicy } from "../../src/contract/policy.ts";
import { ask, openOrigin, openStage, policyFor, until, type Origin, type Stage } from "./edge-stage.ts";

/** More than lies in sockets and buffers. */
const LARGE = Buffer.alloc(12 * 1024 * 1024, "a");
let stage: Stage;
let origin: Origin;
let atOnce = 0;
let peak = 0;
let answerMs = 40;
let policy: SitePolicy;
const waiting: (() => void)[] = [];
let isStalled = false;

before(async () => {
  origin = await openOrigin((asked, answer) => {
    atOnce += 1;
    peak = Math.max(peak, atOnce);
    const end = (): void => {
      atOnce -= 1;
      if (asked.url === "/broken") answer.destroy();
      else if (asked.url === "/large") answer.end(LARGE);
      else if (asked.url === "/events") {
        answer.writeHead(200, { "content-type": "text/event-stream" });
        answer.write("data: one\n\n");
      } else answer.end("served");
    };
    if (isStalled) waiting.push(end);
    else setTimeout(end, answerMs);
  });
  stage = await openStage({ workers: 1 });
  policy = policyFor(origin.port, { hostnames: ["rush.example"] });
  await stage.apply(policy);
});
after(async () => {
  await stage.end();
  await origin.end();
});

/** The status, or 0 where there was no answer. */
async function from(localAddress: string, path = "/", method = "GET", body = ""): Promise<number> {
  const asked = { host: "rush.example", path, method, localAddress };
  const answer = await ask(stage.node.address, body === "" ? asked : { ...asked, body }).catch(() => null);
  return answer?.status ?? 0;
}

const tally = (statuses: readonly number[]): Record<string, number> => {
  const found: Record<string, number> = {};
  for (const status of statuses) found[status] = (found[status] ?? 0) + 1;
  return found;
};

test("who was here on a calm day goes first; strangers who waited in vain are told to come back", async () => {
  const friend = "127.0.3.7";
  answerMs = 5;
  for (let n = 0; n < 5; n++) assert.equal(await from(friend, `/calm-${n}`), 200);
  isStalled = true;
  let toldToComeBack = 0;
  const strangers = Array.from({ length: 300 }, async (_, n) => {
    const status = await from(`127.0.${4 + Math.floor(n / 200)}.${1 + (n % 200)}`, `/flood-${n}`);
    if (status === 503) toldToComeBack += 1;
    return status;
  });
  await until(() => waiting.length > 0);
  // All of them have asked, and none is answered: the next to ask has to wait.
  let asked = -1;
  await until(async () => {
    const before = asked;
    asked = origin.requests.length;
    await new Promise((resolve) => setTimeout(resolve, 200));
    return before === asked && asked === origin.requests.length;
  });
  const asFriend = from(friend, "/friend");
  await until(() => toldToComeBack > 50);
  // Places become free one by one: the friend's turn comes before that of any stranger who has not been called.
  const more = Array.from({ length: 50 }, (_, n) => from(`127.0.8.${1 + n}`, `/more-${n}`));
  await until(() => {
    waiting.shift()?.();
    return origin.requests.length > asked;
  });
  assert.equal(origin.requests[asked]?.url, "/friend");
  isStalled = false;
  answerMs = 40;
  for (const end of waiting.splice(0)) end();
  assert.equal(await asFriend, 200);
  await Promise.all([...strangers, ...more]);
});

test("in a rush few are at the origin at once, and everybody is served", async () => {
  peak = 0;
  const statuses = await Promise.all(
    Array.from({ length: 400 }, (_, n) =>
      n % 10 === 0
        ? from(`127.0.1.${1 + (n % 200)}`, "/form", "POST", "a=1")
        : from(`127.0.1.${1 + (n % 200)}`, `/page-${n}`),
    ),
  );
  assert.deepEqual(tally(statuses), { 200: 400 });
  assert.ok(peak < 120, `${peak} requests were at the origin at once`);
});

test("a signature that is found while they wait stops those it fits at their turn, and keeps no place from the others", async () => {
  isStalled = true;
  answerMs = 5;
  const flood = Array.from({ length: 150 }, (_, n) => from(`127.0.12.${1 + n}`, "/login.php"));
  await until(() => waiting.length > 0);
  const good = Array.from({ length: 40 }, (_, n) => from(`127.0.13.${1 + n}`, `/thread-${n}`));
  const mitigation = {
    mitigationId: "m-found-while-they-wait",
    siteId: policy.siteId,
    where: [{ feature: "path", value: "/login.php" }],
    action: "block",
    difficultyBits: 0,
    perSecond: 0,
    seconds: 60,
  } as const;
  await stage.node.mitigate([mitigation]);
  await until(async () => (await from("127.0.14.1", "/login.php")) === 403);
  isStalled = false;
  for (const end of waiting.splice(0)) end();
  const stopped = tally(await Promise.all(flood));
  assert.ok((stopped[403] ?? 0) > 50, JSON.stringify(stopped));
  assert.deepEqual(Object.keys(stopped).sort(), ["200", "403"]);
  assert.deepEqual(tally(await Promise.all(good)), { 200: 40 });
  // Every turn that was called for one who was stopped went on to somebody else.
  const later = Array.from({ length: 300 }, (_, n) => from(`127.0.15.${1 + (n % 200)}`, `/after-${n}`));
  assert.deepEqual(tally(await Promise.all(later)), { 200: 300 });
  await stage.node.mitigate([{ ...mitigation, seconds: 0 }]);
});

test("an origin that breaks off, and visitors who leave, give their places back", async () => {
  const statuses = await Promise.all(
    Array.from({ length: 200 }, (_, n) => from(`127.0.2.${1 + (n % 200)}`, "/broken")),
  );
  assert.ok(
    statuses.every((status) => status === 502),
    JSON.stringify(tally(statuses)),
  );
  const [host = "", port] = stage.node.address.split(":");
  for (let n = 0; n < 100; n++) {
    const left = request({ host, port, path: "/left", agent: false, headers: { host: "rush.example" } });
    left.on("error", () => undefined);
    left.end();
    setTimeout(() => left.destroy(), 20);
  }
  const later = await Promise.all(
    Array.from({ length: 200 }, (_, n) => from(`127.0.2.${1 + (n % 200)}`, `/later-${n}`)),
  );
  assert.deepEqual(tally(later), { 200: 200 });
});

test("an origin that is well with a rush gets all of it; as soon as it stalls, the others wait before the gate", async () => {
  // 40 at once, 20 ms each: three rounds in a stretch of the gate at most, on a machine of any speed. It lets pass twice as many.
  answerMs = 20;
  const atOnceMax = 40;
  let served = 0;
  const rushing = { isOver: false };
  const visitors = Array.from({ length: atOnceMax }, async (_, n) => {
    while (!rushing.isOver) {
      assert.equal(await from(`127.0.31.${1 + n}`, `/well-${n}`), 200);
      served += 1;
    }
  });
  // Far longer than the gate needs to find the origin well, and many more requests than on calm days.
  const begun = Date.now();
  await until(() => Date.now() - begun > 5000 && served > 2000);
  rushing.isOver = true;
  await Promise.all(visitors);
  isStalled = true;
  const late = Array.from({ length: 400 }, (_, n) => from(`127.0.32.${1 + (n % 200)}`, `/stalled-${n}`));
  await until(() => waiting.length > 0);
  let most = 0;
  await until(async () => {
    const before = waiting.length;
    most = Math.max(most, before);
    await new Promise((resolve) => setTimeout(resolve, 300));
    return before === waiting.length;
  });
  isStalled = false;
  for (const end of waiting.splice(0)) end();
  const found = tally(await Promise.all(late));
  assert.ok(most < 300, `${most} of 400 were let through to an origin that answered nobody`);
  assert.deepEqual(
    Object.keys(found).filter((status) => status !== "503"),
    ["200"],
  );
});

test("streams that go on, and answers that are read slowly, keep nobody from the origin", async () => {
  const [host = "", port] = stage.node.address.split(":");
  const held = Array.from({ length: 120 }, (_, n) =>
    request({
      host,
      port,
      path: n % 2 === 0 ? "/events" : "/large",
      localAddress: `127.0.21.${1 + n}`,
      agent: false,
      headers: { host: "rush.example" },
    }),
  );
  let begun = 0;
  for (const one of held) {
    one.on("error", () => undefined);
    one.on("response", (answer) => {
      begun += 1;
      answer.pause();
    });
    one.end();
  }
  await until(() => begun === held.length);
  const others = Array.from({ length: 60 }, (_, n) => from(`127.0.22.${1 + n}`, `/beside-${n}`));
  assert.deepEqual(tally(await Promise.all(others)), { 200: 60 });
  for (const one of held) one.destroy();
});

test("what the answers said of each second is handed to the watch", async () => {
  let answers = 0;
  let errors = 0;
  await from("127.0.9.1", "/");
  await from("127.0.9.1", "/broken");
  await until(async () => {
    for (const counts of (await stage.node.drainWatch()).responses) {
      assert.equal(counts.siteId, policy.siteId);
      answers += counts.originAnswers;
      errors += counts.originErrors;
    }
    return answers > 400 && errors > 200;
  });
});
