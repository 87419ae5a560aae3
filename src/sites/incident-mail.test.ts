/** The letters about floods: what strangers chose does no harm in them. */
import assert from "node:assert/strict";
import { test } from "node:test";
import type { SiteId } from "../contract/ids.ts";
import { noticeMail } from "./incident-mail.ts";
import type { Notice } from "./incident-notices.ts";

test("what strangers chose is no link and no second line, in neither language", () => {
  const words = "requests that follow a link on “evil.example”, for “http://192.0.2.1/a.php”\r\nBcc: x";
  const notice = {
    what: "began",
    others: [],
    incident: {
      siteName: "mill.example",
      siteId: "site" as SiteId,
      kind: "flood",
      beganAt: new Date(0),
      mitigatedAt: new Date(1000),
      endedAt: null,
      summary: {
        mode: "on",
        words: { en: words, fr: words },
        requests: 100,
        passed: 1,
        peakPerSecond: 100,
        usualPerSecond: 1,
      },
    },
  } as unknown as Notice;
  const { subject, text } = noticeMail(notice, { link: "https://desk.example/i", operatorName: "Example" });
  assert.doesNotMatch(subject, /[\r\n]/);
  assert.equal(text.match(/evil\[\.\]example/g)?.length, 2);
  assert.equal(text.match(/http\[:\/\/\]192\.0\.2\.1\/a\[\.\]php” Bcc: x\./g)?.length, 2);
  assert.doesNotMatch(text, /^Bcc/m);
  assert.equal(text.match(/https:\/\/desk\.example\/i/g)?.length, 2);
});
