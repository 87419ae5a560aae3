/** `incidents [SITE]` lists floods, slow attacks and surges, newest first; `incidents show ID` tells one: its words, its numbers, its course as a small chart. */
import { parseArgs } from "node:util";
import { Fault } from "../contract/fault.ts";
import type { CursorPage, IncidentRow, IncidentView } from "../contract/http-protection.ts";
import { DATA_OPTION, dataDirFrom } from "./data-dir.ts";
import { callLocal } from "./local-client.ts";
import { printable } from "./printable.ts";
import type { Verb } from "./verb.ts";

const CHART_COLUMNS = 60;
const CHART_ROWS = 8;
const SIGNATURES_SHOWN_MAX = 8;

export const verb: Verb = async (args) => {
  const { values, positionals } = parseArgs({
    args: [...args],
    options: { ...DATA_OPTION, json: { type: "boolean", default: false } },
    allowPositionals: true,
  });
  const dataDir = dataDirFrom(values.data);
  const [first, second] = positionals;
  if (first === "show") {
    if (second === undefined || positionals.length !== 2)
      throw new Fault("input.invalid", "Cannot tell which incident: ./parapet incidents show ID");
    const path = `/incidents/${encodeURIComponent(second)}`;
    const incident = await callLocal<IncidentView>(dataDir, { method: "GET", path });
    process.stdout.write(values.json ? `${JSON.stringify(incident)}\n` : `${told(incident).join("\n")}\n`);
    return 0;
  }
  if (positionals.length > 1)
    throw new Fault("input.invalid", "Cannot list incidents of several sites: ./parapet incidents [SITE]");
  const query = first === undefined ? "" : `?${new URLSearchParams({ site: first }).toString()}`;
  const page = await callLocal<CursorPage<IncidentRow>>(dataDir, {
    method: "GET",
    path: `/incidents${query}`,
  });
  if (values.json) process.stdout.write(`${JSON.stringify(page)}\n`);
  else if (page.items.length === 0) process.stdout.write("There were no incidents.\n");
  else for (const row of page.items) process.stdout.write(`${lineOf(row)}\n`);
  if (!values.json && page.total > page.items.length)
    process.stdout.write(`… and ${page.total - page.items.length} older ones.\n`);
  return 0;
};

export function lineOf(row: IncidentRow): string {
  const words = row.words === null ? "" : `: ${printable(row.words.en)}`;
  const until = row.endedAt === null ? "goes on" : `until ${clock(row.endedAt)}`;
  return `${row.incidentId} ${row.siteName} ${row.kind} from ${clock(row.beganAt)}, ${until}, ${figure(row.requests)} requests, ${share(row)} let through${words}`;
}

export function told(incident: IncidentView): string[] {
  const { mitigatedAt } = incident;
  const began = Date.parse(incident.beganAt);
  const after = mitigatedAt === null ? null : ((Date.parse(mitigatedAt) - began) / 1000).toFixed(1);
  const done =
    incident.mode === "act"
      ? ""
      : incident.mode === "shadow"
        ? " (watched only, nothing was done)"
        : " (off)";
  return [
    `${incident.kind} on ${incident.siteName}${done}`,
    `began    ${clock(incident.beganAt)} UTC${incident.triggers.length === 0 ? "" : `, seen by ${incident.triggers.join(", ")}`}`,
    `met      ${after === null ? "not yet" : `${after} s later`}`,
    `ended    ${incident.endedAt === null ? "goes on" : `${clock(incident.endedAt)} UTC`}`,
    `rate     ${figure(incident.usualPerSecond)} a second are usual, ${figure(incident.peakPerSecond)} at its height`,
    `requests ${figure(incident.requests)}, of these let through ${figure(incident.passed)} (${share(incident)}), challenged ${figure(incident.challenged)} (${figure(incident.challengesPassed)} passed), blocked ${figure(incident.blocked)}, slowed ${figure(incident.throttled)}, banned ${figure(incident.banned)}`,
    `cost     ${figure(incident.originErrors)} errors of the origin, ${figure(incident.originSecondsExtra)} s of its work beyond the usual, ${figure(incident.sentBytes / 1e6)} MB sent`,
    ...incident.signatures.slice(0, SIGNATURES_SHOWN_MAX).map(signatureLine),
    ...incident.reports.map(
      ({ nodeName, isSilent }) =>
        `edge     ${nodeName}${isSilent ? ", which fell silent in the middle of it" : ""}`,
    ),
    "",
    ...chart(incident.series),
  ];
}

function signatureLine(signature: IncidentView["signatures"][number]): string {
  const state = signature.liftedAt === null ? "in force" : `lifted ${clock(signature.liftedAt)}`;
  return `${signature.action.padEnd(8)} ${printable(signature.words.en)} (${percent(signature.cover)} of the flood, ${percent(signature.collateral)} of the good traffic before, ${figure(signature.requests)} requests, ${state})`;
}

/** Requests as "#", what was let through of them as "o", in columns of the same length of time; the highest column is the scale. */
export function chart(series: IncidentView["series"]): string[] {
  const first = series[0];
  const last = series.at(-1);
  if (first === undefined || last === undefined) return ["No course was recorded."];
  const columns = Math.min(CHART_COLUMNS, series.length);
  const spanMs = Math.max(1, last[0] - first[0]);
  const sums = Array.from({ length: columns }, () => ({ requests: 0, passed: 0 }));
  for (const [at, requests, passed] of series) {
    const sum = sums[Math.min(columns - 1, Math.floor(((at - first[0]) / spanMs) * columns))];
    if (sum === undefined) continue;
    sum.requests += requests;
    sum.passed += passed;
  }
  const highest = Math.max(1, ...sums.map(({ requests }) => requests));
  const lines: string[] = [];
  for (let row = CHART_ROWS; row >= 1; row--) {
    const line = sums.map(({ requests, passed }) => {
      const level = (value: number): number => Math.ceil((value / highest) * CHART_ROWS);
      return level(passed) >= row ? "o" : level(requests) >= row ? "#" : " ";
    });
    lines.push(`|${line.join("").trimEnd()}`);
  }
  const seconds = Math.round(spanMs / 1000);
  return [
    ...lines,
    `+${"-".repeat(columns)} ${seconds} s`,
    `# stopped, o let through; the highest column is ${figure(highest)} requests`,
  ];
}

const clock = (at: string): string => at.slice(0, 19).replace("T", " ");
const figure = (value: number): string =>
  new Intl.NumberFormat("en", { maximumFractionDigits: value < 10 ? 1 : 0 }).format(value);
const percent = (part: number): string => `${(100 * part).toFixed(part < 0.1 ? 1 : 0)} %`;
const share = ({ requests, passed }: IncidentRow): string => percent(requests === 0 ? 0 : passed / requests);
