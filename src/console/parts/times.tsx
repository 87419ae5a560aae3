/** Times on the screen: what has passed, what is due, and exact moments, each with its exact UTC time on hover. */
import { ago, countdown, moment } from "../moments.ts";
import { useWords } from "../language.tsx";
import { useNow } from "../now.ts";

export function Ago({ at }: { readonly at: string }) {
  const now = useNow();
  return (
    <time dateTime={at} title={at}>
      {ago(at, { now, t: useWords().time })}
    </time>
  );
}

export function Moment({ at }: { readonly at: string }) {
  return (
    <time dateTime={at} title={at}>
      {moment(at, useWords().time)}
    </time>
  );
}

export function Clock({ dueAt }: { readonly dueAt: string }) {
  const now = useNow();
  const { text, urgency } = countdown(dueAt, { now, t: useWords().time });
  return (
    <time className="clock" data-urgency={urgency} dateTime={dueAt} title={dueAt}>
      {text}
    </time>
  );
}
