/** How a site's origins do, node by node, and whether they answer the public past this edge. */
import type { OriginHealthView } from "../../contract/http-sites.ts";
import { useWords } from "../language.tsx";
import { ActButton } from "../parts/act-button.tsx";
import { FaultNote } from "../parts/fault-note.tsx";
import { Panel } from "../parts/head.tsx";
import { Loaded } from "../parts/loaded.tsx";
import { sayDone } from "../parts/saved-note.ts";
import { Ago } from "../parts/times.tsx";
import { client, useWrite } from "../queries.ts";
import { whyNotMay } from "../site/may.ts";
import { useOrigins } from "../site-queries.ts";
import type { Site } from "./site-frame.tsx";

const TONE = { up: "good", down: "bad", unchecked: "quiet" } as const;

function ServerLine({ server }: { readonly server: OriginHealthView }) {
  const w = useWords().site.overview;
  return (
    <li className="grid-row two">
      <div>
        <code>
          {server.host.includes(":") ? `[${server.host}]` : server.host}:{server.port}
        </code>
        <div className="small quiet">{server.addresses.join(", ")}</div>
      </div>
      <div className="stack-tight">
        {server.nodes.map((node) => (
          <div key={node.nodeId}>
            <span className="state" data-tone={TONE[node.state]}>
              {w[node.state]}
            </span>{" "}
            <span className="small quiet">
              <code>{node.nodeId.slice(-6)}</code> · <Ago at={node.since} />
            </span>
            {node.why === null ? null : <div className="small bad">{node.why}</div>}
          </div>
        ))}
      </div>
    </li>
  );
}

export function OriginsPanel({ site }: { readonly site: Site }) {
  const w = useWords().site.overview;
  const origins = useOrigins(site.siteId);
  return (
    <Panel title={w.origins}>
      <Loaded query={origins}>
        {(view) => (
          <ul className="flush">
            {view.servers.map((server) => (
              <ServerLine key={`${server.host} ${String(server.port)}`} server={server} />
            ))}
          </ul>
        )}
      </Loaded>
    </Panel>
  );
}

export function ExposureNote({ site }: { readonly site: Site }) {
  const words = useWords();
  const w = words.site.overview;
  const origins = useOrigins(site.siteId);
  const send = useWrite<"POST /sites/{siteId}/origins/exposure-check", null>(
    () =>
      client.call("POST /sites/{siteId}/origins/exposure-check", {
        params: { siteId: site.siteId },
      }),
    () => sayDone(w.exposureDone),
  );
  const exposed = origins.data?.exposed ?? null;
  const why = whyNotMay(site.role, { act: "POST /sites/{siteId}/origins/exposure-check", words });
  return (
    <div className="note" data-tone={exposed?.exposed === true ? "warn" : "plain"}>
      <strong role="status">
        {exposed === null ? w.exposureUnknown : exposed.exposed ? w.exposed : w.notExposed}
      </strong>
      {exposed === null ? null : (
        <span>
          {exposed.what}{" "}
          <span className="small quiet">
            <Ago at={exposed.at} />
          </span>
        </span>
      )}
      <span className="small">{w.exposureHelp}</span>
      <FaultNote fault={send.error} />
      <ActButton
        label={w.exposureCheck}
        ok={why === null && !send.isPending}
        why={why}
        fullWidth={false}
        onClick={() => send.mutate(null)}
      />
    </div>
  );
}
