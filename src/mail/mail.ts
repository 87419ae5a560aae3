/**
 * Mail on its way out. A message is accepted inside the caller's transaction and delivered later, with bounded retries;
 * what cannot be delivered raises an alarm (design law 12).
 */
import type { Tx } from "../store/db.ts";

export type OutgoingMail = {
  readonly to: string;
  readonly subject: string;
  readonly text: string;
  /** What the mail belongs to, like "decision deci_…": for the console and for the delivery receipt. */
  readonly about: string;
  readonly attachments?: readonly {
    readonly name: string;
    readonly contentType: string;
    readonly content: string;
  }[];
};

export interface Mail {
  /** Queues one message inside the caller's transaction. Refuses an address that RFC 5321 does not allow. */
  send(tx: Tx, mail: OutgoingMail): Promise<{ readonly mailId: number }>;
  /** Tries everything that is due. Safe to call at any time, repeatedly. */
  deliver(): Promise<{ readonly sent: number; readonly failed: number; readonly waiting: number }>;
  status(): Promise<{ readonly route: boolean; readonly waiting: number; readonly failed: number }>;
  /** State of one message. */
  stateOf(mailId: number): Promise<"waiting" | "sent" | "failed">;
  close(): Promise<void>;
}
