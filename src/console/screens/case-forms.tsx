/** The short forms of a case: decline to act, refer to others, capture a page. */
import { Button, Group, NativeSelect, Textarea, TextInput } from "@mantine/core";
import { useState, type ReactNode } from "react";
import { REFERRAL_KINDS, type ReferralKind } from "../../contract/desk-states.ts";
import type { CaseView } from "../../contract/http.ts";
import type { CaseId } from "../../contract/ids.ts";
import { FACTS_CHARS_MAX, REASON_CHARS_MAX } from "../../contract/measure.ts";
import type { ClientFault } from "../client.ts";
import { useWords } from "../language.tsx";
import { FaultNote } from "../parts/fault-note.tsx";
import { Panel } from "../parts/head.tsx";
import { sayDone } from "../parts/saved-note.ts";
import { client, useWrite } from "../queries.ts";

export function SideForm({
  title,
  intro,
  act,
  busy,
  ready,
  fault,
  shownFields,
  danger = false,
  onSubmit,
  onClose,
  children,
}: {
  readonly title: string;
  readonly intro: string;
  readonly act: string;
  readonly busy: boolean;
  readonly ready: boolean;
  readonly fault: ClientFault | null;
  readonly shownFields: readonly string[];
  readonly danger?: boolean;
  readonly onSubmit: () => void;
  readonly onClose: () => void;
  readonly children: ReactNode;
}) {
  const words = useWords();
  return (
    <Panel title={title}>
      <form
        className="stack"
        noValidate
        onKeyDown={(event) => {
          if (event.key === "Escape") onClose();
        }}
        onSubmit={(event) => {
          event.preventDefault();
          onSubmit();
        }}
      >
        <p className="quiet small">{intro}</p>
        {children}
        <FaultNote fault={fault} shownFields={shownFields} />
        <Group justify="flex-end" gap="sm">
          <Button variant="default" onClick={onClose}>
            {words.common.cancel}
          </Button>
          <Button
            type="submit"
            loading={busy}
            disabled={!ready}
            {...(danger ? { color: "var(--d-imminent)" } : {})}
          >
            {act}
          </Button>
        </Group>
      </form>
    </Panel>
  );
}

export function RefuseForm({ caseId, onClose }: { readonly caseId: CaseId; readonly onClose: () => void }) {
  const words = useWords();
  const [facts, setFacts] = useState("");
  const [reason, setReason] = useState("");
  const send = useWrite<"POST /cases/{caseId}/refusals", { facts: string; reason: string }>(
    (body) => client.call("POST /cases/{caseId}/refusals", { params: { caseId }, body }),
    () => {
      sayDone(words.refuse.done);
      onClose();
    },
  );
  return (
    <SideForm
      title={words.refuse.title}
      intro={words.refuse.intro}
      act={words.refuse.go}
      busy={send.isPending}
      ready={facts.trim() !== "" && reason.trim() !== ""}
      fault={send.error}
      shownFields={["facts", "reason"]}
      onSubmit={() => send.mutate({ facts: facts.trim(), reason: reason.trim() })}
      onClose={onClose}
    >
      <Textarea
        label={words.refuse.facts}
        description={words.propose.factsHelp}
        autosize
        minRows={3}
        autoFocus
        maxLength={FACTS_CHARS_MAX}
        value={facts}
        error={send.error?.fields["facts"] ?? null}
        onChange={(event) => setFacts(event.currentTarget.value)}
      />
      <Textarea
        label={words.propose.reason}
        description={words.propose.reasonHelp}
        autosize
        minRows={3}
        maxLength={REASON_CHARS_MAX}
        value={reason}
        error={send.error?.fields["reason"] ?? null}
        onChange={(event) => setReason(event.currentTarget.value)}
      />
    </SideForm>
  );
}

const TO_CHARS_MAX = 320;

export function ReferForm({ caseId, onClose }: { readonly caseId: CaseId; readonly onClose: () => void }) {
  const words = useWords();
  const [kind, setKind] = useState<ReferralKind>("host");
  const [to, setTo] = useState("");
  const [note, setNote] = useState("");
  const send = useWrite<"POST /cases/{caseId}/referrals", { kind: ReferralKind; to: string; note: string }>(
    (body) => client.call("POST /cases/{caseId}/referrals", { params: { caseId }, body }),
    () => {
      sayDone(words.refer.done);
      onClose();
    },
  );
  return (
    <SideForm
      title={words.refer.title}
      intro={words.refer.intro}
      act={words.refer.go}
      busy={send.isPending}
      ready={to.trim() !== ""}
      fault={send.error}
      shownFields={["to", "note"]}
      onSubmit={() => send.mutate({ kind, to: to.trim(), note: note.trim() })}
      onClose={onClose}
    >
      <NativeSelect
        label={words.refer.kind}
        autoFocus
        value={kind}
        onChange={(event) => {
          const next = REFERRAL_KINDS.find((k) => k === event.currentTarget.value);
          if (next !== undefined) setKind(next);
        }}
        data={REFERRAL_KINDS.map((value) => ({ value, label: words.referralKind[value] }))}
      />
      <TextInput
        label={words.refer.to}
        description={words.refer.toHelp}
        maxLength={TO_CHARS_MAX}
        value={to}
        error={send.error?.fields["to"] ?? null}
        onChange={(event) => setTo(event.currentTarget.value)}
      />
      <Textarea
        label={words.refer.note}
        autosize
        minRows={3}
        maxLength={REASON_CHARS_MAX}
        value={note}
        error={send.error?.fields["note"] ?? null}
        onChange={(event) => setNote(event.currentTarget.value)}
      />
    </SideForm>
  );
}

export function CaptureForm({ view, onClose }: { readonly view: CaseView; readonly onClose: () => void }) {
  const words = useWords();
  const first = view.reportList.find((report) => report.copyOf === null)?.url ?? "";
  const [url, setUrl] = useState(first);
  const send = useWrite<"POST /cases/{caseId}/captures", string>(
    (address) =>
      client.call("POST /cases/{caseId}/captures", {
        params: { caseId: view.caseId },
        body: { url: address },
      }),
    () => {
      sayDone(words.evidence.captured);
      onClose();
    },
  );
  return (
    <SideForm
      title={words.evidence.capture}
      intro={words.evidence.captureHelp}
      act={words.evidence.capture}
      busy={send.isPending}
      ready={url.trim() !== ""}
      fault={send.error}
      shownFields={["url"]}
      onSubmit={() => send.mutate(url.trim())}
      onClose={onClose}
    >
      <TextInput
        label={words.evidence.captureUrl}
        type="url"
        autoFocus
        classNames={{ input: "mono" }}
        value={url}
        error={send.error?.fields["url"] ?? null}
        onChange={(event) => setUrl(event.currentTarget.value)}
      />
    </SideForm>
  );
}
