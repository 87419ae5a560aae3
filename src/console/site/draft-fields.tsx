/**
 * Inputs that are bound to one path of the draft: each shows its value, changes it, and stands beside what the server said about it. Text that
 * holds a number or a list is kept as typed while somebody types; `generation` starts it anew when the draft is dropped or merged.
 */
import { Checkbox, NativeSelect, Radio, Stack, Textarea, TextInput } from "@mantine/core";
import { createContext, use, useState, type ReactNode } from "react";
import type { SiteSettings } from "../../contract/site-settings.ts";
import { useWords } from "../language.tsx";
import { ActButton } from "../parts/act-button.tsx";
import { faultAt, moved, valueAt } from "./draft.ts";
import { listOf, numberOf, typedOf } from "./lists.ts";

export type DraftHold = {
  readonly wanted: SiteSettings;
  readonly fields: Readonly<Record<string, string>>;
  readonly locked: boolean;
  readonly generation: number;
  readonly set: (path: string, value: unknown) => void;
};

export const DraftContext = createContext<DraftHold | null>(null);

export function useDraft(): DraftHold {
  const hold = use(DraftContext);
  if (hold === null) throw new Error("A field of the settings stands outside their draft");
  return hold;
}

type Field = { readonly at: string; readonly label: string; readonly help?: string };
const helpOf = (help: string | undefined) => (help === undefined ? {} : { description: help });

export function TextAt({ at, label, help, nullable = false }: Field & { readonly nullable?: boolean }) {
  const draft = useDraft();
  const value = valueAt(draft.wanted, at);
  return (
    <TextInput
      label={label}
      {...helpOf(help)}
      classNames={{ input: "mono" }}
      value={typeof value === "string" ? value : ""}
      disabled={draft.locked}
      error={faultAt(draft.fields, at)}
      autoCapitalize="none"
      spellCheck={false}
      onChange={(event) => {
        const typed = event.currentTarget.value;
        draft.set(at, nullable && typed.trim() === "" ? null : typed);
      }}
    />
  );
}

export function AreaAt({ at, label, help, mono = false }: Field & { readonly mono?: boolean }) {
  const draft = useDraft();
  const value = valueAt(draft.wanted, at);
  return (
    <Textarea
      label={label}
      {...helpOf(help)}
      {...(mono ? { classNames: { input: "mono" } } : {})}
      autosize
      minRows={3}
      maxRows={16}
      value={typeof value === "string" ? value : ""}
      disabled={draft.locked}
      error={faultAt(draft.fields, at)}
      onChange={(event) => draft.set(at, event.currentTarget.value)}
    />
  );
}

/** Text that stands for something else: kept as typed, read at every change. */
function ReadAt({
  at,
  label,
  help,
  shown,
  read,
  numeric = false,
}: Field & {
  readonly shown: (value: unknown) => string;
  readonly read: (typed: string) => unknown;
  readonly numeric?: boolean;
}) {
  const draft = useDraft();
  const words = useWords();
  const value = valueAt(draft.wanted, at);
  const [kept, setKept] = useState({ generation: draft.generation, typed: shown(value) });
  // Rows move and drafts are dropped under the text: it holds only while it still reads as the draft's value.
  const stillMine =
    kept.generation === draft.generation && JSON.stringify(read(kept.typed)) === JSON.stringify(value);
  const unread = Array.isArray(value) ? value.some(Number.isNaN) : Number.isNaN(value);
  return (
    <TextInput
      label={label}
      {...helpOf(help)}
      classNames={{ input: numeric ? "mono narrow" : "mono" }}
      {...(numeric ? { inputMode: "numeric" as const } : {})}
      value={stillMine ? kept.typed : shown(value)}
      disabled={draft.locked}
      error={unread ? words.site.draft.notNumber : faultAt(draft.fields, at)}
      autoCapitalize="none"
      spellCheck={false}
      onChange={(event) => {
        const typed = event.currentTarget.value;
        setKept({ generation: draft.generation, typed });
        draft.set(at, read(typed));
      }}
    />
  );
}

const shownNumber = (value: unknown): string =>
  typeof value === "number" && Number.isFinite(value) ? String(value) : "";
const shownList = (value: unknown): string =>
  Array.isArray(value) ? typedOf((value as (string | number)[]).filter((item) => !Number.isNaN(item))) : "";

export const NumberAt = (
  props: Field & { readonly shown?: (value: number) => string; readonly read?: (typed: string) => number },
) => (
  <ReadAt
    {...props}
    numeric={props.read === undefined}
    shown={(value) =>
      typeof value === "number" && props.shown !== undefined ? props.shown(value) : shownNumber(value)
    }
    read={props.read ?? numberOf}
  />
);

