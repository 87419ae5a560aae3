/**
 * The keyboard: single keys and two-key sequences ("g q"), never while somebody types, never with a modifier, so that no
 * browser or screen-reader key is taken. The matcher is pure; the hook only feeds it.
 */
import { useEffect, useRef } from "react";

export type KeyBindings = Readonly<Record<string, () => void>>;

/** How long the first key of a sequence is remembered. */
export const SEQUENCE_MS = 1200;

export type KeyMemory = { readonly prefix: string; readonly atMs: number } | null;

/** What a key does now: a binding to run, or the beginning of a sequence to remember. */
export function matchKey(
  key: string,
  input: { readonly names: readonly string[]; readonly memory: KeyMemory; readonly nowMs: number },
): { readonly run: string | null; readonly memory: KeyMemory } {
  const { memory, names, nowMs } = input;
  if (memory !== null && nowMs - memory.atMs <= SEQUENCE_MS) {
    const both = `${memory.prefix} ${key}`;
    if (names.includes(both)) return { run: both, memory: null };
  }
  if (names.includes(key)) return { run: key, memory: null };
  if (names.some((name) => name.startsWith(`${key} `)))
    return { run: null, memory: { prefix: key, atMs: nowMs } };
  return { run: null, memory: null };
}

const TYPING = "input, textarea, select, [contenteditable], [role=dialog], [role=listbox]";

/** Binds keys while the component is shown. */
export function useKeys(bindings: KeyBindings): void {
  const latest = useRef(bindings);
  useEffect(() => {
    latest.current = bindings;
  });
  useEffect(() => {
    let memory: KeyMemory = null;
    const onKey = (event: KeyboardEvent): void => {
      if (event.defaultPrevented || event.ctrlKey || event.metaKey || event.altKey) return;
      if (event.target instanceof Element && event.target.closest(TYPING) !== null) return;
      const found = matchKey(event.key, {
        names: Object.keys(latest.current),
        memory,
        nowMs: event.timeStamp,
      });
      memory = found.memory;
      if (found.run === null) return;
      event.preventDefault();
      latest.current[found.run]?.();
    };
    document.addEventListener("keydown", onKey);
    return () => document.removeEventListener("keydown", onKey);
  }, []);
}
