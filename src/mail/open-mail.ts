/**
 * Mail out. A message is accepted in the caller's transaction and tried until it is delivered or TRIES_MAX is reached; a
 * permanent refusal (5yz, RFC 5321 §4.2.1) ends it at once. Either end of the road raises an alarm: nothing vanishes. A crash
 * between the server's acceptance and our mark sends the same message once more, under the same Message-ID. Without `smtpUrl`
 * mail waits, and `status` says that there is no route. Letters of the desk go before those that any customer can cause.
 */
import { createHash } from "node:crypto";
import nodemailer, { type Transporter } from "nodemailer";
import { Fault } from "../contract/fault.ts";
import type { Settings } from "../contract/settings.ts";
import type { Db } from "../store/db.ts";
import {
  insertMail,
  mailCounts,
  mailDue,
  mailState,
  markMailFailed,
  markMailSent,
  markMailTried,
  type MailRow,
} from "../store/mail.ts";
import { parseMailbox } from "./address.ts";
import type { Mail } from "./mail.ts";

export type MailOptions = {
  readonly db: Db;
  readonly settings: Pick<Settings, "smtpUrl" | "mailFrom" | "operatorName" | "publicUrl">;
  /** Milliseconds since the Unix epoch. */
  readonly now: () => number;
  readonly random: (bytes: number) => Uint8Array;
  readonly onAlarm: (code: string, what: string) => void;
};

const MINUTE_MS = 60_000;
/** Pauses after each failed try; after the last one the message has failed. Two days in all. */
export const RETRY_AFTER_MS = [1, 5, 15, 60, 180, 360, 720, 1440].map((minutes) => minutes * MINUTE_MS);
export const TRIES_MAX = RETRY_AFTER_MS.length + 1;
const BATCH = 50;
const LAST = ["incident %", "member of %"];
/** So many letters in a row that no server took a word of: the others wait for the next turn, and the line stays short. */
const UNREACHED_MAX = 2;
export const TEXT_CHARS_MAX = 100_000;
const SUBJECT_CHARS_MAX = 200;
const ATTACHMENTS_MAX = 5;
const ATTACHMENT_CHARS_MAX = 1_000_000;
const SMTP_TIMEOUT_MS = 20_000;
/** Ways out of a mail program that are also ways in. */
const TRANSPORT_LIMITS = { disableFileAccess: true, disableUrlAccess: true } as const;

