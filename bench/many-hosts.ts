/** A wrk script that asks one of many hosts with each request, in a fixed random order, so that two runs ask alike. */
import { writeFileSync } from "node:fs";

/** The i-th site: its name, and a loopback address that is its own. */
export const siteAt = (i: number): { readonly hostname: string; readonly address: string } => ({
  hostname: `site-${i}.bench.example`,
  address: `127.${1 + Math.floor(i / 62_500)}.${1 + (Math.floor(i / 250) % 250)}.${1 + (i % 250)}`,
});

/** `asked`: how many of them; as many as an edge keeps connections to origins, or what is measured is how fast connections are opened. */
export function writeManyHosts(
  file: string,
  options: { readonly count: number; readonly asked: number },
): string {
  writeFileSync(
    file,
    `local count, asked = ${options.count}, ${options.asked}
local requests = {}
init = function()
  math.randomseed(7)
  for i = 1, asked do
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
