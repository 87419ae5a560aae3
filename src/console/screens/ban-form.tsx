/**
 * Making a ban: whom, for how long, why, and where. What keeps many people out is asked about once more; so is what would keep out the very person who
 * asks, which the server finds and this form repeats.
 */
import { NativeSelect, TextInput } from "@mantine/core";
import { useState } from "react";
import { BAN_KINDS, type BanKind } from "../../contract/ban.ts";
import {
  BAN_BITS_MIN,
  BAN_BITS_OF_SITES,
  BAN_REASON_CHARS_MAX,
  type BanMade,
  type NewBan,
} from "../../contract/http-protection.ts";
import type { SiteId } from "../../contract/ids.ts";
import { useWords } from "../language.tsx";
import { ActButton } from "../parts/act-button.tsx";
import { AskOnce } from "../parts/ask-once.tsx";
import { FaultNote } from "../parts/fault-note.tsx";
import { Panel } from "../parts/head.tsx";
import { sayDone } from "../parts/saved-note.ts";
import type { Words } from "../words/english.ts";
import { client, useSites, useWrite } from "../queries.ts";
import { whyNotMay, type Role } from "../site/may.ts";

const LENGTHS = ["900", "3600", "21600", "86400", "604800"] as const;
type Length = (typeof LENGTHS)[number];

type Form = {
  readonly kind: BanKind;
  readonly value: string;
  readonly long: Length;
  readonly reason: string;
  /** "": on every site. */
  readonly on: string;
};
const EMPTY: Form = { kind: "address", value: "", long: "3600", reason: "", on: "" };
const SHOWN = ["kind", "value", "seconds", "reason", "force", "siteId"];

/** What is sent: an AS number without its letters, a country in capitals. */
const bodyOf = (form: Form, force: boolean): NewBan => ({
  kind: form.kind,
  value:
    form.kind === "asn"
      ? form.value.trim().replace(/^as/i, "")
      : form.kind === "country"
        ? form.value.trim().toUpperCase()
        : form.value.trim(),
  seconds: Number(form.long),
  reason: form.reason.trim(),
  force,
});

/** What the server refused, in the reader's language; its own sentence is English. Null: it did not refuse whom to ban. */
function refusalOf(
  form: Form,
  given: {
    readonly fields: Readonly<Record<string, string>>;
    readonly ofSite: boolean;
    readonly words: Words;
  },
): string | null {
  const w = given.words.protection.bans;
  if (given.fields["kind"] !== undefined) return w.noDatabase;
  if (given.fields["value"] === undefined) return null;
  const slashes = (bits: readonly number[]): string => bits.map((length) => `/${length}`).join(", ");
  const lengths = given.ofSite
    ? `IPv4 ${slashes(BAN_BITS_OF_SITES.ipv4)}; IPv6 ${slashes(BAN_BITS_OF_SITES.ipv6)}`
    : `IPv4 ${w.fromTo(`/${BAN_BITS_MIN.ipv4}`, "/31")}, IPv6 ${w.fromTo(`/${BAN_BITS_MIN.ipv6}`, "/63")}`;
  return w.refused[form.kind](form.value.trim(), lengths);
}

function Warnings({ made }: { readonly made: BanMade }) {
  if (made.warnings.length === 0) return null;
  return (
    <div className="note" data-tone="warn" role="status">
      <ul className="held-list">
        {made.warnings.map((line) => (
          <li key={line}>{line}</li>
        ))}
      </ul>
    </div>
  );
}