export async function openMail(options: MailOptions): Promise<Mail> {
  const { db, settings } = options;
  const transport = settings.smtpUrl === "" ? null : makeTransport(settings.smtpUrl);
  const host = URL.canParse(settings.publicUrl) ? new URL(settings.publicUrl).hostname : "parapet.invalid";
  let delivering: Promise<unknown> = Promise.resolve();
  let isClosed = false;

  const tryOne = async (mail: MailRow): Promise<"sent" | "failed" | "waiting" | "unreached"> => {
    if (transport === null) return "waiting";
    try {
      await transport.sendMail({
        ...TRANSPORT_LIMITS,
        from: { name: settings.operatorName, address: settings.mailFrom },
        to: { name: "", address: mail.recipient },
        subject: mail.subject,
        text: mail.body,
        messageId: mail.messageId,
        // RFC 3834 §5: no machine shall answer this.
        headers: { "Auto-Submitted": "auto-generated", "X-Auto-Response-Suppress": "All" },
        attachments: mail.attachments.map((file) => ({
          filename: file.name,
          contentType: file.contentType,
          content: file.content,
        })),
      });
    } catch (error) {
      return await failed(mail, error);
    }
    await markMailSent(db, mail.mailId, new Date(options.now()).toISOString());
    return "sent";
  };

  const failed = async (mail: MailRow, error: unknown): Promise<"failed" | "waiting" | "unreached"> => {
    const { why, permanent, isReached } = reasonOf(error);
    const nowMs = options.now();
    const pauseMs = RETRY_AFTER_MS[mail.tries];
    if (!permanent && pauseMs !== undefined) {
      await markMailTried(db, mail.mailId, { why, nextTryAt: new Date(nowMs + pauseMs).toISOString() });
      return isReached ? "waiting" : "unreached";
    }
    await markMailFailed(db, mail.mailId, { why, at: new Date(nowMs).toISOString() });
    options.onAlarm(
      "mail.not-delivered",
      `Mail ${mail.mailId} about ${mail.about} could not be delivered (${why}): reach its recipient another way`,
    );
    return "failed";
  };

  const deliverDue = async (): Promise<{ sent: number; failed: number; waiting: number }> => {
    const count = { sent: 0, failed: 0 };
    const due =
      transport === null
        ? []
        : await mailDue(db, { at: new Date(options.now()).toISOString(), max: BATCH, last: LAST });
    let unreached = 0;
    for (const mail of due) {
      const outcome = await tryOne(mail);
      if (outcome === "sent" || outcome === "failed") count[outcome] += 1;
      unreached = outcome === "unreached" ? unreached + 1 : 0;
      if (unreached >= UNREACHED_MAX || isClosed) break;
    }
    return { ...count, waiting: (await mailCounts(db)).waiting };
  };

  return {
    async send(tx, mail) {
      const to = parseMailbox(mail.to);
      if (!to.ok)
        throw new Fault("input.invalid", `Cannot send mail to this address: ${to.why.toLowerCase()}`);
      if (mail.text.length > TEXT_CHARS_MAX || (mail.attachments ?? []).length > ATTACHMENTS_MAX) {
        throw new Fault(
          "input.too-large",
          `Cannot send this mail: at most ${TEXT_CHARS_MAX} characters and ${ATTACHMENTS_MAX} attachments`,
        );
      }
      if ((mail.attachments ?? []).some((file) => file.content.length > ATTACHMENT_CHARS_MAX)) {
        throw new Fault("input.too-large", `An attachment has at most ${ATTACHMENT_CHARS_MAX} characters`);
      }
      const messageId = `<${Buffer.from(options.random(16)).toString("hex")}@${host}>`;
      const mailId = await insertMail(tx, {
        recipient: to.value,
        // oxlint-disable-next-line no-control-regex -- A line break in a subject would begin a new header (RFC 5322 §2.2).
        subject: mail.subject.replace(/[\u0000-\u001f\u007f]+/g, " ").slice(0, SUBJECT_CHARS_MAX),
        body: mail.text,
        attachments: mail.attachments ?? [],
        sha256: createHash("sha256").update(mail.text).digest("hex"),
        about: mail.about,
        messageId,
        at: new Date(options.now()).toISOString(),
      });
      return { mailId };
    },
    async deliver() {
      const turn = delivering.then(deliverDue, deliverDue);
      delivering = turn.catch(() => undefined);
      return await turn;
    },
    async status() {
      return { route: transport !== null, ...(await mailCounts(db)) };
    },
    async stateOf(mailId) {
      const state = await mailState(db, mailId);
      if (state === null) throw new Fault("state.not-found", `There is no mail ${mailId}`);
      return state;
    },
    async close() {
      isClosed = true;
      await delivering;
      transport?.close();
    },
  };
}

function makeTransport(smtpUrl: string): Transporter {
  const url = URL.canParse(smtpUrl) ? new URL(smtpUrl) : null;
  if (url === null || !["smtp:", "smtps:"].includes(url.protocol) || url.hostname === "") {
    throw new Fault(
      "input.invalid",
      'Cannot use smtpUrl: write "smtp://host:port", "smtps://host:port" or ""',
    );
  }
  const secure = url.protocol === "smtps:";
  return nodemailer.createTransport({
    host: url.hostname,
    port: url.port === "" ? (secure ? 465 : 587) : Number(url.port),
    secure,
    ...(url.username === ""
      ? {}
      : { auth: { user: decodeURIComponent(url.username), pass: decodeURIComponent(url.password) } }),
    connectionTimeout: SMTP_TIMEOUT_MS,
    greetingTimeout: SMTP_TIMEOUT_MS,
    socketTimeout: SMTP_TIMEOUT_MS,
    ...TRANSPORT_LIMITS,
  });
}

/** What the server said, short and in one line, and whether it meant it for good. */
function reasonOf(error: unknown): { why: string; permanent: boolean; isReached: boolean } {
  const { responseCode, code } = error as { responseCode?: unknown; code?: unknown };
  if (typeof responseCode === "number") {
    return {
      why: `the server answered ${responseCode}`,
      permanent: responseCode >= 500 && responseCode < 600,
      isReached: true,
    };
  }
  return {
    why: typeof code === "string" ? `connection: ${code}` : "the message could not be handed over",
    permanent: false,
    isReached: false,
  };
}
