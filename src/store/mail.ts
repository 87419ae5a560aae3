/** The outbox of mail: what waits, what went, what could not. */
import type { Queryable, Tx } from "./db.ts";

export type MailRow = {
  readonly mailId: number;
  readonly recipient: string;
  readonly subject: string;
  readonly body: string;
  readonly attachments: readonly {
    readonly name: string;
    readonly contentType: string;
    readonly content: string;
  }[];
  readonly about: string;
  readonly messageId: string;
  readonly tries: number;
};

export async function insertMail(
  tx: Tx,
  input: Omit<MailRow, "mailId" | "tries"> & { readonly sha256: string; readonly at: string },
): Promise<number> {
  const rows = await tx.query<{ mailId: number }>(
    `insert into mail_out (recipient, subject, body, attachments, body_sha256, about, message_id, queued_at, next_try_at)
     values ($1, $2, $3, $4::jsonb, $5, $6, $7, $8, $8) returning mail_id as "mailId"`,
    [
      input.recipient,
      input.subject,
      input.body,
      JSON.stringify(input.attachments),
      input.sha256,
      input.about,
      input.messageId,
      input.at,
    ],
  );
  const mailId = rows[0]?.mailId;
  if (mailId === undefined) throw new Error("the outbox gave no number");
  return mailId;
}

export async function mailDue(
  q: Queryable,
  input: {
    readonly at: string;
    readonly max: number;
    /** Beginnings of `about`, as patterns of LIKE: letters that go after all others. */
    readonly last: readonly string[];
  },
): Promise<MailRow[]> {
  return await q.query<MailRow>(
    `select mail_id as "mailId", recipient, subject, body, attachments, about, message_id as "messageId", tries
       from mail_out where state = 'waiting' and next_try_at <= $1
      order by about like any($3::text[]), next_try_at, mail_id limit $2`,
    [input.at, input.max, input.last],
  );
}

/** Letters to one address since then whose `about` begins so, sent or waiting. */
export async function countMailTo(
  q: Queryable,
  of: { readonly to: string; readonly about: string; readonly since: Date },
): Promise<number> {
  const [row] = await q.query<{ n: string }>(
    `select count(*) as n from mail_out where recipient = $1 and starts_with(about, $2) and queued_at > $3`,
    [of.to, of.about, of.since],
  );
  return Number(row?.n ?? 0);
}

/** Delivered: its words are forgotten, their hash stays. */
export async function markMailSent(q: Queryable, mailId: number, at: string): Promise<void> {
  await q.query(
    `update mail_out set state = 'sent', body = null, attachments = '[]', settled_at = $2, tries = tries + 1,
            last_error = null
      where mail_id = $1 and state = 'waiting'`,
    [mailId, at],
  );
}

export async function markMailTried(
  q: Queryable,
  mailId: number,
  input: { readonly why: string; readonly nextTryAt: string },
): Promise<void> {
  await q.query(
    `update mail_out set tries = tries + 1, last_error = $2, next_try_at = $3 where mail_id = $1 and state = 'waiting'`,
    [mailId, input.why, input.nextTryAt],
  );
}

export async function markMailFailed(
  q: Queryable,
  mailId: number,
  input: { readonly why: string; readonly at: string },
): Promise<void> {
  await q.query(
    `update mail_out set state = 'failed', tries = tries + 1, last_error = $2, settled_at = $3
      where mail_id = $1 and state = 'waiting'`,
    [mailId, input.why, input.at],
  );
}

export async function mailCounts(q: Queryable): Promise<{ waiting: number; failed: number }> {
  const rows = await q.query<{ waiting: number; failed: number }>(
    `select (count(*) filter (where state = 'waiting'))::integer as waiting,
            (count(*) filter (where state = 'failed'))::integer as failed from mail_out`,
  );
  return rows[0] ?? { waiting: 0, failed: 0 };
}

export async function mailState(q: Queryable, mailId: number): Promise<"waiting" | "sent" | "failed" | null> {
  const rows = await q.query<{ state: "waiting" | "sent" | "failed" }>(
    `select state from mail_out where mail_id = $1`,
    [mailId],
  );
  return rows[0]?.state ?? null;
}
