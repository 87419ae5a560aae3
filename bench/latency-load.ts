/**
 * A steady stream of requests at a fixed rate, sent when they are due and not when the one before has come back, so that a stall of the server is
 * counted for everybody who would have waited (coordinated omission). Runs as a worker thread: it gets `LatencyLoad` as its data, and posts a
 * `LatencyReport` each time it is asked for one.
 */
import { Agent, request } from "node:http";
import { parentPort, workerData } from "node:worker_threads";

export type LatencyLoad = {
  readonly port: number;
  readonly hosts: readonly string[];
  readonly requestsPerSecond: number;
};
export type LatencyReport = { readonly millis: readonly number[]; readonly failed: readonly string[] };

const { port, hosts, requestsPerSecond } = workerData as LatencyLoad;
const agent = new Agent({ keepAlive: true, maxSockets: 64 });
let millis: number[] = [];
let failed: string[] = [];
let sent = 0;
const startedAt = performance.now();

function send(dueAt: number): void {
  const host = hosts[sent % hosts.length] ?? "";
  sent += 1;
  const asking = request({ host: "127.0.0.1", port, path: "/", agent, headers: { host } }, (answer) => {
    answer.resume();
    answer.on("end", () => {
      millis.push(performance.now() - dueAt);
      if (answer.statusCode !== 200) failed.push(`${host} ${answer.statusCode}`);
    });
  });
  asking.on("error", (error) => failed.push(`${host} ${error.message}`));
  asking.end();
}

setInterval(() => {
  const due = ((performance.now() - startedAt) / 1000) * requestsPerSecond;
  while (sent < due) send(startedAt + (sent / requestsPerSecond) * 1000);
}, 1);

parentPort?.on("message", () => {
  const report: LatencyReport = { millis, failed };
  millis = [];
  failed = [];
  // oxlint-disable-next-line unicorn/require-post-message-target-origin -- Threads have no origin.
  parentPort?.postMessage(report);
});
