/** The processes of the flood bench, as the bench speaks with them: one question, one answer, and each is ended with the bench. */
import { fork, type ChildProcess } from "node:child_process";
import { fileURLToPath } from "node:url";

const PROGRAMS = {
  origin: new URL("flood-origin.ts", import.meta.url),
  good: new URL("flood-good.ts", import.meta.url),
  bots: new URL("flood-bots.ts", import.meta.url),
  slow: new URL("flood-slow.ts", import.meta.url),
  resets: new URL("flood-resets.ts", import.meta.url),
} as const;
export type Program = keyof typeof PROGRAMS;

const ANSWER_MS_MAX = 20_000;

export class Child {
  readonly process: ChildProcess;
  readonly #program: Program;
  #isEnding = false;
  #ended: Error | null = null;
  readonly #waiting = new Set<(error: Error) => void>();

  constructor(program: Program) {
    this.#program = program;
    this.process = fork(fileURLToPath(PROGRAMS[program]), [], {
      serialization: "advanced",
      stdio: ["ignore", "inherit", "inherit", "ipc"],
      env: { ...process.env, NODE_NO_WARNINGS: "1" },
    });
    this.process.on("exit", (code) => {
      if (this.#isEnding) return;
      this.#ended = new Error(`The bench's process "${program}" ended by itself (${code}).`);
      for (const reject of this.#waiting) reject(this.#ended);
    });
  }

  tell(message: object): void {
    this.process.send(message);
  }

  /** Asks, and waits for the field of the next answer that is named so. */
  ask<T>(message: object, field: string): Promise<T> {
    const { promise, resolve, reject } = Promise.withResolvers<T>();
    if (this.#ended !== null) return Promise.reject(this.#ended);
    const late = setTimeout(
      () => reject(new Error(`The bench's process "${this.#program}" does not answer.`)),
      ANSWER_MS_MAX,
    );
    const listen = (answer: unknown): void => {
      if (typeof answer === "object" && answer !== null && field in answer) {
        resolve((answer as Record<string, T>)[field] as T);
      }
    };
    this.process.on("message", listen);
    this.#waiting.add(reject);
    this.process.send(message);
    return promise.finally(() => {
      clearTimeout(late);
      this.process.off("message", listen);
      this.#waiting.delete(reject);
    });
  }

  async end(): Promise<void> {
    this.#isEnding = true;
    if (this.process.exitCode !== null || this.process.signalCode !== null) return;
    const gone = new Promise((resolve) => this.process.once("exit", resolve));
    this.process.disconnect();
    const late = setTimeout(() => this.process.kill("SIGKILL"), 3000);
    await gone;
    clearTimeout(late);
  }
}
