/**
 * The keys that nginx signs challenges and clearances with, the same on every node and without a word between them: HKDF (RFC 5869) from the fleet's secret and the
 * number of a slot of twelve hours, with a domain of its own. nginx gets the present slot's, the one before and the one after, since a clearance may end in the
 * next slot and another node's clock may be ahead. They lie in a file for nginx's start, and go over the control socket when the slot or the secret changes: no
 * reload. Until a secret is known there are none, and nginx draws its own.
 */
import { hkdfSync } from "node:crypto";
import { renameSync, writeFileSync } from "node:fs";
import { join } from "node:path";

const CHALLENGE_SLOT_MS = 12 * 3_600_000;
const KEY_BYTES = 32;
const DOMAIN = "parapet edge challenge key 1";

function challengeKey(ticketSecret: string, slot: number): Buffer {
  const secret = Buffer.from(ticketSecret, "base64url");
  return Buffer.from(hkdfSync("sha256", secret, "", `${DOMAIN} ${slot}`, KEY_BYTES));
}

/** "SLOT HEX SLOT HEX SLOT HEX", as nginx reads it; "" without a secret. */
function challengeKeys(ticketSecret: string | null, nowMs: number): string {
  if (ticketSecret === null) return "";
  const slot = Math.floor(nowMs / CHALLENGE_SLOT_MS);
  return [slot - 1, slot, slot + 1]
    .map((one) => `${one} ${challengeKey(ticketSecret, one).toString("hex")}`)
    .join(" ");
}

export type ChallengeKeysOptions = {
  readonly stateDir: string;
  readonly now: () => number;
  readonly secret: () => string | null;
  readonly post: (keys: string) => Promise<unknown>;
};

export class ChallengeKeys {
  readonly #options: ChallengeKeysOptions;
  #told = "";

  constructor(options: ChallengeKeysOptions) {
    this.#options = options;
  }

  /** Before nginx starts: for nginx's master alone. */
  write(): void {
    const keys = this.#wanted();
    const path = join(this.#options.stateDir, "challenge-keys");
    try {
      writeFileSync(`${path}.new`, keys, { mode: 0o600 });
      renameSync(`${path}.new`, path);
      this.#told = keys;
    } catch {
      // A full disk: nginx starts with older ones, and is told these with the next tick.
      this.#told = "";
    }
  }

  /** Tells nginx, if it has to know more than it does. What fails is tried again with the next tick. */
  async tick(): Promise<void> {
    const keys = this.#wanted();
    if (keys === this.#told) return;
    try {
      await this.#options.post(keys);
      this.#told = keys;
    } catch {
      this.#told = "";
    }
  }

  #wanted(): string {
    return challengeKeys(this.#options.secret(), this.#options.now());
  }
}
