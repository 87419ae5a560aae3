/**
 * Takes changes from the node agent over a unix socket that nobody else can reach, and answers when every worker has them. The agent has
 * checked schema, sizes and receipts, and gives a hostname to one site at a time; here only what nginx alone can know may fail: memory. A change
 * that fails leaves the site as it was. A name that moves between two sites may come before or after it was let go.
 */
import * as cjson from "cjson.safe";
import type {
  EdgeCertificateShown,
  EdgeChange,
  EdgeFeedAnswer,
  EdgeSite,
  EdgeWorker,
} from "../../contract/edge-site.ts";
import { applyCertificate } from "./feed-certificates.ts";
import { previewId, siteIdOf } from "./preview.ts";
import { announce } from "./journal.ts";
import { catchUp, workerKey } from "./sync.ts";

const hosts = ngx.shared["parapet_hosts"]!;
const sites = ngx.shared["parapet_sites"]!;
const control = ngx.shared["parapet_control"]!;

const WAIT_SECONDS = 2;
const STEP_SECONDS = 0.005;

/** POST /policy: `{"changes":[{siteId, site}]}`. */
export function feed(): void {
  ngx.req.read_body();
  const text = ngx.req.get_body_data();
  const [value] = cjson.decode(text ?? "");
  if (value === undefined) {
    ngx.status = 400;
    ngx.print('{"why":"The body is not JSON, or does not fit the buffer"}');
    return;
  }
  const refused: { id: string; why: string }[] = [];
  for (const change of (value as { changes: EdgeChange[] }).changes) {
    const why = apply(change);
    if (why !== "") refused.push({ id: change.siteId ?? change.certificateId, why });
  }
  catchUp();
  const [epoch] = control.get("epoch");
  let waited = 0;
  while (waited < WAIT_SECONDS && !everyWorkerSaw(epoch as number)) {
    ngx.sleep(STEP_SECONDS);
    waited += STEP_SECONDS;
  }
  answer(epoch as number, refused);
}

/** GET /status: the epoch, and which one each worker has seen. */
export function status(): void {
  const [epoch] = control.get("epoch");
  answer(epoch as number, []);
}

/** Fills the dictionaries from a snapshot of the agent, a change a line, before any worker accepts a request. */
export function loadSnapshot(path: string): number {
  const [file] = io.open(path, "r");
  if (file === undefined) return 0;
  let count = 0;
  for (const [line] of file.lines()) {
    const [value] = cjson.decode(line as string);
    if (value === undefined) continue;
    const shown = value as EdgeCertificateShown;
    const site = value as EdgeSite;
    const isCertificate = (shown.certificateId as unknown) !== undefined;
    const why = isCertificate
      ? applyCertificate(shown.certificateId, shown)
      : apply({ siteId: site.siteId, site });
    if (why === "") count += 1;
    else {
      control.incr("unserved", 1, 0);
      ngx.log(ngx.ERR, "a line of the snapshot is not served: ", why);
    }
  }
  file.close();
  return count;
}

/** "" or why the change could not be made. */
function apply(change: EdgeChange): string {
  if (change.certificateId !== undefined) {
    const shown = change.certificate;
    const isGone = shown === null || (shown as unknown) === cjson.null;
    return applyCertificate(change.certificateId, isGone ? undefined : shown);
  }
  const siteId = change.siteId;
  const site = (change.site as unknown) === cjson.null ? undefined : (change.site ?? undefined);
  const [before] = sites.get(siteId);
  const old = before === undefined ? undefined : (cjson.decode(before as string)[0] as EdgeSite);
  if (site !== undefined) {
    const [json] = cjson.encode(site);
    const [stored, why] = sites.safe_set(siteId, json!);
    if (!stored) {
      // A failed set drops the old value first: put it back, there is room for it.
      if (before !== undefined) sites.safe_set(siteId, before);
      return `There is no memory for it (${why ?? "unknown"}): give the edge more`;
    }
    for (const hostname of namesOf(site)) {
      const isPreview = !site.hostnames.includes(hostname);
      const [kept] = hosts.safe_set(hostname, isPreview ? previewId(siteId) : siteId);
      if (!kept) return `There is no memory for "${hostname}": give the edge more`;
    }
  }
  if (old !== undefined) {
    for (const hostname of namesOf(old)) {
      const isKept = site !== undefined && namesOf(site).includes(hostname);
      if (!isKept && holds(siteId, hostname)) hosts.delete(hostname);
    }
  }
  if (site === undefined) sites.delete(siteId);
  announce(siteId);
  return "";
}

/** A name that moved may be taken by its new site before the old one is told to let go of it. */
function holds(siteId: string, hostname: string): boolean {
  const [holder] = hosts.get(hostname);
  return holder !== undefined && siteIdOf(holder as string) === siteId;
}

/** Every name that a site is reached by. */
function namesOf(site: EdgeSite): readonly string[] {
  const preview = site.preview as EdgeSite["preview"] | undefined;
  if (preview === undefined || preview === null || (preview as unknown) === cjson.null) return site.hostnames;
  return [...site.hostnames, preview.hostname];
}

/** Those that take connections: of the generation that serves, and of the one before it for as long as a reload has not let it go. */
function workers(): EdgeWorker[] {
  const [newest] = control.get("generation");
  const generation = newest as number;
  const seen = workersOf(generation);
  for (const worker of workersOf(generation - 1)) seen.push(worker);
  return seen;
}

function workersOf(generation: number): EdgeWorker[] {
  const seen: EdgeWorker[] = [];
  for (let id = 0; id < ngx.worker.count(); id++) {
    const [value] = control.get(workerKey(generation, id));
    if (value === undefined) continue;
    const [pid, epoch] = string.match(value as string, "^(%d+) (%d+)$");
    seen.push({ id, pid: tonumber(pid)!, epoch: tonumber(epoch)! });
  }
  return seen;
}

function everyWorkerSaw(epoch: number): boolean {
  const [newest] = control.get("generation");
  if (workersOf(newest as number).length < ngx.worker.count()) return false;
  for (const worker of workers()) if (worker.epoch < epoch) return false;
  return true;
}

function answer(epoch: number, refused: EdgeFeedAnswer["refused"]): void {
  const list: string[] = [];
  for (const worker of workers()) {
    list.push(
      `{"id":${string.format("%d", worker.id)},"pid":${string.format("%d", worker.pid)},"epoch":${string.format("%d", worker.epoch)}}`,
    );
  }
  const refusals: string[] = [];
  for (const one of refused) refusals.push(cjson.encode(one)[0]!);
  const [unserved] = control.get("unserved");
  const missing = unserved === undefined ? 0 : (unserved as number);
  ngx.header["Content-Type"] = "application/json";
  ngx.print(
    `{"epoch":${string.format("%d", epoch)},"unserved":${string.format("%d", missing)},"refused":[${refusals.join(",")}],"workers":[${list.join(",")}]}`,
  );
}
