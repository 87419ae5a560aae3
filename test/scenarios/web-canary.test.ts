/**
 * Law 1 at the public pages: a marker is written into every identity field, in forms that are right, wrong, broken, foreign and
 * too large, and then looked for in every byte that leaves: bodies and headers of every answer, what the process prints, alarms,
 * and the whole database. There is one exception, and it is stated here: a form that comes back with an error shows its
 * own sender what they typed.
 */
import assert from "node:assert/strict";
import { readdirSync, readFileSync, statSync } from "node:fs";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { FORUM, openWebStage, type WebStage } from "./web-stage.ts";

const MARKERS = {
  name: "Zebulon-Marker-4471",
  email: "zqx-marker-4472@mail.example",
  phone: "+44 7700 900447",
} as const;
const FOUND = new RegExp(
  [
    ...Object.values(MARKERS),
    ...Object.values(MARKERS).map((marker) => encodeURIComponent(marker)),
    "Marker-447",
    "marker-447",
    "900447",
  ]
    .map((text) => text.replace(/[+.]/g, "\\$&"))
    .join("|"),
);

let stage: WebStage;
let printed = "";
const [out, err] = [process.stdout.write.bind(process.stdout), process.stderr.write.bind(process.stderr)];
before(async () => {
  stage = await openWebStage();
  const listen = (original: typeof out): typeof out =>
    ((chunk: string | Uint8Array, ...rest: never[]) => {
      printed += Buffer.from(chunk as string).toString("utf8");
      return original(chunk, ...rest);
    }) as typeof out;
  process.stdout.write = listen(out);
  process.stderr.write = listen(err);
});
after(async () => {
  process.stdout.write = out;
  process.stderr.write = err;
  await stage.close();
});

/** Says where a marker was found, without printing what it was found in. */
function absent(text: string, where: string): void {
  assert.equal(FOUND.exec(text)?.index ?? -1, -1, `a marker stands in ${where}`);
}

type Sent = { readonly status: number; readonly headers: string; readonly body: string };
async function send(path: string, init: RequestInit): Promise<Sent> {
  const response = await fetch(stage.url + path, { redirect: "manual", ...init });
  return {
    status: response.status,
    headers: JSON.stringify([...response.headers]),
    body: await response.text(),
  };
}

const right = {
  harm: "doxxing",
  url: `https://${FORUM}/t/1`,
  statement: "They posted where I live.",
  quoted: "",
  ...MARKERS,
};
const form = (fields: Record<string, string>): RequestInit => ({
  method: "POST",
  body: new URLSearchParams(fields),
});

test("No answer holds the identity, but the form that comes back to its own sender", async () => {
  const tries: [what: string, path: string, init: RequestInit, status: number, own: boolean][] = [
    ["a right report", "/report", form(right), 200, false],
    ["a report in French", "/report?lang=fr", form({ ...right, statement: "autre" }), 200, false],
    ["a report without a harm", "/report", form({ ...right, harm: "" }), 422, true],
    [
      "a report about a site that is not here",
      "/report",
      form({ ...right, url: "https://elsewhere.example/" }),
      404,
      true,
    ],
    ["a statement that is too long", "/report", form({ ...right, statement: "x".repeat(5001) }), 422, true],
    [
      "a field twice",
      "/report",
      {
        ...form(right),
        body: `${new URLSearchParams(right)}&name=${MARKERS.name}`,
        headers: { "content-type": "application/x-www-form-urlencoded" },
      },
      422,
      false,
    ],
    [
      "a broken escape",
      "/report",
      {
        ...form(right),
        body: `${new URLSearchParams(right)}&x=%zz`,
        headers: { "content-type": "application/x-www-form-urlencoded" },
      },
      422,
      false,
    ],
    [
      "JSON",
      "/report",
      { method: "POST", body: JSON.stringify(right), headers: { "content-type": "application/json" } },
      422,
      false,
    ],
    [
      "a form from elsewhere",
      "/report",
      { ...form(right), headers: { origin: "https://evil.example" } },
      403,
      false,
    ],
    ["too much", "/report", form({ ...right, statement: "x".repeat(200_000) }), 413, false],
    ["a form at a page that takes none", "/log", form(right), 404, false],
    ["a form at no page", `/${MARKERS.name}`, form(right), 404, false],
    ["the identity in an address", `/report?name=${MARKERS.name}&email=${MARKERS.email}`, {}, 200, false],
    ["the identity as a code", "/mailbox", form({ code: MARKERS.phone }), 404, false],
    ["the identity as a token", `/statement/${MARKERS.name}`, {}, 404, false],
    ["the identity as a one-time link", "/enter", form({ token: MARKERS.name }), 401, false],
    ["the identity as a state", `/api/v1/transparency?from=${MARKERS.name}`, {}, 422, false],
  ];
  for (const [what, path, init, status, own] of tries) {
    const sent = await send(path, init);
    assert.equal(sent.status, status, `${what}: ${sent.body.slice(0, 400)}`);
    absent(sent.headers, what);
    if (own) assert.ok(sent.body.includes(MARKERS.name), `${what}: nothing typed is lost`);
    else absent(sent.body, what);
  }
});