function BanFields({
  form,
  fields,
  anywhere,
  onForm,
}: {
  readonly form: Form;
  readonly fields: Readonly<Record<string, string>>;
  /** Whether the site can be chosen. */
  readonly anywhere: boolean;
  readonly onForm: (form: Form) => void;
}) {
  const w = useWords().protection.bans;
  const sites = useSites();
  const field = <K extends keyof Form>(name: K, value: Form[K]): void => onForm({ ...form, [name]: value });
  return (
    <>
      <div className="two">
        <NativeSelect
          label={w.what}
          value={form.kind}
          onChange={(event) =>
            field("kind", BAN_KINDS.find((kind) => kind === event.currentTarget.value) ?? "address")
          }
          data={BAN_KINDS.map((value) => ({ value, label: w.kind[value] }))}
        />
        <TextInput
          label={w.value}
          description={w.kindHelp[form.kind]}
          classNames={{ input: "mono" }}
          autoCapitalize="none"
          spellCheck={false}
          maxLength={60}
          value={form.value}
          error={fields["value"] ?? null}
          onChange={(event) => field("value", event.currentTarget.value)}
        />
        <NativeSelect
          label={w.long}
          value={form.long}
          error={fields["seconds"] ?? null}
          onChange={(event) =>
            field("long", LENGTHS.find((each) => each === event.currentTarget.value) ?? "3600")
          }
          data={LENGTHS.map((value) => ({ value, label: w.longs[value] }))}
        />
        {anywhere ? (
          <NativeSelect
            label={w.on}
            value={form.on}
            error={fields["siteId"] ?? null}
            onChange={(event) => field("on", event.currentTarget.value)}
            data={[
              { value: "", label: w.everywhere },
              ...(sites.data?.items ?? []).map((site) => ({
                value: site.siteId,
                label: site.hostnames[0] ?? site.siteId,
              })),
            ]}
          />
        ) : null}
      </div>
      <TextInput
        label={w.reason}
        description={w.reasonHelp}
        maxLength={BAN_REASON_CHARS_MAX}
        value={form.reason}
        error={fields["reason"] ?? null}
        onChange={(event) => field("reason", event.currentTarget.value)}
      />
    </>
  );
}

export function BanForm({ siteId, role }: { readonly siteId: SiteId | null; readonly role: Role }) {
  const words = useWords();
  const w = words.protection.bans;
  const sites = useSites();
  const [form, setForm] = useState<Form>(EMPTY);
  const [asking, setAsking] = useState(false);
  const target = siteId ?? sites.data?.items.find((site) => site.siteId === form.on)?.siteId ?? null;
  const send = useWrite<"POST /bans", NewBan>(
    (body) =>
      siteId === null
        ? client.call("POST /bans", { body: { ...body, siteId: target } })
        : client.call("POST /sites/{siteId}/bans", { params: { siteId }, body }),
    () => {
      setAsking(false);
      setForm(EMPTY);
      sayDone(w.created);
    },
  );
  const fields = send.error?.fields ?? {};
  const hitsMyself = fields["force"];
  const refusal = refusalOf(form, { fields, ofSite: target !== null, words });
  const isAsking = asking && refusal === null;
  const why =
    (siteId === null
      ? role === "operator"
        ? null
        : w.forOperators
      : whyNotMay(role, { act: "POST /sites/{siteId}/bans", words })) ??
    (form.value.trim() === "" ? w.needValue : form.reason.trim() === "" ? w.needReason : null);
  /** What was refused is not what stands there any more. */
  const change = (next: Form): void => {
    if (refusal !== null) {
      send.reset();
      setAsking(false);
    }
    setForm(next);
  };
  const ask = (): void => {
    if (why !== null) return;
    send.reset();
    setAsking(true);
  };
  return (
    <Panel title={w.add}>
      <form
        className="stack-tight"
        noValidate
        onSubmit={(event) => {
          event.preventDefault();
          ask();
        }}
      >
        {send.data === undefined ? null : <Warnings made={send.data} />}
        <BanFields
          form={form}
          fields={refusal === null ? fields : { value: refusal }}
          anywhere={siteId === null}
          onForm={change}
        />
        {isAsking ? null : refusal === null ? (
          <FaultNote fault={send.error} shownFields={SHOWN} />
        ) : (
          <div className="note" data-tone="bad" role="alert">
            <strong>{words.fault.invalid}</strong>
            <span>{refusal}</span>
          </div>
        )}
        <ActButton
          label={w.create}
          ok={why === null && !send.isPending}
          why={why}
          fullWidth={false}
          onClick={ask}
        />
      </form>
      {isAsking ? (
        <AskOnce
          question={{
            title:
              hitsMyself === undefined
                ? `${w.create}${words.common.colon}${form.value.trim()}`
                : w.forceTitle,
            consequence: `${form.kind === "address" ? w.askAddress : w.askWide} ${target === null ? w.askEverywhere : w.askSite}`,
            ...(hitsMyself === undefined ? {} : { extra: w.forceWhy }),
            act: hitsMyself === undefined ? w.create : w.force,
            withReason: false,
            danger: form.kind !== "address" || hitsMyself !== undefined,
          }}
          busy={send.isPending}
          fault={hitsMyself === undefined ? send.error : null}
          onClose={() => setAsking(false)}
          onAct={() => send.mutate(bodyOf(form, hitsMyself !== undefined))}
        />
      ) : null}
    </Panel>
  );
}
