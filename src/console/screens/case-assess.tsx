/** Confirming or changing the danger assessment: a score or "unknown" for each dimension, and a reason. */
import { NativeSelect, Textarea } from "@mantine/core";
import { useState } from "react";
import {
  DIMENSIONS,
  type Credibility,
  type Dimension,
  type Score,
  type Scores,
} from "../../contract/danger.ts";
import type { CaseView } from "../../contract/http.ts";
import { REASON_CHARS_MAX } from "../../contract/measure.ts";
import { useWords } from "../language.tsx";
import { sayDone } from "../parts/saved-note.ts";
import { client, useWrite } from "../queries.ts";
import { SideForm } from "./case-forms.tsx";

const SCORES: readonly Score[] = [0, 1, 2, 3];
const CREDIBILITIES: readonly Credibility[] = [0, 1, 2, 3];

export function AssessForm({ view, onClose }: { readonly view: CaseView; readonly onClose: () => void }) {
  const words = useWords();
  const [scores, setScores] = useState<Scores>(view.danger.scores);
  const [credibility, setCredibility] = useState<Credibility>(view.danger.credibility);
  const [reason, setReason] = useState("");
  const send = useWrite<"POST /cases/{caseId}/assessments", null>(
    () =>
      client.call("POST /cases/{caseId}/assessments", {
        params: { caseId: view.caseId },
        body: { scores, credibility, evidence: view.danger.evidence, reason: reason.trim() },
      }),
    () => {
      sayDone(words.danger.saved);
      onClose();
    },
  );
  return (
    <SideForm
      title={words.danger.assess}
      intro={`${words.danger.assessIntro} ${words.danger.evidenceKept}`}
      act={words.common.save}
      busy={send.isPending}
      ready={reason.trim() !== ""}
      fault={send.error}
      shownFields={["reason"]}
      onSubmit={() => send.mutate(null)}
      onClose={onClose}
    >
      <div className="pairs">
        {(Object.keys(DIMENSIONS) as Dimension[]).map((dimension) => (
          <NativeSelect
            key={dimension}
            size="xs"
            label={`${dimension} · ${words.dimension[dimension]}`}
            value={scores[dimension] === null ? "" : String(scores[dimension])}
            onChange={(event) => {
              const score = SCORES.find((s) => String(s) === event.currentTarget.value) ?? null;
              setScores((old) => ({ ...old, [dimension]: score }));
            }}
            data={[
              { value: "", label: words.common.unknown },
              ...SCORES.map((s) => ({ value: String(s), label: words.danger.score(s) })),
            ]}
          />
        ))}
      </div>
      <NativeSelect
        label={words.danger.credibility}
        value={String(credibility)}
        onChange={(event) => {
          const next = CREDIBILITIES.find((k) => String(k) === event.currentTarget.value);
          if (next !== undefined) setCredibility(next);
        }}
        data={CREDIBILITIES.map((k) => ({ value: String(k), label: `K${k}: ${words.credibility[k]}` }))}
      />
      <Textarea
        label={words.decision.yourReason}
        description={words.decision.yourReasonHelp}
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
