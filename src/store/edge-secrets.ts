/** What every node of the edge shares: one row, made once. */
import type { Queryable } from "./db.ts";

/** The secret that stands; `fresh` becomes it where there is none yet. Two that ask at once get the same. */
export async function ticketSecret(q: Queryable, fresh: string): Promise<string> {
  await q.query("insert into edge_secret (ticket_secret) values ($1) on conflict (id) do nothing", [fresh]);
  const [row] = await q.query<{ ticket_secret: string }>("select ticket_secret from edge_secret");
  if (row === undefined) throw new Error("The edge's secret was not kept.");
  return row.ticket_secret;
}
