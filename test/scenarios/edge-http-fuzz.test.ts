import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { openStage, policyFor } from "./edge-stage.ts";
import { openRawOrigin, parseStrictly } from "./raw-origin.ts";
import { converse } from "./raw-visitor.ts";

// Requests made of right and wrong pieces, a few thousand from a seed, each with two whole requests hidden in and behind its body. A strict
// reader that shares nothing with nginx says what a request means. Whatever it can read must arrive as it reads it; whatever it cannot
// must not arrive, or arrive as one sound request; and what is hidden must never be heard unless the strict reader hears it, too.

const SEED = 20_261_122;
const RUNS = Number(process.env["PARAPET_FUZZ_RUNS"] ?? 3000);
const AT_ONCE = 25;

const piece = (...pieces: string[]): fc.Arbitrary<string> => fc.constantFrom(...pieces);
/** Mostly the first, sometimes one of the others. */
const mostly = (usual: string, ...others: string[]): fc.Arbitrary<string> =>
  fc.oneof({ weight: 12, arbitrary: fc.constant(usual) }, { weight: 1, arbitrary: piece(...others) });

const eol = mostly("\r\n", "\n", "\r", "\r\r\n", "\n\r\n", " \r\n", "\x0b\r\n", "\0\r\n", "\t\n", "");
const blank = mostly(" ", "  ", "\t", "", "\x0b", "\r\n ", "\xa0");
const colon = mostly(": ", ":", " : ", ":\t", ":\r\n ", ":\x0b", "\t:", ": \0", "=", "");
const field = fc
  .record({
    name: piece(
      "X-A",
      "Cookie",
      "Accept",
      "X_B",
      "Content-Lengt",
      "Transfer-Encodin",
      "Content_Length",
      "TE",
      "Upgrade",
      "Connection",
      "Expect",
      "Trailer",
    ),
    colon,
    value: piece(
      "b",
      "",
      "a\x01b",
      "a,b",
      '"',
      "chunked",
      "5",
      "close, te",
      "Content-Length",
      "h2c",
      "100-continue",
      "\xff\xfe",
      "a".repeat(900),
    ),
    eol,
  })
  .map((parts) => parts.name + parts.colon + parts.value + parts.eol);
const host = fc
  .record({
    name: mostly("Host", "host", "HOST", "Host "),
    colon,
    value: mostly("forum.example", "Forum.Example:80", "other.example", "forum.example#"),
    eol,
  })
  .map((parts) => parts.name + parts.colon + parts.value + parts.eol);

/** `{BYTES}` stands for the length of the body as it is sent. */
const framing = fc.oneof(
  fc
    .record({
      name: mostly(
        "Content-Length",
        "content-length",
        "Content-Length ",
        "Content-Length\x0b",
        "Content_Length",
      ),
      colon,
      value: mostly(
        "{BYTES}",
        "0",
        "+{BYTES}",
        "{BYTES},{BYTES}",
        "0x5",
        "-1",
        " {BYTES} ",
        "00{BYTES}",
        "{BYTES}\t",
        "1e1",
        "99999999999999999999",
      ),
      eol,
    })
    .map((parts) => parts.name + parts.colon + parts.value + parts.eol),
  fc
    .record({
      name: mostly(
        "Transfer-Encoding",
        "transfer-encoding",
        "Transfer-Encoding ",
        "Transfer_Encoding",
        "Transfer-Encoding\x0b",
      ),
      colon,
      value: mostly(
        "chunked",
        "Chunked",
        "chunked ",
        "\x0bchunked",
        "identity",
        "chunked, identity",
        "xchunked",
        "gzip, chunked",
        '"chunked"',
        "chunked;q=1",
      ),
      eol,
    })
    .map((parts) => parts.name + parts.colon + parts.value + parts.eol),
);
const chunk = fc
  .record({
    size: mostly(
      "{SIZE}",
      "0x{SIZE}",
      "-{SIZE}",
      "{SIZE} ",
      " {SIZE}",
      "0{SIZE}",
      "{SIZE};a=b",
      "{SIZE};a\n",
      "{SIZE} x",
      "10000000000000000{SIZE}",
      "g",
      "",
    ),
    eol,
    text: piece("abc", "{HIDDEN}", "0\r\n\r\n", "\r\n"),
    end: eol,
  })
  .map((parts) => [parts.size, parts.eol, parts.text, parts.end] as const);
