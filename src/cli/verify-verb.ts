/** `verify FOLDER-OR-URL --vkey KEY`: checks a published log; needs nothing of a running instance. */
import { verify } from "./verify.ts";
import type { Verb } from "./verb.ts";

export const verb: Verb = (args) =>
  verify(args, {
    out: (text) => void process.stdout.write(text),
    error: (text) => void process.stderr.write(text),
  });
