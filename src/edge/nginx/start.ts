/**
 * Runs once in nginx's master, before the workers exist: loads every module, so that the workers need no right to read files,
 * fills the dictionaries from the snapshot, and puts the phases' functions where nginx.conf finds them at the cost of one lookup.
 */
import { admit, settings } from "./admit.ts";
import { answerNginxError } from "./answer.ts";
import { readChunkedBody } from "./chunked.ts";
import { feed, loadSnapshot, status } from "./feed.ts";
import { pickPeer } from "./peer.ts";
import { startSync } from "./sync.ts";
import { way } from "./way.ts";

declare const _G: Record<string, unknown>;

export type StartOptions = {
  readonly snapshot: string;
  /** This edge's name in CDN-Loop (RFC 8586 §2). */
  readonly cdnId: string;
  readonly chunkedBytes: number[];
};

export function start(options: StartOptions): void {
  settings.cdnId = options.cdnId;
  way.chunkedBytes = options.chunkedBytes;
  const control = ngx.shared["parapet_control"]!;
  control.set("epoch", 0);
  control.set("pass-key", unpredictable(32));
  const loaded = loadSnapshot(options.snapshot);
  ngx.log(ngx.NOTICE, "sites loaded from the snapshot: ", loaded);
  _G["parapet_admit"] = admit;
  _G["parapet_peer"] = pickPeer;
  _G["parapet_error"] = answerNginxError;
  _G["parapet_chunked"] = readChunkedBody;
  _G["parapet_feed"] = feed;
  _G["parapet_status"] = status;
  _G["parapet_worker"] = startSync;
}

function unpredictable(bytes: number): string {
  const [file] = io.open("/dev/urandom", "rb");
  const read = file!.read(bytes);
  file!.close();
  return read!;
}
