/**
 * Law 1: a reporter's identity is sealed on arrival to a key that the server does not hold. Markers stand in every field of the
 * identity and in the original that carries it; then every byte that leaves the desk is searched for them: what its methods return,
 * what its errors say, the whole database row by row, every mail. And the two ways in: with two shares, and with none.
 */
import assert from "node:assert/strict";
import { test, type TestContext } from "node:test";
import { inspect } from "node:util";
import { Fault } from "../../src/contract/fault.ts";
import { createVault, openSealed, seal, Sealed } from "../../src/desk/vault.ts";
import { newReportCode } from "../../src/desk/report-code.ts";
import { seededRandom } from "../../src/ledger/testing.ts";
import { ALICE, BRUNO, CLARA, ESCALATION, openBench, proposal, type Bench } from "./desk-bench.ts";

const MARKERS = {
  name: "Marker Canaryname",
  email: "marker-canary@reporter.example",
  phone: "+33 1 99 00 12 34",
} as const;
/** Also how parts of them could appear: encoded, folded, without spaces, as bytes in a dump. */
const TRACES = [
  "Canaryname",
  "marker-canary",
  "99 00 12 34",
  "99001234",
  Buffer.from(MARKERS.email).toString("base64").slice(0, 24),
  Buffer.from(MARKERS.email).toString("hex"),
];

function search(where: string, text: string): void {
  const lower = text.toLowerCase();
  for (const trace of TRACES) {
    assert.equal(lower.includes(trace.toLowerCase()), false, `${where} carries "${trace}"`);
  }
}

test("the search finds a marker wherever it stands", () => {
  for (const text of [
    JSON.stringify(MARKERS),
    `x${MARKERS.email.toUpperCase()}x`,
    Buffer.from(MARKERS.email).toString("base64"),
    "call 99001234",
    inspect(MARKERS),
  ]) {
    assert.throws(() => search("the control", text), /carries/);
  }
});

const texts = (value: unknown): string =>
  `${JSON.stringify(value)}\n${inspect(value, { depth: 20, showHidden: true })}\n${String(value)}`;

async function sealedCase(t: TestContext): Promise<{
  bench: Bench;
  said: unknown[];
  caseId: Awaited<ReturnType<Bench["report"]>>["caseId"];
  code: string;
}> {
  const bench = await openBench(t);
  const said: unknown[] = [];
  const made = await bench.report({
    harm: "threat-to-life",
    statement: `I am ${MARKERS.name}, write to ${MARKERS.email.toUpperCase()} or call 01 99 00 12 34, I am afraid.`,
    quoted: `${ESCALATION}\nmail her at ${MARKERS.email}`,
    identity: MARKERS,
  });
  said.push(made);
  return { bench, said, caseId: made.caseId, code: made.code };
}

test("no byte that leaves the desk carries the reporter, from the report to the appeal", async (t) => {
  const { bench, said, caseId, code } = await sealedCase(t);
  const keep = async <T>(work: Promise<T>): Promise<T> => {
    const value = await work;
    said.push(value);
    return value;
  };
  bench.setPage(
    "/thread/7",
    ESCALATION.split("\n")
      .map((line) => `<p>${line}</p>`)
      .join(""),
  );
  const reason = "I read the lines and agree.";
  await keep(bench.desk.capture(ALICE, caseId, { url: "https://forum.example/thread/7" }));
  await keep(
    bench.desk.refer(ALICE, caseId, {
      kind: "host",
      to: "abuse@host.example",
      note: "Please look at this page.",
    }),
  );
  await keep(
    bench.desk.refer(ALICE, caseId, {
      kind: "police",
      to: "Police of the harbour, by telephone",
      note: "Called.",
    }),
  );
  const brake = await keep(bench.desk.brake(ALICE, caseId, proposal(bench)));
  await bench.until(() => bench.standing.length === 1);
  await keep(bench.desk.act(BRUNO, brake.decisionId, { action: "ratify", reason }));
  await bench.until(() => bench.standing[0]?.brake === false);
  await keep(bench.desk.mailboxWrite(code, "It goes on."));
  await bench.until(async () => (await bench.services.mail.deliver()).waiting === 0);
  const token = /statement\/([A-Za-z0-9_=\r\n-]+)/.exec(
    bench.mails.find((mail) => mail.to.startsWith("owner"))?.source ?? "",
  );
  const link = (token?.[1] ?? "").replace(/=\r?\n/g, "").replace(/[\r\n].*/s, "");
  await keep(bench.desk.statement(link));
  await keep(bench.desk.customerAppeal(link, "We have removed the page."));
  await keep(bench.desk.exportFor(link));
  const appeals = await keep(bench.desk.appeals(CLARA));
  const appealId = appeals.items[0]?.appealId;
  assert.ok(appealId !== undefined);
  await keep(
    bench.desk.decideAppeal(CLARA, appealId, { outcome: "granted", reason: "The page is gone indeed." }),
  );
  await bench.until(() => bench.standing.length === 0);
  await bench.until(async () => (await bench.services.mail.deliver()).waiting === 0);
  await keep(bench.desk.mailbox(code));
  await keep(bench.desk.cases(ALICE));
  await keep(bench.desk.case(ALICE, caseId));
  await keep(bench.desk.queueByLevel());
  await keep(bench.desk.transparency({ from: "2020-01-01", until: "2029-01-01" }));
  const size = (await bench.services.ledger.checkpoint())?.size ?? 0;
  assert.ok(size >= 6);
  for (let i = 0; i < size; i++) {
    await keep(bench.desk.publicRecord(i));
    const entry = await bench.services.ledger.entry(i);
    said.push(Buffer.from(entry?.entry ?? []).toString("latin1"), entry?.proof);
  }
  for (const [i, value] of said.entries()) search(`answer ${i}`, texts(value));
  for (const alarm of bench.alarms) search("an alarm", alarm.what);
  assert.ok(bench.mails.length >= 3);
  for (const mail of bench.mails) search(`a mail to ${mail.to}`, mail.source.replace(/=\r?\n/g, ""));
  assert.ok(said.length >= 15);
});