const body = fc.oneof(
  piece("", "abc", "{HIDDEN}", "0\r\n\r\n{HIDDEN}"),
  fc.tuple(
    fc.array(chunk, { maxLength: 3 }),
    mostly(
      "0\r\n\r\n",
      "0\r\n",
      "0\n\n",
      "00\r\n\r\n",
      "0\r\nX-T: 1\r\n\r\n",
      "0\r\nContent-Length: 5\r\n\r\n",
    ),
  ),
);
const anything = fc.record({
  method: mostly("POST", "GET", "HEAD", "PUT", "get", "P\x01ST", "OPTIONS", "GET\t"),
  between: blank,
  target: mostly(
    "{TARGET}",
    "{TARGET}?a=b#c",
    "http://forum.example{TARGET}",
    "http://other.example{TARGET}",
    "{TARGET}\x01",
    "{TARGET} x",
    "{TARGET}\xe9",
  ),
  behind: blank,
  version: mostly("HTTP/1.1", "HTTP/1.0", "HTTP/1.2", "HTTP/0.9", "http/1.1", "", "HTTP/1.1x", "HTTP/2.0"),
  eol,
  host,
  fields: fc.array(field, { maxLength: 2 }),
  framings: fc.array(framing, { maxLength: 2 }),
  order: fc.boolean(),
  end: mostly("\r\n", "\n", "\r", "\r\r\n"),
  body,
});

function write(made: typeof anything extends fc.Arbitrary<infer T> ? T : never, n: number): string {
  const hidden = `GET /hidden/${n} HTTP/1.1\r\nHost: forum.example\r\n\r\n`;
  const text =
    typeof made.body === "string"
      ? made.body.replaceAll("{HIDDEN}", hidden)
      : made.body[0]
          .map(([size, eol, inner, end]) => {
            const whole = inner.replaceAll("{HIDDEN}", hidden);
            return size.replace("{SIZE}", whole.length.toString(16)) + eol + whole + end;
          })
          .join("") + made.body[1];
  const lines = made.order
    ? [made.host, ...made.fields, ...made.framings]
    : [...made.framings, ...made.fields, made.host];
  return (
    `${made.method}${made.between}${made.target.replace("{TARGET}", `/made/${n}`)}${made.behind}${made.version}${made.eol}` +
    `${lines.join("").replaceAll("{BYTES}", String(text.length))}${made.end}${text}`
  );
}

/** What a strict reader makes of the bytes: the requests up to the first that it cannot read. */
function readAll(bytes: string): { heard: { target: string; body: string }[]; whole: boolean } {
  let rest = Buffer.from(bytes, "latin1");
  const heard: { target: string; body: string }[] = [];
  while (rest.length > 0) {
    const parsed = parseStrictly(rest, "read");
    if (parsed.state !== "request") return { heard, whole: false };
    heard.push({ target: parsed.request.target, body: parsed.request.body.toString("latin1") });
    rest = rest.subarray(parsed.used);
  }
  return { heard, whole: true };
}

test(
  "whatever is sent, the origin hears sound requests alone, and none that was hidden",
  { timeout: 100_000 },
  async (t) => {
    const origin = await openRawOrigin();
    const stage = await openStage({ workers: 2 });
    try {
      await stage.apply(policyFor(origin.port, { hostnames: ["forum.example"], bodyBytesMax: 100_000 }));
      const made = fc.sample(anything, { seed: SEED, numRuns: RUNS });
      const counts = { read: 0, mended: 0, refused: 0 };
      for (let from = 0; from < made.length; from += AT_ONCE) {
        origin.forget();
        const sent = made.slice(from, from + AT_ONCE).map((one, i) => {
          const n = from + i;
          return {
            n,
            bytes: `${write(one, n)}GET /behind/${n} HTTP/1.1\r\nHost: forum.example\r\nConnection: close\r\n\r\n`,
          };
        });
        await Promise.all(sent.map(({ bytes }) => converse(stage.node.address, bytes, { quietMs: 300 })));
        assert.deepEqual(origin.breaches, [], sent.map(({ bytes }) => JSON.stringify(bytes)).join("\n"));
        for (const { n, bytes } of sent) {
          const mine = origin.requests.filter(({ target }) => new RegExp(`/${n}(\\D|$)`).test(target));
          const heard = mine.map(({ target, body }) => ({ target, body: body.toString("latin1") }));
          const { heard: meant } = readAll(bytes);
          const said = `${JSON.stringify(bytes)}\nheard ${JSON.stringify(heard)}\nmeant ${JSON.stringify(meant)}`;
          assert.equal(new Set(heard.map(({ target }) => target)).size, heard.length, `heard twice: ${said}`);
          const first = heard.find(({ target }) => target.startsWith("/made/"));
          const wanted = meant.find(({ target }) => target.startsWith("/made/"));
          if (first !== undefined && wanted !== undefined)
            assert.equal(first.body, wanted.body, `another body: ${said}`);
          if (first === undefined) counts.refused += 1;
          else if (wanted === undefined) counts.mended += 1;
          else counts.read += 1;
        }
      }
      t.diagnostic(JSON.stringify(counts));
      assert.ok(counts.read > RUNS / 20 && counts.refused > RUNS / 20, JSON.stringify(counts));
      // After all of it: what the edge keeps open to the origin is in step.
      for (let i = 0; i < 20; i++) {
        const answer = await stage.send({ host: "forum.example", path: `/after/${i}` });
        assert.equal(answer.body, `origin heard GET /after/${i}`);
      }
    } finally {
      await stage.end();
      await origin.end();
    }
  },
);
