/**
 * Asks once before an irreversible act, naming its consequence. The safe answer has the focus; the act carries its own name
 * on its button, never "OK". Where the act wants a reason, the reason is written here, beside the consequence.
 */
import { Button, Group, Modal, Stack, Textarea } from "@mantine/core";
import { useState } from "react";
import { REASON_CHARS_MAX } from "../../contract/measure.ts";
import type { ClientFault } from "../client.ts";
import { useWords } from "../language.tsx";
import { FaultNote } from "./fault-note.tsx";

export type Question = {
  readonly title: string;
  readonly consequence: string;
  readonly extra?: string;
  readonly act: string;
  readonly withReason: boolean;
  readonly danger?: boolean;
};

export function AskOnce({
  question,
  busy,
  fault,
  onAct,
  onClose,
}: {
  readonly question: Question;
  readonly busy: boolean;
  readonly fault: ClientFault | null;
  readonly onAct: (reason: string) => void;
  readonly onClose: () => void;
}) {
  const words = useWords();
  const [reason, setReason] = useState("");
  const lacksReason = question.withReason && reason.trim() === "";
  return (
    <Modal
      opened
      onClose={onClose}
      title={<strong>{question.title}</strong>}
      closeButtonProps={{ "aria-label": words.common.close }}
      lockScroll={false}
      centered
      size="lg"
      transitionProps={{ duration: 0 }}
    >
      <form
        onSubmit={(event) => {
          event.preventDefault();
          if (!lacksReason) onAct(reason.trim());
        }}
      >
        <Stack gap="md">
          <p>{question.consequence}</p>
          {question.extra === undefined ? null : (
            <div className="note" data-tone="warn">
              <strong>{question.extra}</strong>
            </div>
          )}
          {question.withReason ? (
            <Textarea
              data-autofocus
              label={words.decision.yourReason}
              description={words.decision.yourReasonHelp}
              autosize
              minRows={3}
              maxRows={10}
              maxLength={REASON_CHARS_MAX}
              required
              value={reason}
              error={fault?.fields["reason"] ?? null}
              onChange={(event) => setReason(event.currentTarget.value)}
            />
          ) : null}
          <FaultNote fault={fault} shownFields={["reason"]} />
          <Group justify="flex-end" gap="sm">
            <Button
              variant="default"
              onClick={onClose}
              data-autofocus={question.withReason ? undefined : true}
            >
              {words.common.cancel}
            </Button>
            <Button
              type="submit"
              loading={busy}
              disabled={lacksReason}
              {...(question.danger === true ? { color: "var(--d-imminent)" } : {})}
            >
              {question.act}
            </Button>
          </Group>
        </Stack>
      </form>
    </Modal>
  );
}
