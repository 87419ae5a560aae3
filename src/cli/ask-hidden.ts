/**
 * Asks for a secret on the terminal without showing it: not the text, not its length. What is typed goes nowhere but to the caller.
 * It refuses when there is no terminal, as a pipe would leave the secret in a shell's history or a process list.
 */
import type { ReadStream } from "node:tty";
import { Fault } from "../contract/fault.ts";

/** Far more than a share with its dashes and blanks. */
const CHARS_MAX = 400;
const ENTER = /[\r\n]/;
const INTERRUPTS = ["\u0003", "\u0004"];
const ERASES = ["\u0008", "\u007f"];
const CLEARS = "\u0015";

/** The answers to `questions`, in order. Prompts go to `say`. Ctrl-C or Ctrl-D gives up with a Fault. */
export async function askHidden(
  questions: readonly string[],
  terminal: { readonly input: ReadStream; readonly say: (text: string) => void },
): Promise<readonly string[]> {
  const { input, say } = terminal;
  if (!input.isTTY) {
    throw new Fault(
      "input.invalid",
      "Cannot ask for shares without a terminal: run this in one, or give two files with --share-file FILE --share-file FILE",
    );
  }
  const answers: string[] = [];
  let typed = "";
  input.setRawMode(true);
  input.setEncoding("utf8");
  try {
    say(questions[0] ?? "");
    for await (const chunk of input) {
      for (const char of String(chunk)) {
        if (INTERRUPTS.includes(char)) throw new Fault("input.invalid", "Given up: nothing was opened");
        if (ENTER.test(char)) {
          // A paste may end with an empty line: it is no answer.
          if (typed.trim() === "") continue;
          answers.push(typed);
          typed = "";
          say(`\n${questions[answers.length] ?? ""}`);
          if (answers.length === questions.length) return answers;
        } else if (ERASES.includes(char)) typed = typed.slice(0, -1);
        else if (char === CLEARS) typed = "";
        else if (typed.length < CHARS_MAX) typed += char;
      }
    }
    throw new Fault("input.invalid", "The terminal was closed: nothing was opened");
  } finally {
    input.setRawMode(false);
    input.pause();
  }
}
