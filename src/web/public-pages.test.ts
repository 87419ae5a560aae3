import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { after, before, test } from "node:test";
import { Fault } from "../contract/fault.ts";
import { KNOWN_CODE, startControl, type TestControl } from "../api/testing.ts";
import { codeOf } from "./mailbox-page.ts";
import { STYLE } from "./style.ts";
import { languageOf, LANGUAGES, WORDS } from "./words.ts";

let server: TestControl;
before(async () => {
  server = await startControl();
});
after(() => server.close());

const good = {
  harm: "doxxing",
  url: "forum.example/t/1",
  statement: "They posted where I live.",
  quoted: "go there",
};
const get = (path: string, headers: Record<string, string> = {}): Promise<Response> =>
  fetch(server.url + path, { headers, redirect: "manual" });
const post = (
  path: string,
  fields: Record<string, string>,
  headers: Record<string, string> = {},
): Promise<Response> =>
  fetch(server.url + path, {
    method: "POST",
    body: new URLSearchParams(fields),
    headers,
    redirect: "manual",
  });

const PAGES = [
  "/",
  "/report",
  "/mailbox",
  "/appeal",
  "/log",
  "/log/entry/0",
  "/transparency",
  "/nowhere",
] as const;

test("Every page is quiet: no script, no cookie, no third party, nothing kept, nothing told", async () => {
  for (const path of PAGES) {
    const response = await get(path);
    const body = await response.text();
    const { headers } = response;
    const policy = headers.get("content-security-policy") ?? "";
    assert.match(policy, /^default-src 'none'; style-src 'sha256-[^']+'; form-action 'self'/, path);
    assert.ok(!policy.includes("unsafe"), path);
    assert.equal(headers.get("referrer-policy"), "no-referrer");
    assert.equal(headers.get("cache-control"), "no-store");
    assert.equal(headers.get("set-cookie"), null);
    assert.doesNotMatch(body, /<script|javascript:|\son\w+=|<iframe|<img|@import/i, path);
    for (const [, address = ""] of body.matchAll(/\s(?:href|src|action)="([^"]*)"/g)) {
      assert.match(address, /^(?:\/(?!\/)|#)/, `${path} leads to ${address}`);
    }
    const style = /<style>([\s\S]*?)<\/style>/.exec(body)?.[1] ?? "";
    assert.equal(style, STYLE);
    assert.ok(
      policy.includes(createHash("sha256").update(style).digest("base64")),
      `${path}: the policy names this style`,
    );
  }
});

test("Every page has a language, a title, one heading, a main part, and the way out on top", async () => {
  for (const path of PAGES) {
    for (const language of LANGUAGES) {
      const body = await (await get(`${path}?lang=${language}`)).text();
      assert.match(body, new RegExp(`<html lang="${language}"`), path);
      assert.equal(body.match(/<h1/g)?.length, 1, path);
      assert.equal(body.match(/<main /g)?.length, 1, path);
      assert.match(body, /<title>[^<]+ · Riverside Shield<\/title>/);
      assert.ok(body.includes(WORDS[language].leave));
      assert.match(body, /<meta name="viewport"/);
      for (const [, id = ""] of body.matchAll(/<label for="([^"]+)"/g))
        assert.ok(body.includes(`id="${id}"`), id);
    }
  }
});

test("Both languages say everything, and each in its own words", () => {
  const flat = (words: object, at = ""): [string, unknown][] =>
    Object.entries(words).flatMap(([key, value]) =>
      typeof value === "object" && value !== null
        ? flat(value as object, `${at}${key}.`)
        : [[at + key, value]],
    );
  const en = new Map(flat(WORDS.en));
  const fr = new Map(flat(WORDS.fr));
  assert.deepEqual([...fr.keys()].sort(), [...en.keys()].sort());
  const same = [...en].filter(
    ([key, value]) => typeof value === "string" && value !== "" && fr.get(key) === value,
  );
  const allowed = new Set([
    "measureKinds.warn",
    "counts.sources",
    "counts.appealsMade",
    "sites",
    "levels.IMMINENT",
    "level",
    "logOrigin",
    "messages",
    "levels.MODERATE",
  ]);
  assert.deepEqual(
    same.map(([key]) => key).filter((key) => !allowed.has(key)),
    [],
  );
  for (const [key, value] of [...en, ...fr]) {
    if (typeof value === "string") assert.notEqual(value.trim(), "", key);
  }
});

test("The language comes from the address, then from the browser's wishes, then is English", () => {
  const table: [string, string | null, string][] = [
    ["/?lang=fr", "en", "fr"],
    ["/?lang=en", "fr", "en"],
    ["/?lang=xx", "fr", "fr"],
    ["/", null, "en"],
    ["/", "", "en"],
    ["/", "fr-CA, en;q=0.8", "fr"],
    ["/", "de, fr;q=0.3, en;q=0.9", "en"],
    ["/", "de", "en"],
    ["/", "fr;q=0", "en"],
    ["/", ",;q=,fr;q=9", "fr"],
    ["/", "x".repeat(100_000), "en"],
  ];
  for (const [path, wish, language] of table) {
    assert.equal(
      languageOf(new URL(path, "http://x.example"), wish),
      language,
      `${path} ${wish?.slice(0, 30)}`,
    );
  }
});

test("A report reaches the desk with its exact bytes, and the answer shows the code and tells the browser to forget", async () => {
  const body =
    "harm=doxxing&url=forum.example%2ft%2f1&statement=caf%C3%A9+%0D%0A+two&quoted=&name=&email=&phone=";
  const response = await fetch(`${server.url}/report?lang=fr`, {
    method: "POST",
    body,
    headers: { "content-type": "application/x-www-form-urlencoded" },
  });
  assert.equal(response.status, 200);
  assert.equal(response.headers.get("clear-site-data"), '"cache", "storage"');
  const page = await response.text();
  assert.match(page.replace(/<[^>]+>/g, " "), /1234\s+5678\s+9012\s+3456/);
  assert.ok(page.includes(createHash("sha256").update(body).digest("hex")));
  const received = server.desk.received.at(-1);
  assert.equal(Buffer.from(received?.original ?? []).toString(), body);
  assert.equal(received?.originalContentType, "application/x-www-form-urlencoded");
  assert.equal(received?.url, "https://forum.example/t/1");
  assert.equal(received?.statement, "café \n two");
  assert.equal(received?.language, "fr");
  assert.equal(received?.identity, null);
});

test("One filled identity field makes an identity", async () => {
  await post("/report", { ...good, name: "", email: " a@mail.example ", phone: "" });
  assert.deepEqual(server.desk.received.at(-1)?.identity, { name: "", email: "a@mail.example", phone: "" });
});

test("A wrong form comes back with its errors beside the fields, and with everything typed, escaped", async () => {
  const tricky = `"><script>alert(1)</script> & 'x' \n\n  y`;
  const wrong: [Record<string, string>, string[]][] = [
    [{ ...good, harm: "" }, ["harm"]],
    [{ ...good, harm: "hunger" }, ["harm"]],
    [{ ...good, url: "" }, ["url"]],
    [{ ...good, url: "javascript:alert(1)" }, ["url"]],
    [{ ...good, url: "not an address" }, ["url"]],
    [{ ...good, url: `https://x.example/${"a".repeat(2000)}` }, ["url"]],
    [{ ...good, statement: "  \n " }, ["statement"]],
    [{ ...good, statement: "x".repeat(5001) }, ["statement"]],
    [{ ...good, quoted: "x".repeat(5001), email: "nobody" }, ["quoted", "email"]],
    [{ ...good, name: "n".repeat(201), phone: "1".repeat(41) }, ["name", "phone"]],
    [{}, ["harm", "url", "statement"]],
  ];
  const before = server.desk.received.length;
  for (const [fields, errors] of wrong) {
    const response = await post("/report", { quoted: tricky, ...fields });
    assert.equal(response.status, 422);
    const body = await response.text();
    const invalid = [...body.matchAll(/id="(\w+)-error"/g)].map((match) => match[1]);
    assert.deepEqual(invalid.sort(), errors.sort(), JSON.stringify(fields).slice(0, 80));
    assert.ok(!body.includes("<script>alert"));
    for (const error of errors) assert.match(body, new RegExp(`aria-describedby="[^"]*${error}-error`));
  }
  assert.equal(server.desk.received.length, before);
  const kept = await (await post("/report", { ...good, harm: "", quoted: tricky })).text();
  assert.ok(
    kept.includes("&quot;&gt;&lt;script&gt;alert(1)&lt;/script&gt; &amp; &#39;x&#39; \n\n  y</textarea>"),
  );
});

test("When the desk fails, nothing typed is lost and the failure keeps its secrets", async () => {
  server.desk.failNext = new Error(`could not insert (${good.statement})`);
  const inside = await post("/report", good);
  assert.equal(inside.status, 500);
  const body = await inside.text();
  assert.ok(body.includes(`${good.statement}</textarea>`));
  assert.ok(!JSON.stringify(server.alarms).includes(good.statement));
  server.desk.failNext = new Fault("state.not-found", "elsewhere is not protected here", {
    fields: { url: "x" },
  });
  const elsewhere = await post("/report?lang=fr", good);
  assert.equal(elsewhere.status, 404);
  assert.ok((await elsewhere.text()).includes(WORDS.fr.errorNotOurs));
});

test("A form from another page, of another type or too large is refused", async () => {
  const before = server.desk.received.length;
  for (const headers of [
    { origin: "https://evil.example" },
    { "sec-fetch-site": "cross-site" },
    { origin: "null", "sec-fetch-site": "cross-site" },
  ]) {
    assert.equal((await post("/report", good, headers as Record<string, string>)).status, 403);
  }
  const multipart = new FormData();
  multipart.set("harm", "doxxing");
  assert.equal((await fetch(`${server.url}/report`, { method: "POST", body: multipart })).status, 422);
  assert.equal((await post("/report", { ...good, statement: "x".repeat(200_000) })).status, 413);
  assert.equal(server.desk.received.length, before);
  const nulls = await post("/report", good, { origin: "null", "sec-fetch-site": "same-origin" });
  assert.equal(nulls.status, 200, "our own pages send a null origin, as they tell nobody where they are");
});

test("The longest report that the fields allow fits, in any script", async () => {
  const han = "語".repeat(5000);
  const response = await post("/report", { ...good, statement: han, quoted: han });
  assert.equal(response.status, 200);
  assert.equal(server.desk.received.at(-1)?.quoted.length, 5000);
});

test("A code is sixteen digits, however they are grouped", () => {
  for (const typed of [
    "1234567890123456",
    " 1234 5678 9012 3456 ",
    "1234-5678-9012-3456",
    "1234\u00a05678\u00a09012\u00a03456",
  ]) {
    assert.equal(codeOf(typed), KNOWN_CODE);
  }
  for (const typed of [
    "",
    "123456789012345",
    "12345678901234567",
    "１２３４５６７８９０１２３４５６",
    "x".repeat(1000),
  ]) {
    assert.equal(codeOf(typed), null, typed.slice(0, 30));
  }
});

test("The mailbox opens with the code, takes a message, and gives back what it refuses", async () => {
  const opened = await post("/mailbox", { code: "1234 5678 9012 3456" });
  assert.equal(opened.status, 200);
  assert.match(await opened.text(), /We are looking at it\./);
  const written = await post("/mailbox", { code: KNOWN_CODE, do: "write", text: "<b>more</b>" });
  assert.match(await written.text(), /&lt;b&gt;more&lt;\/b&gt;/);
  assert.equal((await post("/mailbox", { code: KNOWN_CODE, do: "write", text: " " })).status, 422);
  const long = await post("/mailbox", { code: KNOWN_CODE, do: "write", text: "y".repeat(5001) });
  assert.equal(long.status, 422);
  assert.ok((await long.text()).includes(`${"y".repeat(5001)}</textarea>`));
});

test("A wrong code takes as long as a right one, and only wrong ones are counted", async () => {
  const timed = async (code: string): Promise<number> => {
    const start = performance.now();
    await (await post("/mailbox", { code })).text();
    return performance.now() - start;
  };
  for (const code of [KNOWN_CODE, "0000000000000000", "no code"]) assert.ok((await timed(code)) >= 395, code);
  await Promise.all(Array.from({ length: 30 }, () => post("/mailbox", { code: KNOWN_CODE })));
  let status = 0;
  for (let i = 0; i < 25 && status !== 429; i++) {
    const answers = await Promise.all(
      Array.from({ length: 12 }, () => post("/mailbox", { code: "0000000000000001" })),
    );
    status = answers.some((answer) => answer.status === 429) ? 429 : 404;
    assert.ok(answers.every((answer) => answer.status === 404 || answer.status === 429));
  }
  assert.equal(status, 429);
  const blocked = await post("/mailbox", { code: KNOWN_CODE });
  assert.equal(blocked.status, 429);
  assert.match(blocked.headers.get("retry-after") ?? "", /^\d+$/);
});

test("The log gives programs its exact bytes, and an error no long cache", async () => {
  const checkpoint = await get("/log/checkpoint");
  assert.equal(checkpoint.headers.get("content-type"), "text/plain; charset=utf-8");
  assert.equal(checkpoint.headers.get("cache-control"), "no-store");
  assert.equal(await checkpoint.text(), (await server.ledger.checkpoint())?.note);
  for (const path of ["tile/0/000.p/1", "tile/entries/000.p/1"]) {
    const tile = await get(`/log/${path}`);
    assert.equal(tile.status, 200, path);
    assert.equal(tile.headers.get("content-type"), "application/octet-stream");
    assert.match(tile.headers.get("cache-control") ?? "", /immutable/);
    assert.deepEqual(
      new Uint8Array(await tile.arrayBuffer()),
      new Uint8Array((await server.ledger.file(path)) ?? []),
    );
  }
  for (const path of [
    "tile/0/999",
    "tile/0/..%2f..%2fsecret",
    "tile/0/000.p/0",
    "tile/x",
    "tile/entries/abc",
    "tile/0/000.p/1/2",
  ]) {
    const missing = await get(`/log/${path}`);
    assert.equal(missing.status, 404, path);
    assert.equal(missing.headers.get("cache-control"), "no-store", path);
  }
  for (const index of ["1", "-1", "x", "00", "9".repeat(15)])
    assert.equal((await get(`/log/entry/${index}`)).status, 404, index);
});

test("Leaving quickly clears what the browser kept and leads to a harmless page", async () => {
  const response = await get("/leave?lang=fr");
  assert.equal(response.status, 303);
  assert.equal(response.headers.get("clear-site-data"), '"cache", "storage"');
  assert.equal(new URL(response.headers.get("location") ?? "").hostname, "fr.wikipedia.org");
});

test("A one-time link signs in by a button, not by being opened: a mail scanner does not spend it", async () => {
  const { signInLink } = await server.control.invite({
    name: "A",
    email: "a@desk.example",
    roles: ["officer"],
  });
  const path = signInLink.slice(server.url.length);
  for (let i = 0; i < 3; i++) {
    const page = await get(path);
    assert.equal(page.status, 200);
    assert.equal(page.headers.get("set-cookie"), null);
  }
  const token = new URL(signInLink).searchParams.get("token") ?? "";
  assert.equal((await post("/enter", { token }, { origin: "https://evil.example" })).status, 403);
  const entered = await post("/enter", { token });
  assert.equal(entered.status, 303);
  assert.equal(entered.headers.get("location"), "/console/");
  assert.ok(entered.headers.getSetCookie().every((cookie) => /path=\/api/i.test(cookie)));
  assert.equal((await post("/enter", { token })).status, 401);
  assert.equal((await get("/enter")).status, 422);
});

test("security.txt and health are there", async () => {
  const text = await (await get("/.well-known/security.txt")).text();
  assert.match(text, /^Contact: https:\/\/shield\.example$/m);
  assert.match(text, /^Contact: mailto:desk@shield\.example$/m);
  const expires = Date.parse(/^Expires: (.+)$/m.exec(text)?.[1] ?? "");
  assert.ok(expires > Date.now() && expires < Date.now() + 366 * 86_400_000);
  assert.equal(await (await get("/healthz")).text(), "ok\n");
});

test("A flood of reports from one client is refused with what was typed", async () => {
  let last = 200;
  for (let i = 0; i < 40 && last === 200; i++) {
    const response = await post("/report", { ...good, statement: `flood ${i}` });
    last = response.status;
    if (last === 429) assert.ok((await response.text()).includes(`flood ${i}</textarea>`));
  }
  assert.equal(last, 429);
});

test("The way to object leads the owner to their statement, the reporter to their mailbox, and guesses nowhere", async () => {
  const token = "a".repeat(43);
  for (const link of [
    `https://desk.example/statement/${token}`,
    `/statement/${token}?lang=fr`,
    token,
    ` ${token} `,
  ]) {
    const response = await post("/appeal", { link });
    assert.equal(response.status, 303, link);
    assert.equal(response.headers.get("location"), `/statement/${token}?lang=en`);
  }
  for (const link of [
    "",
    "https://elsewhere.example/",
    "//elsewhere.example/x",
    "/statement/../log",
    `${token}/..`,
    "<script>",
  ]) {
    const response = await post("/appeal", { link });
    assert.equal(response.status, 422, link);
    assert.doesNotMatch(await response.text(), /<script>/);
  }
});
