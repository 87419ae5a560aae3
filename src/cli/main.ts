/**
 * The command line. One verb a file; each is loaded only when it is called, so that a quick verb starts quickly. A
 * Fault is printed as one sentence that says what to do; anything else is a defect and is printed whole.
 */
import { Fault } from "../contract/fault.ts";
import type { Verb } from "./verb.ts";

const VERBS: Readonly<
  Record<string, { readonly summary: string; readonly load: () => Promise<{ readonly verb: Verb }> }>
> = {
  up: {
    summary: "start everything: control plane, database, one edge, a demo site",
    load: () => import("./up.ts"),
  },
  protect: {
    summary: "put a site behind the edge: protect HOST --origin URL",
    load: () => import("./protect.ts"),
  },
  unprotect: { summary: "take a site off the edge: unprotect HOST", load: () => import("./unprotect.ts") },
  settings: {
    summary: "what is set for a site: settings show HOST, set HOST FILE, history HOST, restore HOST REVISION",
    load: () => import("./settings-verb.ts"),
  },
  purge: {
    summary: "fetch anew: purge HOST --all | --url URL | --prefix HOST/PATH | --tag TAG",
    load: () => import("./purge.ts"),
  },
  ban: {
    summary:
      'keep a client out: ban ADDRESS|RANGE|AS…|country:XX [--site HOST] [--for 2h] --reason "…", ban list [--search WORDS] [--all], ban lift ID|ADDRESS',
    load: () => import("./ban.ts"),
  },
  attack: {
    summary:
      'ask every visitor to prove they are a browser: attack on|off SITE [--path "/login*"] [--for 1h]',
    load: () => import("./attack.ts"),
  },
  incidents: {
    summary: "floods and what was done about them: incidents [SITE], incidents show ID",
    load: () => import("./incidents.ts"),
  },
  certificates: {
    summary: "certificates and how they are: certificates [HOST]",
    load: () => import("./certificates.ts"),
  },
  status: { summary: "what runs, and what needs somebody", load: () => import("./status.ts") },
  officer: {
    summary: "invite a person: officer add NAME --email ADDRESS",
    load: () => import("./officer.ts"),
  },
  vault: {
    summary: "the vault of reporters' identities: vault init, vault open FILE",
    load: () => import("./vault.ts"),
  },
  verify: {
    summary: "check the public log: verify FOLDER-OR-URL --vkey KEY",
    load: () => import("./verify-verb.ts"),
  },
  log: {
    summary: "bring the log back from its published files: log catch-up",
    load: () => import("./log.ts"),
  },
  demo: {
    summary: "replay the whole story on a fresh instance: demo story",
    load: () => import("./demo.ts"),
  },
  edge: { summary: "run one edge node alone, from its last good policy", load: () => import("./edge.ts") },
  config: { summary: "the settings in force: config show", load: () => import("./config.ts") },
  doctor: {
    summary: "what is wrong with this machine and how to mend it",
    load: () => import("./doctor.ts"),
  },
  test: { summary: "the whole test suite, or a part: test NAME", load: () => import("./test.ts") },
  bench: { summary: "measure: bench path --json", load: () => import("./bench.ts") },
};

const HELP: readonly string[] = ["help", "--help", "-h"];

async function main(args: readonly string[]): Promise<number> {
  const [name = "help", ...rest] = args;
  const isHelp = HELP.includes(name);
  const asked = isHelp ? rest[0] : name;
  const entry = asked === undefined ? undefined : VERBS[asked];
  if (asked === undefined || entry === undefined) {
    if (asked !== undefined) process.stderr.write(`parapet: There is no verb "${asked.slice(0, 40)}".\n\n`);
    process.stdout.write("Usage: ./parapet VERB [...]\n\n");
    for (const [verb, { summary }] of Object.entries(VERBS))
      process.stdout.write(`  ${verb.padEnd(12)} ${summary}\n`);
    return asked === undefined ? 0 : 2;
  }
  // After "--" a word is the verb's, whatever it looks like.
  const options = rest.includes("--") ? rest.slice(0, rest.indexOf("--")) : rest;
  if (isHelp || options.some((word) => word === "--help" || word === "-h")) {
    process.stdout.write(`./parapet ${asked}: ${entry.summary}\n`);
    return 0;
  }
  const { verb } = await entry.load();
  return verb(rest);
}

try {
  process.exitCode = await main(process.argv.slice(2));
} catch (error) {
  if (error instanceof Fault) {
    process.stderr.write(`parapet: ${error.detail}\n`);
    if (process.env["PARAPET_TRACE"] === "1") console.error(error);
  } else if (
    error instanceof Error &&
    String((error as { code?: unknown }).code).startsWith("ERR_PARSE_ARGS")
  ) {
    process.stderr.write(`parapet: ${error.message}\n`);
  } else {
    console.error(error);
  }
  process.exitCode = 1;
}