test("No page that others read holds the identity", async () => {
  let pages = 0;
  for (const path of [
    "/",
    "/report",
    "/mailbox",
    "/log",
    "/log/entry/0",
    "/log/checkpoint",
    "/transparency",
    "/transparency.json",
    "/.well-known/security.txt",
    "/healthz",
    "/api/v1/openapi.json",
    "/api/v1/transparency",
  ]) {
    const sent = await send(path, {});
    assert.equal(sent.status, 200, path);
    absent(sent.body + sent.headers, path);
    pages += 1;
  }
  assert.equal(pages, 12);
});

test("The mailbox gives the reporter no identity back, as this server cannot read it", async () => {
  const thanks = await send("/report", form({ ...right, statement: "Third time." }));
  const code = /<p class="code">([\s\S]*?)<\/p>/.exec(thanks.body)?.[1]?.replace(/\D/g, "") ?? "";
  assert.match(code, /^\d{16}$/);
  const mailbox = await send("/mailbox", form({ code }));
  assert.equal(mailbox.status, 200);
  absent(mailbox.body, "it");
});

test("Nothing printed, no alarm and no byte of the database holds the identity", async () => {
  absent(printed, "it");
  absent(JSON.stringify(stage.alarms), "it");
  const tables = await stage.db.query<{ name: string }>(
    `select table_name as name from information_schema.tables where table_schema = 'public' and table_type = 'BASE TABLE'`,
  );
  let rows = 0;
  for (const { name } of tables) {
    const dump = await stage.db.query<{ row: string }>(`select row_to_json(t)::text as row from "${name}" t`);
    rows += dump.length;
    const text = dump.map(({ row }) => row).join("\n");
    absent(text, name);
    // bytea shows as hex: the bytes behind it are looked through too.
    for (const [, hex] of text.matchAll(/\\\\x([0-9a-f]{8,})/g)) {
      absent(Buffer.from(hex ?? "", "hex").toString("latin1"), name);
    }
  }
  assert.ok(tables.length > 20 && rows > 10, `${tables.length} tables, ${rows} rows`);
  let files = 0;
  const walk = (folder: string): void => {
    for (const entry of readdirSync(folder)) {
      const path = join(folder, entry);
      if (statSync(path).isDirectory()) walk(path);
      else {
        files += 1;
        absent(readFileSync(path).toString("latin1"), path);
      }
    }
  };
  walk(stage.dataDir);
  assert.ok(files > 10);
});

test("The search finds what it looks for when it is there", () => {
  for (const marker of Object.values(MARKERS)) assert.match(`x ${marker} y`, FOUND);
  assert.match(new URLSearchParams({ email: MARKERS.email }).toString(), FOUND);
});

test("Without a vault an identity is refused and not shown again, and the rest is kept", async () => {
  const bare = await openWebStage({ vault: false });
  try {
    const page = await (await fetch(`${bare.url}/report`)).text();
    assert.doesNotMatch(page, /name="email"/);
    const response = await fetch(`${bare.url}/report`, form(right));
    assert.equal(response.status, 409);
    const body = await response.text();
    absent(body, "the answer");
    assert.match(body, /They posted where I live\./);
    const [row] = await bare.db.query<{ n: string }>("select count(*) as n from report");
    assert.equal(Number(row?.n), 0);
    const { name: _n, email: _e, phone: _p, ...anonymous } = right;
    assert.equal((await fetch(`${bare.url}/report`, form(anonymous))).status, 200);
  } finally {
    await bare.close();
  }
});