test("no row of no table carries the reporter, not in text and not in bytes", async (t) => {
  const { bench } = await sealedCase(t);
  await bench.desk.advance();
  const tables = await bench.t.db.query<{ name: string }>(
    `select table_name as name from information_schema.tables where table_schema = 'public' order by 1`,
  );
  assert.ok(tables.length >= 20);
  let rows = 0;
  for (const { name } of tables) {
    for (const row of await bench.t.db.query(`select * from "${name}"`)) {
      rows += 1;
      for (const [column, value] of Object.entries(row)) {
        const text = value instanceof Uint8Array ? Buffer.from(value).toString("latin1") : texts(value);
        search(`${name}.${column}`, text);
      }
    }
  }
  assert.ok(rows > 10);
  const sealed = await bench.t.db.query<{ n: number }>(
    `select count(*)::integer as n from report where sealed is not null and original is null`,
  );
  assert.equal(sealed[0]?.n, 1);
});

test("two shares open what was sealed, byte for byte; one share, a wrong report or another vault do not", async (t) => {
  const { bench } = await sealedCase(t);
  const rows = await bench.t.db.query<{ id: string; sealed: Uint8Array; digest: string }>(
    `select report_id as id, sealed, original_sha256 as digest from report`,
  );
  const row = rows[0];
  assert.ok(row !== undefined);
  const [one, two, three] = bench.shares;
  const other = await createVault(seededRandom(99));
  for (const pair of [
    [one, two],
    [three, one],
  ] as const) {
    const plain = await openSealed(pair[0], pair[1], { sealed: row.sealed, associated: row.id });
    const opened = JSON.parse(new TextDecoder().decode(plain)) as { identity: unknown; original: string };
    assert.deepEqual(opened.identity, MARKERS);
    assert.match(Buffer.from(opened.original, "base64").toString(), /"harm":"threat-to-life"/);
  }
  const letter = one.at(-1) === "0" ? "1" : "0";
  const attempts: readonly (readonly [string, string, string, string])[] = [
    ["one share twice", one, one, row.id],
    ["one share and a share of another vault", one, other.shares[1], row.id],
    ["two shares of another vault", other.shares[0], other.shares[1], row.id],
    ["the ciphertext moved to another report", one, two, "rept_00000000000000000000000000"],
    ["a share with a wrong letter", `${one.slice(0, -1)}${letter}`, two, row.id],
    ["half a share", one.slice(0, 40), two, row.id],
    ["no share", "", two, row.id],
  ];
  for (const [what, a, b, associated] of attempts) {
    await assert.rejects(
      openSealed(a, b, { sealed: row.sealed, associated }),
      (error: unknown) => {
        assert.ok(error instanceof Fault, what);
        search(what, texts(error));
        return true;
      },
      what,
    );
  }
});

test("without a vault an identity is refused and nothing of the report is kept; anonymous reports go on", async (t) => {
  const bench = await openBench(t, { vault: false });
  await assert.rejects(bench.report({ identity: MARKERS, statement: "I am afraid." }), (error: unknown) => {
    assert.ok(error instanceof Fault);
    assert.equal(error.code, "desk.no-vault");
    search("the refusal", texts(error));
    return true;
  });
  for (const table of ["report", "desk_case", "desk_audit", "report_message"]) {
    assert.equal((await bench.t.db.query(`select 1 as one from ${table}`)).length, 0, table);
  }
  await bench.report({ identity: { name: " ", email: "", phone: "" }, statement: "Somebody is threatened." });
  assert.equal((await bench.t.db.query(`select 1 as one from report where sealed is null`)).length, 1);
});

