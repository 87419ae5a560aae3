/**
 * A client's allowance as one number: the moment, in seconds, up to which it has used its allowance ("theoretical
 * arrival time" of the generic cell rate algorithm, ITU-T I.371 annex A). Each request adds 1 / rate. A client may run ahead of the
 * clock by burst / rate and no further, so that one who comes from rest has its whole burst at once. One number and one atomic addition a
 * request, shared by all workers; the number is drawn forward only when it has fallen behind by more than the slack, so that a busy
 * client costs one operation and not two. What it is behind by then counts on top: at most a quarter of its burst.
 */

export type Allowance = {
  /** Seconds that one request costs. */
  readonly costSeconds: number;
  /** How far ahead of the clock a client may run. */
  readonly aheadSeconds: number;
  /** How far it may fall behind before its number is drawn forward. */
  readonly slackSeconds: number;
  /** How long an idle client is remembered: afterwards its allowance is whole again anyway. */
  readonly rememberSeconds: number;
};

/** Turns a policy's limit into an allowance. Both numbers are at least 1. */
export function allowanceOf(requestsPerSecond: number, burst: number): Allowance {
  const costSeconds = 1 / requestsPerSecond;
  const wholeSeconds = Math.max(burst, 1) * costSeconds;
  const slackSeconds = Math.min(0.25, wholeSeconds / 4);
  return {
    costSeconds,
    slackSeconds,
    aheadSeconds: wholeSeconds,
    rememberSeconds: wholeSeconds * 2 + 10,
  };
}

/** What to do about a client whose number is `used` after this request was added. */
export function judge(used: number, nowSeconds: number, allowance: Allowance): "pass" | "renew" | "refuse" {
  const ahead = used - nowSeconds;
  // A hair of tolerance: adding 1 / rate many times to a number near 2e9 rounds in the seventh decimal.
  if (ahead > allowance.aheadSeconds + 0.00001) return "refuse";
  // Where it stood before this request: with this request's cost, a whole request more would be let through.
  return ahead - allowance.costSeconds < -allowance.slackSeconds ? "renew" : "pass";
}

/** Whole seconds until the client may try again, at least 1 (Retry-After, RFC 9110 §10.2.3). */
export function retryAfterSeconds(used: number, nowSeconds: number, allowance: Allowance): number {
  return Math.max(1, Math.ceil(used - nowSeconds - allowance.aheadSeconds));
}
