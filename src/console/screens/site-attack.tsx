/** The switch "Under attack": for the whole site or some paths, with an end. Switching it asks once and names what follows for every visitor. */
import { NativeSelect, Radio, Stack, TextInput } from "@mantine/core";
import { useState } from "react";
import type { ProtectionView, UnderAttackRequest } from "../../contract/http-protection.ts";
import { UNDER_ATTACK_PATHS_MAX } from "../../contract/protection.ts";
import { useWords } from "../language.tsx";
import { fromLocalField, moment, toLocalField } from "../moments.ts";
import { useNow } from "../now.ts";
import { ActButton } from "../parts/act-button.tsx";
import { AskOnce } from "../parts/ask-once.tsx";
import { Panel } from "../parts/head.tsx";
import { sayDone } from "../parts/saved-note.ts";
import { client, useWrite } from "../queries.ts";
import { listOf } from "../site/lists.ts";
import { whyNotMay } from "../site/may.ts";
import { endOf } from "../site/protection-states.ts";
import type { Site } from "./site-frame.tsx";

const ENDS = ["3600", "14400", "86400", "at", "never"] as const;
type End = (typeof ENDS)[number];

function useSwitch(site: Site, onDone: () => void) {
  return useWrite<"PUT /sites/{siteId}/under-attack", UnderAttackRequest>(
    (body) => client.call("PUT /sites/{siteId}/under-attack", { params: { siteId: site.siteId }, body }),
    onDone,
  );
}

function SwitchOff({ site, view }: { readonly site: Site; readonly view: ProtectionView }) {
  const words = useWords();
  const w = words.protection.attack;
  const [asking, setAsking] = useState(false);
  const send = useSwitch(site, () => {
    setAsking(false);
    sayDone(w.off);
  });
  const why = whyNotMay(site.role, { act: "PUT /sites/{siteId}/under-attack", words });
  const { paths } = view.protection.underAttack;
  return (
    <>
      <p>
        <strong>{words.protection.state.attackOn}.</strong>{" "}
        {paths.length === 0
          ? words.protection.state.attackWhole
          : words.protection.state.attackPaths(paths.join(", "))}
      </p>
      <ActButton
        label={w.switchOff}
        ok={why === null && !send.isPending}
        why={why}
        variant="filled"
        fullWidth={false}
        onClick={() => setAsking(true)}
      />
      {asking ? (
        <AskOnce
          question={{
            title: `${w.switchOff}${words.common.colon}${w.title}`,
            consequence: w.askOff,
            act: w.switchOff,
            withReason: false,
          }}
          busy={send.isPending}
          fault={send.error}
          onClose={() => setAsking(false)}
          onAct={() => send.mutate({ on: false, paths: [], endsAt: null, note: w.noteOff })}
        />
      ) : null}
    </>
  );
}

/** As the settings take a path (contract/site-schema.ts). */
const PATH = /^\/[\x21-\x7e]*$/;

type Form = { readonly some: boolean; readonly paths: string; readonly end: End; readonly at: string };

function AttackFields({
  form,
  pathFault,
  onForm,
}: {
  readonly form: Form;
  readonly pathFault: string | null;
  readonly onForm: (form: Form) => void;
}) {
  const w = useWords().protection.attack;
  const now = useNow();
  return (
    <div className="two">
      <Radio.Group
        label={w.where}
        value={form.some ? "some" : "whole"}
        onChange={(value) => onForm({ ...form, some: value === "some" })}
      >
        <Stack gap={8} mt={6}>
          <Radio value="whole" label={w.whole} />
          <Radio value="some" label={w.some} />
        </Stack>
      </Radio.Group>
      <NativeSelect
        label={w.ends}
        value={form.end}
        onChange={(event) =>
          onForm({ ...form, end: ENDS.find((end) => end === event.currentTarget.value) ?? "3600" })
        }
        data={ENDS.map((end) => ({ value: end, label: w.endsIn[end] }))}
      />
      {form.some ? (
        <TextInput
          label={w.paths}
          description={w.pathsHelp(UNDER_ATTACK_PATHS_MAX)}
          classNames={{ input: "mono" }}
          autoCapitalize="none"
          spellCheck={false}
          value={form.paths}
          error={pathFault}
          onChange={(event) => onForm({ ...form, paths: event.currentTarget.value })}
        />
      ) : null}
      {form.end === "at" ? (
        <TextInput
          type="datetime-local"
          label={w.at}
          min={toLocalField(now)}
          value={form.at}
          onChange={(event) => onForm({ ...form, at: event.currentTarget.value })}
        />
      ) : null}
    </div>
  );
}

function SwitchOn({ site, view }: { readonly site: Site; readonly view: ProtectionView }) {
  const words = useWords();
  const w = words.protection.attack;
  const now = useNow();
  const before = view.protection.underAttack.paths;
  const [form, setForm] = useState<Form>({
    some: before.length > 0,
    paths: before.join(", "),
    end: "3600",
    at: "",
  });
  const [asking, setAsking] = useState<UnderAttackRequest | null>(null);
  const send = useSwitch(site, () => {
    setAsking(null);
    sayDone(w.on);
  });
  const paths = form.some ? listOf(form.paths) : [];
  const endsAt = endOf(form.end, { nowMs: now, moment: fromLocalField(form.at) });
  const badPath = paths.find((path) => !PATH.test(path));
  const why =
    whyNotMay(site.role, { act: "PUT /sites/{siteId}/under-attack", words }) ??
    (form.some && paths.length === 0
      ? w.needPaths
      : badPath !== undefined
        ? w.badPath(badPath.slice(0, 60))
        : endsAt === "missing"
          ? w.needMoment
          : null);
  const pathFault = Object.entries(send.error?.fields ?? {}).find(([name]) => name.startsWith("paths"))?.[1];
  const askNow = (): void => {
    if (why === null && endsAt !== "missing") setAsking({ on: true, paths, endsAt, note: w.noteOn });
  };
  return (
    <form
      className="stack-tight"
      noValidate
      onSubmit={(event) => {
        event.preventDefault();
        askNow();
      }}
    >
      <AttackFields form={form} pathFault={pathFault ?? null} onForm={setForm} />
      <ActButton
        label={w.switchOn}
        ok={why === null && !send.isPending}
        why={why}
        variant="filled"
        fullWidth={false}
        onClick={askNow}
      />
      {asking === null ? null : (
        <AskOnce
          question={{
            title: `${w.switchOn}${words.common.colon}${w.title}`,
            consequence: asking.paths.length === 0 ? w.askWhole : w.askPaths(asking.paths.join(", ")),
            extra: asking.endsAt === null ? w.askNever : w.askUntil(moment(asking.endsAt, words.time)),
            act: w.switchOn,
            withReason: false,
            danger: true,
          }}
          busy={send.isPending}
          fault={send.error}
          onClose={() => setAsking(null)}
          onAct={() => send.mutate(asking)}
        />
      )}
    </form>
  );
}

export function AttackPanel({ site, view }: { readonly site: Site; readonly view: ProtectionView }) {
  const w = useWords().protection.attack;
  return (
    <Panel title={w.title}>
      <div className="stack-tight">
        <p className="quiet">{w.help}</p>
        {view.isUnderAttackNow ? <SwitchOff site={site} view={view} /> : <SwitchOn site={site} view={view} />}
      </div>
    </Panel>
  );
}