test("the vault's key is set once: whoever could replace it could read everything from then on", async (t) => {
  const bench = await openBench(t);
  const other = await createVault(seededRandom(98));
  await assert.rejects(bench.desk.setVaultKey(other.publicKey), { code: "state.conflict" });
  const before = await bench.desk.vault();
  for (const key of ["", "zz".repeat(32), "00".repeat(32), "ab".repeat(31), "ab".repeat(33)]) {
    await assert.rejects(bench.desk.setVaultKey(key), { code: "input.invalid" });
  }
  assert.deepEqual(await bench.desk.vault(), before);
});

test("a refused report tells nothing of the identity it came with", async (t) => {
  const bench = await openBench(t);
  const drafts = [
    { path: `/x?${"a".repeat(3000)}` },
    { statement: " " },
    { statement: "a".repeat(20_001) },
    { quoted: "a".repeat(50_001) },
    { harm: "nonsense" as never },
  ];
  for (const draft of drafts) {
    await assert.rejects(bench.report({ ...draft, identity: MARKERS }), (error: unknown) => {
      assert.ok(error instanceof Fault);
      search("a refusal", texts(error) + texts(error.fields));
      return true;
    });
  }
  await assert.rejects(
    bench.report({ identity: { ...MARKERS, name: MARKERS.name.repeat(50) } }),
    (error: unknown) => {
      search("a refusal", texts(error) + texts((error as Fault).fields));
      return true;
    },
  );
});

test("sealed plaintext cannot be printed, spread, cloned or put into JSON", () => {
  const sealed = Sealed.of(new TextEncoder().encode(MARKERS.email));
  const ways: readonly (readonly [string, () => unknown])[] = [
    ["String", () => String(sealed)],
    ["template", () => `${sealed as unknown as string}`],
    ["concatenation", () => "" + (sealed as unknown as string)],
    ["JSON", () => JSON.stringify({ sealed, list: [sealed] })],
    ["inspect", () => inspect(sealed, { showHidden: true, depth: 10, getters: true })],
    ["inspect of what holds it", () => inspect({ deep: { sealed } }, { showHidden: true, depth: 10 })],
    ["clone", () => texts(structuredClone(sealed))],
    ["spread", () => texts({ ...sealed })],
    ["entries", () => texts(Object.entries(sealed))],
    ["own names", () => texts(Object.getOwnPropertyDescriptors(sealed))],
    ["an error", () => texts(new Error("x", { cause: sealed }))],
    ["number", () => Number(sealed)],
  ];
  for (const [what, way] of ways) search(what, String(way()));
  assert.equal(`${sealed as unknown as string}`, "[sealed]");
  assert.equal(JSON.stringify(sealed), '"[sealed]"');
});

test("sealing the same twice gives nothing to compare, and codes do not repeat", async () => {
  const vault = await createVault(seededRandom(5));
  const publicKey = Buffer.from(vault.publicKey, "hex");
  const plain = (): Sealed => Sealed.of(new TextEncoder().encode("the same"));
  const a = await seal(plain(), { publicKey, associated: "rept_a" });
  const b = await seal(plain(), { publicKey, associated: "rept_a" });
  assert.notDeepEqual(Buffer.from(a), Buffer.from(b));
  const random = seededRandom(7);
  const codes = new Set(Array.from({ length: 2000 }, () => newReportCode(random)));
  assert.equal(codes.size, 2000);
  for (const code of codes) assert.match(code, /^\d{4} \d{4} \d{4} \d{4}$/);
});

test("a wrong code and a code that never was get the same answer", async (t) => {
  const { bench, code } = await sealedCase(t);
  const wrong = code.startsWith("1") ? code.replace(/^1/, "2") : code.replace(/^./, "1");
  for (const text of [wrong, "0000 0000 0000 0000", "", "abcd", "1".repeat(100), "' or 1=1 --"]) {
    await assert.rejects(bench.desk.mailbox(text), { code: "state.not-found" }, text);
  }
  assert.equal((await bench.desk.mailbox(code.replaceAll(" ", "-"))).state, "received");
});

test("an address that carries the reporter's own mail address in its query is passed on without the query", async (t) => {
  const bench = await openBench(t);
  for (const email of [MARKERS.email, encodeURIComponent(MARKERS.email)]) {
    const { caseId } = await bench.report({ identity: MARKERS, path: `/thread/7?signed-in-as=${email}` });
    await bench.desk.refer(ALICE, caseId, { kind: "host", to: "abuse@host.example", note: "Please look." });
    await bench.services.mail.deliver();
    assert.match((bench.mails.at(-1)?.source ?? "").replace(/=\r?\n/g, ""), /forum\.example\/thread\/7\r?\n/);
    assert.equal(JSON.stringify(await bench.desk.case(ALICE, caseId)).includes("marker-canary"), false);
  }
  assert.ok(bench.mails.length > 0 && !bench.mails.some((mail) => mail.source.includes("marker-canary")));
  const kept = await bench.report({ identity: MARKERS, path: "/thread/8?page=2" });
  assert.equal((await bench.desk.case(ALICE, kept.caseId)).subject.path, "/thread/8?page=2");
});
