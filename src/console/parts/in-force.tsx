/** How far a measure has come: on how many edges, and how fast. The line that an officer waits for. */
import type { MeasureView } from "../../contract/http.ts";
import { useWords } from "../language.tsx";

export function InForceNote({ measure }: { readonly measure: MeasureView }) {
  const words = useWords();
  const { acked, of, ms, refusals } = measure.inForce;
  const everywhere = of > 0 && acked >= of;
  const line =
    measure.state === "pending"
      ? words.measureState.pending
      : of === 0 && measure.state !== "ended"
        ? words.measure.noEdges
        : measure.state === "in_force"
          ? words.measure.inForce(acked, of)
          : measure.state === "sent"
            ? words.measure.reaching(acked, of)
            : measure.state === "lifting"
              ? words.measureState.lifting
              : words.measure.lifted(acked, of);
  const tone =
    refusals.length > 0 || of === 0
      ? "warn"
      : measure.state === "in_force" && everywhere
        ? "good"
        : measure.state === "in_force"
          ? "warn"
          : "quiet";
  const reached = measure.state === "in_force" || measure.state === "sent" || measure.state === "ended";
  return (
    <div className="in-force" data-tone={tone} role="status">
      <span className="big">
        {line}
        {reached && ms !== null ? `, ${words.measure.ms(ms)}` : ""}
      </span>
      {measure.state === "in_force" && !everywhere && of > 0 ? (
        <span className="small">{words.measure.notAll}</span>
      ) : null}
      {measure.state === "ended" && measure.endedBecause !== null ? (
        <span className="small">{words.ended[measure.endedBecause]}</span>
      ) : null}
      {refusals.map((refusal) => (
        <span className="small bad" key={refusal.nodeId}>
          {words.measure.refused(refusal.nodeId, refusal.why)}
        </span>
      ))}
    </div>
  );
}
