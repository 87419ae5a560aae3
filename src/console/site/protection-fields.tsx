/**
 * Inputs of the protection settings that the other settings have no need of: a moment in the reader's own time, and the header fields or cookies that
 * a rule speaks of. Each is bound to one path of the draft, as those in draft-fields.tsx.
 */
import { NativeSelect, TextInput } from "@mantine/core";
import type { FieldMatch } from "../../contract/protection.ts";
import { fromLocalField, toLocalField } from "../moments.ts";
import { useWords } from "../language.tsx";
import { ActButton } from "../parts/act-button.tsx";
import { useDraft } from "./draft-fields.tsx";
import { faultAt, valueAt } from "./draft.ts";
import { FIELD_STATES, fieldState, withState, type FieldState } from "./protection-rule.ts";

/** A moment or none. What the browser's own field holds is local time; the draft holds UTC. */
export function MomentAt({
  at,
  label,
  help,
}: {
  readonly at: string;
  readonly label: string;
  readonly help: string;
}) {
  const draft = useDraft();
  const value = valueAt(draft.wanted, at);
  return (
    <TextInput
      type="datetime-local"
      label={label}
      description={help}
      value={typeof value === "string" ? toLocalField(Date.parse(value)) : ""}
      disabled={draft.locked}
      error={faultAt(draft.fields, at)}
      onChange={(event) => draft.set(at, fromLocalField(event.currentTarget.value))}
    />
  );
}

const isState = (value: string): value is FieldState => FIELD_STATES.some((state) => state === value);

/** Fields of the head, or cookies: each has a name, and is there, says something, or is not there. */
export function FieldMatchesAt({
  at,
  label,
  add,
  max,
}: {
  readonly at: string;
  readonly label: string;
  readonly add: string;
  readonly max: number;
}) {
  const draft = useDraft();
  const words = useWords();
  const w = words.protection.rule;
  const fields = (valueAt(draft.wanted, at) ?? []) as readonly FieldMatch[];
  const put = (index: number, field: FieldMatch): void =>
    draft.set(
      at,
      fields.map((each, i) => (i === index ? field : each)),
    );
  const wrong = draft.fields[at];
  return (
    <fieldset className="field-matches">
      <legend>{label}</legend>
      {wrong === undefined ? null : (
        <p className="small bad" role="alert">
          {wrong}
        </p>
      )}
      {fields.map((field, i) => {
        const path = `${at}.${String(i)}`;
        const state = fieldState(field);
        return (
          <div className="field-match" key={String(i)}>
            <TextInput
              label={w.fieldName}
              classNames={{ input: "mono" }}
              value={field.name}
              disabled={draft.locked}
              error={faultAt(draft.fields, `${path}.name`)}
              autoCapitalize="none"
              spellCheck={false}
              onChange={(event) => put(i, { ...field, name: event.currentTarget.value.trim() })}
            />
            <NativeSelect
              label={w.fieldState}
              value={state}
              disabled={draft.locked}
              onChange={(event) => {
                const next = event.currentTarget.value;
                if (isState(next)) put(i, withState(field, next));
              }}
              data={FIELD_STATES.map((value) => ({ value, label: w.fieldStates[value] }))}
            />
            {state === "is" ? (
              <TextInput
                label={w.fieldValue}
                description={w.fieldValueHelp}
                classNames={{ input: "mono" }}
                value={field.value ?? ""}
                disabled={draft.locked}
                error={faultAt(draft.fields, `${path}.value`)}
                autoCapitalize="none"
                spellCheck={false}
                onChange={(event) => put(i, { ...field, value: event.currentTarget.value })}
              />
            ) : null}
            <ActButton
              label={words.site.list.remove}
              title={w.removeField(field.name)}
              ok={!draft.locked}
              why={null}
              fullWidth={false}
              size="compact-sm"
              onClick={() =>
                draft.set(
                  at,
                  fields.filter((_field, other) => other !== i),
                )
              }
            />
          </div>
        );
      })}
      <ActButton
        label={add}
        ok={!draft.locked && fields.length < max}
        why={fields.length < max ? null : words.site.list.full(max)}
        fullWidth={false}
        size="compact-sm"
        onClick={() => draft.set(at, [...fields, { name: "", value: null, isAbsent: false }])}
      />
    </fieldset>
  );
}
