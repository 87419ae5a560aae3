/**
 * Captures a page as evidence: bytes, digest, status, and its text in lines. The only thing that is ever connected to is our own
 * edge, with the name of the case's site as Host, so whatever address an officer types or a page redirects to, no other machine
 * can be reached (no request forgery). Bounds: CAPTURE_BYTES_MAX, CAPTURE_MS_MAX, REDIRECTS_MAX, and only within the site.
 */
import { createHash } from "node:crypto";
import { request } from "node:http";
import { Fault } from "../contract/fault.ts";
import type { EvidenceView } from "../contract/http.ts";
import { newId, type CaseId, type EvidenceId } from "../contract/ids.ts";
import { appendAudit } from "../store/desk-audit.ts";
import { findCase, markEvidence } from "../store/desk-cases.ts";
import { countEvidence, evidenceOfCase, insertEvidence } from "../store/desk-evidence.ts";
import { rescore } from "./assess.ts";
import { demand, iso, officerIn, present, type DeskContext } from "./context.ts";
import { followName } from "./follow-name.ts";
import { mayDecide } from "./core/decide.ts";
import type { ActorContext } from "./desk.ts";
import { pageLines } from "./page-text.ts";
import { evidenceView } from "./views.ts";

export const CAPTURE_BYTES_MAX = 5 * 1024 * 1024;
export const CAPTURE_MS_MAX = 10_000;
const REDIRECTS_MAX = 3;
const CAPTURES_MAX = 200;
/** What our edge answers where a measure stands (RFC 7725). */
const NOTICE_STATUS = 451;

type Page = {
  readonly status: number;
  readonly contentType: string;
  readonly location: string;
  readonly body: Buffer;
};

export async function capture(
  desk: DeskContext,
  actor: ActorContext,
  input: { readonly caseId: CaseId; readonly url: string },
): Promise<EvidenceView> {
  const found = await desk.db.transaction(async (tx) => {
    const known = await findCase(tx, input.caseId);
    return known === null ? null : await followName(tx, desk, known);
  });
  if (found === null)
    throw new Fault("state.not-found", `There is no case ${input.caseId}: look at the queue`);
  demand(mayDecide(await officerIn(desk.db, actor, found.caseId)));
  if ((await countEvidence(desk.db, found.caseId)) >= CAPTURES_MAX) {
    throw new Fault(
      "limit.full",
      `A case keeps ${CAPTURES_MAX} captures at most: the ones there are tell the story`,
    );
  }
  const { url, page } = await fetchWithinSite(desk, { siteId: found.siteId, url: input.url });
  const evidenceId = newId<EvidenceId>("evid", desk.random);
  const lines = pageLines(page.body, page.contentType);
  await desk.db.transaction(async (tx) => {
    const at = iso(desk.now());
    // Neither our own notice nor a page that says what it said before re-arms the brake: one officer could hold it for ever.
    const text = JSON.stringify(lines);
    const news =
      page.status !== NOTICE_STATUS &&
      !(await evidenceOfCase(tx, found.caseId)).some((known) => JSON.stringify(known.lines) === text);
    await insertEvidence(tx, {
      evidenceId,
      caseId: found.caseId,
      url: url.href,
      at,
      by: actor.userId,
      status: page.status,
      contentType: page.contentType.slice(0, 200),
      sha256: createHash("sha256").update(page.body).digest("hex"),
      body: page.body,
      lines,
    });
    if (news) await markEvidence(tx, found.caseId, at);
    await appendAudit(tx, {
      caseId: found.caseId,
      at,
      who: actor,
      what: `Captured ${url.href.slice(0, 500)}: status ${page.status}, ${page.body.length} bytes`,
    });
    await rescore(tx, desk, found.caseId);
  });
  const rows = await evidenceOfCase(desk.db, found.caseId);
  return evidenceView(
    present(
      rows.find((row) => row.evidenceId === evidenceId),
      "the capture",
    ),
  );
}

async function fetchWithinSite(
  desk: DeskContext,
  input: { readonly siteId: string; readonly url: string },
): Promise<{ url: URL; page: Page }> {
  let next = input.url;
  for (let hop = 0; hop <= REDIRECTS_MAX; hop++) {
    const url = next.length <= 2048 && URL.canParse(next) ? new URL(next) : null;
    if (
      url === null ||
      !["http:", "https:"].includes(url.protocol) ||
      url.username !== "" ||
      url.password !== ""
    ) {
      throw new Fault("input.invalid", 'Give the address of a page, from "https://", without a user name');
    }
    url.hash = "";
    const site = await desk.sites.find(desk.db, url.hostname);
    if (site?.siteId !== input.siteId) {
      const why =
        hop === 0
          ? "is not part of this case's site"
          : "is where the page redirects to, outside of this case's site";
      throw new Fault("input.invalid", `Cannot capture this: "${url.hostname.slice(0, 100)}" ${why}`);
    }
    const page = await fetchFromEdge(desk.edgeAddress, url);
    const redirect =
      page.status >= 300 && page.status < 400 && page.location !== "" && URL.canParse(page.location, url);
    if (!redirect) return { url, page };
    next = new URL(page.location, url).href;
  }
  throw new Fault("input.invalid", `Cannot capture this: it redirects more than ${REDIRECTS_MAX} times`);
}

/** One request to our own edge. `url` gives Host and path; it never decides where the connection goes. */
async function fetchFromEdge(edgeAddress: string, url: URL): Promise<Page> {
  const at = edgeAddress.lastIndexOf(":");
  const host = edgeAddress.slice(0, at).replace(/^\[|\]$/g, "");
  const port = Number(edgeAddress.slice(at + 1));
  return await new Promise<Page>((resolve, reject) => {
    const fail = (detail: string, cause?: unknown): void => {
      clearTimeout(timer);
      sent.destroy();
      reject(new Fault("edge.not-running", detail, { cause }));
    };
    const sent = request(
      {
        host,
        port,
        method: "GET",
        path: url.pathname + url.search,
        headers: {
          host: url.hostname,
          "user-agent": "Parapet-Evidence/1",
          accept: "text/html,text/plain;q=0.9,*/*;q=0.5",
        },
        agent: false,
      },
      (answer) => {
        const chunks: Buffer[] = [];
        let bytes = 0;
        answer.on("data", (chunk: Buffer) => {
          bytes += chunk.length;
          if (bytes > CAPTURE_BYTES_MAX) {
            clearTimeout(timer);
            sent.destroy();
            reject(
              new Fault(
                "input.too-large",
                `Cannot capture this: it is larger than ${CAPTURE_BYTES_MAX / 1024 / 1024} MiB`,
              ),
            );
            return;
          }
          chunks.push(chunk);
        });
        answer.on("end", () => {
          clearTimeout(timer);
          resolve({
            status: answer.statusCode ?? 0,
            contentType: answer.headers["content-type"] ?? "",
            location: answer.headers.location ?? "",
            body: Buffer.concat(chunks),
          });
        });
        answer.on("error", (cause) => fail("The page broke off while it was captured: try again", cause));
      },
    );
    // One clock for the whole capture: a page that drips a byte a second would outlive any idle timeout.
    const timer = setTimeout(
      () => fail(`Cannot capture this: it took longer than ${CAPTURE_MS_MAX / 1000} s, so try again later`),
      CAPTURE_MS_MAX,
    );
    sent.on("error", (cause) =>
      fail("Cannot reach our own edge: see that it runs, then capture again", cause),
    );
    sent.end();
  });
}
