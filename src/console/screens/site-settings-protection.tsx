/**
 * Two parts of a site's settings: how floods are met and who is never stopped, and the owner's rules with or without a rate. Under attack is not
 * among them: it is switched on the site's Protection screen, at once and with its consequence named.
 */
import { Checkbox, NativeSelect } from "@mantine/core";
import { useState } from "react";
import { Link } from "wouter";
import {
  ALLOW_NETWORKS_MAX,
  NEVER_CHALLENGE_MAX,
  PROTECTION_RULES_MAX,
  type ProtectionRule,
} from "../../contract/protection.ts";
import { useWords } from "../language.tsx";
import { FieldPanel, Panel } from "../parts/head.tsx";
import { useNow } from "../now.ts";
import {
  ListAt,
  NumberAt,
  RadioAt,
  RowsAt,
  SelectAt,
  TextAt,
  TickAt,
  useDraft,
} from "../site/draft-fields.tsx";
import { faultAt, valueAt } from "../site/draft.ts";
import { asnsOf, listOf, numberOf, upperOf } from "../site/lists.ts";
import { FieldMatchesAt, MomentAt } from "../site/protection-fields.tsx";
import {
  COUNT_KEYS,
  countKeyOf,
  isOver,
  NEW_RULE,
  ruleInWords,
  speaksOfAll,
} from "../site/protection-rule.ts";
import type { Site } from "./site-frame.tsx";

const FIELDS_MAX = 20;

export function FloodsPart({ site }: { readonly site: Site }) {
  const words = useWords();
  const w = words.protection.settings;
  const { floods } = useDraft().wanted.protection;
  return (
    <>
      <FieldPanel title={w.floods}>
        <RadioAt
          at="protection.floods"
          label={w.mode}
          choices={(["act", "shadow", "off"] as const).map((value) => ({
            value,
            label: words.protection.mode[value],
            help: words.protection.modeMeaning[value],
          }))}
        />
        {floods === "off" ? (
          <div className="note" data-tone="warn" role="status">
            <span>{w.offWarn}</span>
          </div>
        ) : null}
        <p className="small quiet">
          {w.attackElsewhere}{" "}
          <Link href={`/sites/${site.siteId}/protection`}>{words.protection.tabs.label}</Link>
        </p>
      </FieldPanel>
      <FieldPanel title={w.exempt}>
        <ListAt
          at="protection.allowNetworks"
          label={w.allow}
          help={`${w.allowHelp(ALLOW_NETWORKS_MAX)} ${words.site.access.networksHelp}`}
        />
        <ListAt
          at="protection.neverChallenge"
          label={w.never}
          help={`${w.neverHelp(NEVER_CHALLENGE_MAX)} /api/*, /webhooks/*`}
        />
      </FieldPanel>
    </>
  );
}

const statusesOf = (typed: string): readonly number[] => listOf(typed).map(numberOf);

function MatchFields({ path }: { readonly path: string }) {
  const words = useWords();
  const w = words.site.access;
  const own = words.protection.rule;
  const draft = useDraft();
  const rule = valueAt(draft.wanted, path) as ProtectionRule;
  return (
    <>
      {speaksOfAll(rule.match) ? (
        <div className="note" data-tone={rule.rate === null ? "warn" : "quiet"} role="status">
          <span>{rule.rate === null ? own.everybody : own.everybodyRate}</span>
        </div>
      ) : null}
      <div className="two">
        <ListAt at={`${path}.match.paths`} label={w.paths} help="/login, /api/*" />
        <ListAt at={`${path}.match.methods`} label={w.methods} help="POST, DELETE" read={upperOf} />
        <ListAt at={`${path}.match.networks`} label={w.networks} help={w.networksHelp} />
        <ListAt at={`${path}.match.countries`} label={w.countries} help={w.countriesHelp} read={upperOf} />
        <ListAt at={`${path}.match.asns`} label={w.asns} help="AS64496, 64497" read={asnsOf} />
        <ListAt at={`${path}.match.tlsShapes`} label={own.tlsShapes} help={own.tlsShapesHelp} />
      </div>
      <FieldMatchesAt at={`${path}.match.headers`} label={own.headers} add={own.addHeader} max={FIELDS_MAX} />
      <FieldMatchesAt at={`${path}.match.cookies`} label={own.cookies} add={own.addCookie} max={FIELDS_MAX} />
    </>
  );
}

