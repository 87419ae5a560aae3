/** The head of a screen: sets the document's title and takes the focus when the screen changes, so that it is announced. */
import { useEffect, useRef, type ReactNode } from "react";
import { useWords } from "../language.tsx";

export function useTitle(title: string): void {
  const { product } = useWords();
  useEffect(() => {
    document.title = `${title} · ${product}`;
  }, [title, product]);
}

export function Head({
  title,
  intro,
  focus = true,
  children,
}: {
  readonly title: string;
  readonly intro?: string;
  /** False where a field takes the focus instead. */
  readonly focus?: boolean;
  readonly children?: ReactNode;
}) {
  useTitle(title);
  const heading = useRef<HTMLHeadingElement>(null);
  useEffect(() => {
    if (focus) heading.current?.focus({ preventScroll: true });
  }, [focus]);
  return (
    <div className="head">
      <div>
        <h1 ref={heading} tabIndex={-1}>
          {title}
        </h1>
        {intro === undefined ? null : <p>{intro}</p>}
      </div>
      {children}
    </div>
  );
}

export function Panel({
  title,
  aside,
  children,
}: {
  readonly title: string;
  readonly aside?: ReactNode;
  readonly children: ReactNode;
}) {
  return (
    <section className="panel" aria-label={title}>
      <div className="panel-head">
        <h2>{title}</h2>
        {aside}
      </div>
      <div className="panel-body">{children}</div>
    </section>
  );
}

/** A panel of inputs, one below the other. */
export function FieldPanel({ title, children }: { readonly title: string; readonly children: ReactNode }) {
  return (
    <Panel title={title}>
      <div className="stack">{children}</div>
    </Panel>
  );
}
