/** A verb of the command line: takes its arguments, returns the exit code. Expected failures are Faults. */
export type Verb = (args: readonly string[]) => Promise<number>;
