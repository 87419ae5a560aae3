/** A wrk script that asks one of many hosts with each request, in a fixed random order, so that two runs ask alike. */
import { writeFileSync } from "node:fs";

export const hostOf = (i: number): string => `site-${i}.bench.example`;

export function writeManyHosts(file: string, count: number): string {
  writeFileSync(
    file,
    `local count = ${count}
local requests = {}
init = function()
  math.randomseed(7)
  for i = 1, 4096 do
    wrk.headers["Host"] = "site-" .. math.random(0, count - 1) .. ".bench.example"
    requests[i] = wrk.format("GET", "/")
  end
end
local at = 0
request = function()
  at = at % #requests + 1
  return requests[at]
end
`,
  );
  return file;
}
