/** Header filters of the locations that sites with rules about answers are sent to: what visitors get changed, and what is counted. */
import { addAge } from "./cache-age.ts";
import { noteHead } from "./gate.ts";
import { countAnswer } from "./limits.ts";
import { changeResponseHeaders } from "./rules.ts";

export function finishAnswer(): void {
  noteHead();
  changeResponseHeaders();
  countAnswer();
}

/** The same for what comes out of the cache. */
export function finishCached(): void {
  addAge();
  finishAnswer();
}
