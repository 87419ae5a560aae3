/**
 * Pages of a list that goes on: the server gives the cursor of the next page, and this remembers the ones behind. Both buttons stay where they are and say
 * why one is off, so that the keyboard finds them.
 */
import { useState } from "react";
import { useWords } from "../language.tsx";
import { ActButton } from "./act-button.tsx";

export type Cursors = {
  /** Undefined: the first page. */
  readonly cursor: string | undefined;
  readonly page: number;
  readonly older: (next: string) => void;
  readonly newer: () => void;
};

/** The pages looked at so far; anew whenever `of` changes, which is what the list was asked for. */
export function useCursors(of: string): Cursors {
  const [held, setHeld] = useState<{ readonly of: string; readonly behind: readonly string[] }>({
    of,
    behind: [],
  });
  const behind = held.of === of ? held.behind : [];
  return {
    cursor: behind[behind.length - 1],
    page: behind.length,
    older: (next) => setHeld({ of, behind: [...behind, next] }),
    newer: () => setHeld({ of, behind: behind.slice(0, -1) }),
  };
}

export function Pager({
  cursors,
  next,
  total,
}: {
  readonly cursors: Cursors;
  readonly next: string | null;
  readonly total: number;
}) {
  const words = useWords();
  const w = words.protection.paging;
  // One page is no pages.
  if (cursors.page === 0 && next === null) return <p className="small quiet">{words.common.total(total)}</p>;
  return (
    <nav className="row" aria-label={w.label}>
      <ActButton
        label={w.newer}
        ok={cursors.page > 0}
        why={null}
        {...(cursors.page > 0 ? {} : { title: w.first })}
        fullWidth={false}
        size="compact-sm"
        onClick={cursors.newer}
      />
      <span className="small quiet">
        {w.page(cursors.page + 1)}, {words.common.total(total)}
      </span>
      <ActButton
        label={w.older}
        ok={next !== null}
        why={null}
        {...(next === null ? { title: w.last } : {})}
        fullWidth={false}
        size="compact-sm"
        onClick={() => {
          if (next !== null) cursors.older(next);
        }}
      />
    </nav>
  );
}
