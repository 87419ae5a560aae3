/**
 * Proposing a measure, or pulling the brake: one form, since the brake is a measure that begins before the second person. The
 * narrowest scope stands first; choosing a wider one opens the field for its reason.
 */
import { NativeSelect, Radio, Stack, Textarea, TextInput } from "@mantine/core";
import { useState } from "react";
import type { CaseView, MeasureProposal } from "../../contract/http.ts";
import {
  CLAUSES,
  FACTS_CHARS_MAX,
  MEASURE_KINDS,
  REASON_CHARS_MAX,
  SCOPES,
  type Clause,
} from "../../contract/measure.ts";
import { useWords } from "../language.tsx";
import { AskOnce } from "../parts/ask-once.tsx";
import { sayDone } from "../parts/saved-note.ts";
import { plainLine } from "../parts/subject.ts";
import {
  asksHostname,
  asksPath,
  asksReasonWider,
  firstDraft,
  isWider,
  kindOf,
  mildestFor,
  missingIn,
  proposalOf,
  type Ground,
  type ProposalDraft,
  type ProposalField,
} from "../proposal.ts";
import { client, useWrite } from "../queries.ts";
import { SideForm } from "./case-forms.tsx";

const FIELDS: readonly ProposalField[] = [
  "clause",
  "facts",
  "reason",
  "reasonWider",
  "when",
  "path",
  "hostname",
  "territory",
];

