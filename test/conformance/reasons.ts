/**
 * The required tests of `http-cache-tests` that do not pass, each with its reason, and the page that says so (docs/reference/cache-conformance.md).
 * A reason is a decision or a property of the suite; what is merely not done yet has no place here.
 */
export const REQUIRED_TESTS = 165;
export const REQUIRED_PASSED_MIN = 145;

const COOKIE =
  "An answer that sets a cookie is never kept: what it would save is less than what one visitor's session in another's browser would cost (design law 10).";
const UNANSWERED =
  "The edge does not use the stale answer here: it says 502 itself, as the origin closed the connection. The suite looks for a field of its own server in that answer, which no server sent, and takes its absence for a cached answer. The scenario “an origin that fails is covered by what is too old, unless the answer forbids it” tests the same.";

export const REMAINING: Readonly<Record<string, string>> = {
  "age-parse-prefix":
    "“Age: 0,7200” is two ages where one may be. RFC 9111 §5.1 advises to take the first; other tests of the suite want such a field taken for stale. In doubt the answer is not kept.",
  "headers-store-Set-Cookie": COOKIE,
  "headers-store-Set-Cookie2": COOKIE,
  "304-etag-update-response-Set-Cookie": COOKIE,
  "304-etag-update-response-Set-Cookie2": COOKIE,
  "stale-close-must-revalidate": UNANSWERED,
  "stale-close-proxy-revalidate": UNANSWERED,
  "stale-close-no-cache": UNANSWERED,
  "stale-close-s-maxage=2": UNANSWERED,
  "surrogate-fresh-cc-nostore":
    "The edge does not announce itself with Surrogate-Capability, so a directive for a named surrogate is not for it. CDN-Cache-Control (RFC 9213) is the way to say this.",
};

export function renderPage(): string {
  const rows = Object.entries(REMAINING).map(([id, why]) => `| \`${id}\` | ${why} |`);
  return `# How the cache conforms

The public suite [http-cache-tests](https://cache-tests.fyi) asks ${REQUIRED_TESTS} required questions about HTTP caches (RFC 9111 and its neighbours; the tests of
\`Surrogate-Control\` are counted among them). \`./parapet test http-cache\` runs all of them through a real edge, with one site whose cache mode is
\`origin\`, and fails when fewer than ${REQUIRED_PASSED_MIN} pass. The suite waits by the clock, so on a very slow machine a few more than those below may fail.

These ${rows.length} do not pass, for these reasons:

| test | why |
| --- | --- |
${rows.join("\n")}

## What is kept

- What the answer itself allows: \`CDN-Cache-Control\` (RFC 9213) first, then \`Surrogate-Control\`, then \`Cache-Control\`, then \`Expires\`. Where a field can be
  read in two ways, the stricter one holds.
- Nothing that sets a cookie, is \`private\` or \`no-store\`, varies by \`*\`, or came for a request with \`Authorization\` unless the answer says that it
  may be shared (RFC 9111 §3.5).
- In mode \`static\` also files that say nothing of their freshness but when they last changed: for a tenth of the time since, at most a day (RFC 9111 §4.2.2).
- Expired answers while they are fetched anew or while the origin fails (RFC 5861), as long as the answer or the site's settings say, and never where
  the answer has \`must-revalidate\`, \`proxy-revalidate\`, \`no-cache\` or \`s-maxage\`.
- Nothing longer than seven days.

Every answer that went through the cache says what happened in \`Cache-Status\` (RFC 9211), and one that came from it has an \`Age\`.
`;
}