function RateFields({ path }: { readonly path: string }) {
  const words = useWords();
  const w = words.protection.rule;
  const draft = useDraft();
  const { rate } = valueAt(draft.wanted, path) as ProtectionRule;
  const key = rate?.key;
  const named = key?.by === "header" || key?.by === "cookie";
  return (
    <>
      <Checkbox
        label={w.withRate}
        description={w.withRateHelp}
        checked={rate !== null}
        disabled={draft.locked}
        onChange={(event) => draft.set(`${path}.rate`, event.currentTarget.checked ? NEW_RULE.rate : null)}
      />
      {rate === null || key === undefined ? null : (
        <div className="two">
          <NumberAt at={`${path}.rate.requests`} label={w.requests} />
          <NumberAt at={`${path}.rate.windowSeconds`} label={w.window} />
          <NativeSelect
            label={w.key}
            value={key.by}
            disabled={draft.locked}
            error={faultAt(draft.fields, `${path}.rate.key.by`)}
            onChange={(event) => {
              const by = COUNT_KEYS.find((each) => each === event.currentTarget.value);
              if (by !== undefined)
                draft.set(`${path}.rate.key`, countKeyOf(by, "name" in key ? key.name : ""));
            }}
            data={COUNT_KEYS.map((value) => ({ value, label: w.keys[value] }))}
          />
          {named ? <TextAt at={`${path}.rate.key.name`} label={w.keyName} help={w.keyNameHelp} /> : null}
          <ListAt at={`${path}.rate.statuses`} label={w.statuses} help={w.statusesHelp} read={statusesOf} />
          <NumberAt at={`${path}.holdSeconds`} label={w.hold} help={w.holdHelp} />
        </div>
      )}
    </>
  );
}

function RuleFields({ path }: { readonly path: string }) {
  const words = useWords();
  const w = words.protection.rule;
  const draft = useDraft();
  const now = useNow();
  const rule = valueAt(draft.wanted, path) as ProtectionRule;
  // A new rule opens by itself; from then on it is the reader's to open and close.
  const [open, setOpen] = useState(rule.name === "");
  const isWrong = faultAt(draft.fields, path) !== null;
  return (
    <>
      <p>
        {ruleInWords(rule, words)}
        {". "}
        {rule.isShadow ? (
          <span className="tag" data-tone="sea">
            {w.shadowTag}
          </span>
        ) : null}
        {isOver(rule.endsAt, now) ? (
          <span className="tag" data-tone="warn">
            {w.overTag}
          </span>
        ) : null}
      </p>
      {rule.reason === "" ? null : <p className="small quiet">{rule.reason}</p>}
      <details open={open || isWrong} onToggle={(event) => setOpen(event.currentTarget.open)}>
        <summary>{w.edit}</summary>
        <div className="stack rule-fields">
          <div className="two">
            <TextAt at={`${path}.name`} label={w.name} help={w.nameHelp} />
            <TextAt at={`${path}.reason`} label={w.reason} help={w.reasonHelp} />
          </div>
          <h4>{w.which}</h4>
          <MatchFields path={path} />
          <h4>{w.howMany}</h4>
          <RateFields path={path} />
          <h4>{w.thenDo}</h4>
          <div className="two">
            <SelectAt
              at={`${path}.action`}
              label={w.action}
              help={w.actionMeaning[rule.action]}
              choices={(["challenge", "throttle", "block", "log"] as const).map((value) => ({
                value,
                label: w.actions[value],
              }))}
            />
            <MomentAt at={`${path}.endsAt`} label={w.ends} help={w.endsHelp} />
          </div>
          <TickAt at={`${path}.isShadow`} label={w.shadow} help={w.shadowHelp} />
        </div>
      </details>
    </>
  );
}

export function ProtectionRulesPart() {
  const words = useWords();
  const w = words.protection.rule;
  const { rules } = useDraft().wanted.protection;
  return (
    <Panel title={words.site.part.protection}>
      <div className="stack">
        <p className="quiet">{w.order}</p>
        <RowsAt
          at="protection.rules"
          blank={NEW_RULE}
          max={PROTECTION_RULES_MAX}
          add={words.site.list.add}
          nth={(n) => {
            const name = rules[n - 1]?.name ?? "";
            return `${words.site.list.nth(n)}${name === "" ? "" : `${words.common.colon}${name}`}`;
          }}
        >
          {(path) => <RuleFields path={path} />}
        </RowsAt>
      </div>
    </Panel>
  );
}