export const ListAt = (
  props: Field & { readonly read?: (typed: string) => readonly (string | number)[] },
) => <ReadAt {...props} shown={shownList} read={props.read ?? listOf} />;

export function TickAt({ at, label, help }: Field) {
  const draft = useDraft();
  return (
    <Checkbox
      label={label}
      {...helpOf(help)}
      checked={valueAt(draft.wanted, at) === true}
      disabled={draft.locked}
      error={faultAt(draft.fields, at)}
      onChange={(event) => draft.set(at, event.currentTarget.checked)}
    />
  );
}

type Choice = { readonly value: string; readonly label: string; readonly help?: string };

/** A few choices, each with its sentence. */
export function RadioAt({ at, label, choices }: Field & { readonly choices: readonly Choice[] }) {
  const draft = useDraft();
  return (
    <Radio.Group
      label={label}
      value={String(valueAt(draft.wanted, at))}
      error={faultAt(draft.fields, at)}
      onChange={(value) => draft.set(at, value)}
    >
      <Stack gap={8} mt={6}>
        {choices.map((choice) => (
          <Radio
            key={choice.value}
            value={choice.value}
            label={choice.label}
            disabled={draft.locked}
            {...helpOf(choice.help)}
          />
        ))}
      </Stack>
    </Radio.Group>
  );
}

export function SelectAt({
  at,
  label,
  help,
  choices,
  read = (value) => value,
}: Field & { readonly choices: readonly Choice[]; readonly read?: (value: string) => unknown }) {
  const draft = useDraft();
  const value = valueAt(draft.wanted, at);
  return (
    <NativeSelect
      label={label}
      {...helpOf(help)}
      value={value === null ? "" : String(value)}
      disabled={draft.locked}
      error={faultAt(draft.fields, at)}
      onChange={(event) => draft.set(at, read(event.currentTarget.value))}
      data={choices.map((choice) => ({ value: choice.value, label: choice.label }))}
    />
  );
}

/** Rows that run in order: each can be moved, removed, and added to up to a limit. */
export function RowsAt({
  at,
  blank,
  max,
  least = 0,
  add,
  nth,
  children,
}: {
  readonly at: string;
  readonly blank: unknown;
  readonly max: number;
  readonly least?: number;
  readonly add: string;
  readonly nth: (n: number) => string;
  readonly children: (path: string, index: number) => ReactNode;
}) {
  const draft = useDraft();
  const w = useWords().site.list;
  const found = valueAt(draft.wanted, at);
  const rows: readonly unknown[] = Array.isArray(found) ? found : [];
  const act = (label: string, why: string | null, onClick: () => void) => (
    <ActButton
      label={label}
      ok={why === null && !draft.locked}
      why={null}
      {...(why === null ? {} : { title: why })}
      fullWidth={false}
      size="compact-sm"
      onClick={onClick}
    />
  );
  // What is wrong with the list or a row as a whole has no input of its own to stand at.
  const wrong = (path: string) => {
    const why = draft.fields[path];
    return why === undefined ? null : (
      <p className="small bad" role="alert">
        {why}
      </p>
    );
  };
  return (
    <div className="stack-tight">
      {wrong(at)}
      {rows.length === 0 ? <p className="quiet">{w.empty}</p> : null}
      <ol className="stack-tight">
        {rows.map((_, i) => (
          <li className="rule-row" key={String(i)}>
            <fieldset>
              <legend>{nth(i + 1)}</legend>
              <div className="stack-tight">
                {wrong(`${at}.${String(i)}`)}
                {children(`${at}.${String(i)}`, i)}
                <div className="row">
                  {act(w.up, i === 0 ? w.ends.first : null, () => draft.set(at, moved(rows, i, -1)))}
                  {act(w.down, i === rows.length - 1 ? w.ends.last : null, () =>
                    draft.set(at, moved(rows, i, 1)),
                  )}
                  {act(w.remove, rows.length <= least ? w.lastOne : null, () =>
                    draft.set(
                      at,
                      rows.filter((_row, other) => other !== i),
                    ),
                  )}
                </div>
              </div>
            </fieldset>
          </li>
        ))}
      </ol>
      <ActButton
        label={add}
        ok={rows.length < max && !draft.locked}
        why={rows.length < max ? null : w.full(max)}
        fullWidth={false}
        onClick={() => draft.set(at, [...rows, blank])}
      />
    </div>
  );
}
