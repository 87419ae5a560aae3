/**
 * Gives every node of the edge the secret from which it derives the keys of session tickets, so that a visitor's session resumes on whichever
 * node they reach next. The secret is made once; its keys change with the clock, and no node has to be told when.
 */
import type { Bus } from "../bus/bus.ts";
import type { EdgeSecrets } from "../contract/certificate.ts";
import { EDGE_SECRETS_TOPIC } from "../contract/topics.ts";
import type { Db } from "../store/db.ts";
import { ticketSecret } from "../store/edge-secrets.ts";

const SECRET_BYTES = 32;

export async function publishEdgeSecrets(options: {
  readonly db: Db;
  readonly bus: Bus;
  readonly random: (bytes: number) => Uint8Array;
}): Promise<void> {
  const fresh = Buffer.from(options.random(SECRET_BYTES)).toString("base64url");
  const secrets: EdgeSecrets = { schema: 1, ticketSecret: await ticketSecret(options.db, fresh) };
  await options.bus.publish(EDGE_SECRETS_TOPIC, secrets, { keep: true });
}
