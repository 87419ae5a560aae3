/** The edges: which machines are alive, and what they run. */
import { useWords } from "../language.tsx";
import { Head } from "../parts/head.tsx";
import { Loaded } from "../parts/loaded.tsx";
import { Ago } from "../parts/times.tsx";
import { useEdges } from "../queries.ts";

export function EdgesScreen() {
  const words = useWords();
  const w = words.edgesPage;
  const edges = useEdges();
  return (
    <>
      <Head title={w.title} />
      <Loaded query={edges}>
        {(page) =>
          page.items.length === 0 ? (
            <div className="panel empty">
              <strong>{w.empty}</strong>
            </div>
          ) : (
            <ul className="panel grid-table">
              {page.items.map((edge) => (
                <li className="grid-row edge-row" key={edge.nodeId}>
                  <div>
                    <div className="strong">{edge.name}</div>
                    <code className="small quiet">{edge.nodeId}</code>
                  </div>
                  <span className="state" data-tone={edge.alive ? "good" : "bad"}>
                    {edge.alive ? w.alive : w.silent}
                  </span>
                  <div className="small">
                    nginx {edge.nginxVersion}, {w.workers(edge.workers)}, {w.sites(edge.sites)}
                  </div>
                  <div className="small quiet">
                    {w.seen}
                    <br />
                    <Ago at={edge.seenAt} />
                  </div>
                </li>
              ))}
            </ul>
          )
        }
      </Loaded>
    </>
  );
}