export function ProposeForm({
  view,
  mode,
  onClose,
}: {
  readonly view: CaseView;
  readonly mode: "proposal" | "brake";
  readonly onClose: () => void;
}) {
  const words = useWords();
  const w = words.propose;
  const narrowest = view.narrowest.scope;
  const ground: Ground = { narrowest, level: view.level };
  const [draft, setDraft] = useState<ProposalDraft>(() => firstDraft(view.narrowest, { now: Date.now() }));
  const [tried, setTried] = useState(false);
  const [asking, setAsking] = useState(false);
  const set = (change: Partial<ProposalDraft>): void => setDraft((old) => ({ ...old, ...change }));

  const done = (): void => {
    sayDone(mode === "brake" ? w.brakeDone : w.done);
    onClose();
  };
  const send = useWrite<"POST /cases/{caseId}/proposals", MeasureProposal>(
    (body) =>
      mode === "brake"
        ? client.call("POST /cases/{caseId}/brakes", { params: { caseId: view.caseId }, body })
        : client.call("POST /cases/{caseId}/proposals", { params: { caseId: view.caseId }, body }),
    done,
  );

  const missing = tried ? missingIn(draft, { ...ground, now: Date.now(), words }) : {};
  const told = send.error?.fields ?? {};
  // The server's field names are the contract's: the form's own fields gather them.
  const toldFor: Partial<Record<ProposalField, string | undefined>> = {
    clause: told["clause"],
    facts: told["facts"],
    reason: told["reason"],
    reasonWider: told["reasonWider"],
    when: told["endsAt"] ?? told["reviewAt"],
    path: told["subject.path"] ?? told["path"],
    hostname: told["subject.hostname"] ?? told["hostname"],
    territory: told["territory"],
  };
  const errorOf = (field: ProposalField): string | null => missing[field] ?? toldFor[field] ?? null;
  const body = (): MeasureProposal => proposalOf(draft, { subject: view.subject, ...ground });

  const submit = (): void => {
    setTried(true);
    if (Object.keys(missingIn(draft, { ...ground, now: Date.now(), words })).length > 0) return;
    if (mode === "brake") setAsking(true);
    else send.mutate(body());
  };

  const subject = { ...view.subject, hostname: draft.hostname, path: draft.path };
  const wantsReason = asksReasonWider(draft, ground) || send.error?.code === "desk.not-narrowest";

  return (
    <>
      <SideForm
        title={mode === "brake" ? w.brakeTitle : w.title}
        intro={mode === "brake" ? w.brakeIntro : w.intro}
        act={mode === "brake" ? w.brakeGo : w.go}
        danger={mode === "brake"}
        busy={send.isPending}
        ready
        fault={asking ? null : send.error}
        shownFields={[...FIELDS, "endsAt", "reviewAt", "subject.path", "subject.hostname"]}
        onSubmit={submit}
        onClose={onClose}
      >
        <Radio.Group
          label={w.kind}
          value={kindOf(draft, view.level)}
          onChange={(value) => {
            const kind = MEASURE_KINDS.find((k) => k === value);
            if (kind !== undefined) set({ kind });
          }}
        >
          <Stack gap={6} mt={6}>
            {MEASURE_KINDS.map((kind) => (
              <Radio
                key={kind}
                value={kind}
                label={
                  kind === mildestFor(draft, view.level)
                    ? `${words.kind[kind]} (${w.mildest})`
                    : words.kind[kind]
                }
                description={words.kindMeaning[kind]}
              />
            ))}
          </Stack>
        </Radio.Group>
        <NativeSelect
          label={w.scope}
          value={draft.scope}
          onChange={(event) => {
            const scope = SCOPES.find((s) => s === event.currentTarget.value);
            if (scope !== undefined) set({ scope });
          }}
          data={SCOPES.map((scope) => ({
            value: scope,
            label: scope === narrowest ? `${words.scope[scope]} (${w.narrowest})` : words.scope[scope],
          }))}
        />
        {asksHostname(draft.scope) ? (
          <TextInput
            label={w.hostname}
            classNames={{ input: "mono" }}
            value={draft.hostname}
            error={errorOf("hostname")}
            onChange={(event) => set({ hostname: event.currentTarget.value })}
          />
        ) : null}
        {asksPath(draft.scope) ? (
          <TextInput
            label={draft.scope === "url" ? w.url : w.path}
            description={w.pathHelp}
            classNames={{ input: "mono" }}
            value={draft.path}
            error={errorOf("path")}
            onChange={(event) => set({ path: event.currentTarget.value })}
          />
        ) : null}
        {wantsReason ? (
          <div className="note" data-tone="warn">
            {isWider(draft.scope, narrowest) ? <strong>{w.wider}</strong> : null}
            <Textarea
              label={w.reasonWider}
              description={w.reasonWiderHelp}
              autosize
              minRows={2}
              maxLength={REASON_CHARS_MAX}
              value={draft.reasonWider}
              error={errorOf("reasonWider")}
              onChange={(event) => set({ reasonWider: event.currentTarget.value })}
            />
          </div>
        ) : null}
        <NativeSelect
          label={w.clause}
          value={draft.clause}
          error={errorOf("clause")}
          onChange={(event) => {
            const clause = (Object.keys(CLAUSES) as Clause[]).find((c) => c === event.currentTarget.value);
            set({ clause: clause ?? "" });
          }}
          data={[
            { value: "", label: w.clausePick },
            ...(Object.keys(CLAUSES) as Clause[]).map((value) => ({ value, label: words.clause[value] })),
          ]}
        />
        <Textarea
          label={w.facts}
          description={`${w.factsHelp} ${w.charsLeft(FACTS_CHARS_MAX - draft.facts.length)}`}
          autosize
          minRows={3}
          maxLength={FACTS_CHARS_MAX}
          value={draft.facts}
          error={errorOf("facts")}
          onChange={(event) => set({ facts: event.currentTarget.value })}
        />
        <Radio.Group
          label={w.territory}
          value={draft.everywhere ? "all" : "some"}
          onChange={(value) => set({ everywhere: value === "all" })}
        >
          <div className="row">
            <Radio value="all" label={w.everywhere} />
            <Radio value="some" label={w.countries} description={w.countriesLater} disabled />
          </div>
        </Radio.Group>
        {draft.everywhere ? null : (
          <TextInput
            aria-label={w.countries}
            description={w.countriesHelp}
            value={draft.countries}
            error={errorOf("territory")}
            onChange={(event) => set({ countries: event.currentTarget.value })}
          />
        )}
        <Radio.Group
          label={w.endOrReview}
          value={draft.end}
          onChange={(value) => set({ end: value === "ends" ? "ends" : "review" })}
        >
          <div className="row">
            <Radio value="review" label={w.review} />
            <Radio value="ends" label={w.ends} />
          </div>
        </Radio.Group>
        <TextInput
          type="datetime-local"
          aria-label={w.when}
          value={draft.when}
          error={errorOf("when")}
          onChange={(event) => set({ when: event.currentTarget.value })}
        />
        <Textarea
          label={w.reason}
          description={w.reasonHelp}
          autosize
          minRows={3}
          maxLength={REASON_CHARS_MAX}
          value={draft.reason}
          error={errorOf("reason")}
          onChange={(event) => set({ reason: event.currentTarget.value })}
        />
      </SideForm>
      {asking ? (
        <AskOnce
          question={{
            title: w.brakeTitle,
            consequence: words.ask.brake(plainLine(draft.scope, subject)),
            extra: words.ask.emergency,
            act: w.brakeGo,
            withReason: false,
            danger: true,
          }}
          busy={send.isPending}
          fault={send.error}
          onClose={() => setAsking(false)}
          onAct={() => send.mutate(body())}
        />
      ) : null}
    </>
  );
}
