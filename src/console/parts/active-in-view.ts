/**
 * On a narrow screen a row of links scrolls sideways: the link of the page one is on must be in sight, or the row says nothing of where one
 * is. Only the row moves, never the page.
 */
import { useLayoutEffect, useRef, type RefObject } from "react";

/** Put the ref on the row; `active` is whatever changes with the page. */
export function useActiveInView(active: string): RefObject<HTMLElement | null> {
  const row = useRef<HTMLElement | null>(null);
  useLayoutEffect(() => {
    const link = row.current?.querySelector<HTMLElement>('[aria-current="page"]');
    if (!row.current || !link) return;
    const middle = link.getBoundingClientRect().left - row.current.getBoundingClientRect().left;
    row.current.scrollLeft += middle - (row.current.clientWidth - link.offsetWidth) / 2;
  }, [active]);
  return row;
}
