/** Rules that run in order: who may come, where addresses lead, and header fields on the way. */
import { NativeSelect } from "@mantine/core";
import {
  ACCESS_RULES_MAX,
  HEADER_RULES_MAX,
  REDIRECTS_MAX,
  type AccessRule,
} from "../../contract/site-rules.ts";
import { useWords } from "../language.tsx";
import { Panel } from "../parts/head.tsx";
import { ListAt, RowsAt, SelectAt, TextAt, TickAt, useDraft } from "../site/draft-fields.tsx";
import { valueAt } from "../site/draft.ts";
import { asnsOf, upperOf } from "../site/lists.ts";

const NO_MATCH = { paths: [], methods: [], networks: [], asns: [], countries: [] } as const;

function AccessFields({ path }: { readonly path: string }) {
  const w = useWords().site.access;
  const draft = useDraft();
  const rule = valueAt(draft.wanted, path) as AccessRule;
  const everybody = [rule.paths, rule.methods, rule.networks, rule.asns, rule.countries].every(
    (list) => list.length === 0,
  );
  return (
    <>
      <SelectAt
        at={`${path}.action`}
        label={w.action}
        choices={[
          { value: "deny", label: w.deny },
          { value: "allow", label: w.allow },
        ]}
      />
      {everybody ? (
        <div className="note" data-tone="warn" role="status">
          <strong>{w.everybody}</strong>
        </div>
      ) : null}
      <div className="two">
        <ListAt at={`${path}.paths`} label={w.paths} help="/admin/*, /wp-login.php" />
        <ListAt at={`${path}.networks`} label={w.networks} help={w.networksHelp} />
        <ListAt at={`${path}.countries`} label={w.countries} help={w.countriesHelp} read={upperOf} />
        <ListAt at={`${path}.asns`} label={w.asns} help="AS64496, 64497" read={asnsOf} />
        <ListAt at={`${path}.methods`} label={w.methods} help="POST, DELETE" read={upperOf} />
      </div>
    </>
  );
}

export function AccessPart() {
  const w = useWords().site;
  return (
    <Panel title={w.part.access}>
      <div className="stack">
        <p className="quiet">{w.access.all}</p>
        <RowsAt
          at="rules.access"
          blank={{ ...NO_MATCH, action: "deny" }}
          max={ACCESS_RULES_MAX}
          add={w.list.add}
          nth={w.list.nth}
        >
          {(path) => <AccessFields path={path} />}
        </RowsAt>
      </div>
    </Panel>
  );
}

const STATUSES = [302, 301, 307, 308] as const;

export function RedirectsPart() {
  const w = useWords().site;
  return (
    <Panel title={w.part.redirects}>
      <div className="stack">
        <p className="quiet">{w.redirects.warn}</p>
        <RowsAt
          at="rules.redirects"
          blank={{ from: "/", to: "/", status: 302, keepQuery: true }}
          max={REDIRECTS_MAX}
          add={w.list.add}
          nth={w.list.nth}
        >
          {(path) => (
            <>
              <div className="two">
                <TextAt at={`${path}.from`} label={w.redirects.from} help={w.redirects.fromHelp} />
                <TextAt at={`${path}.to`} label={w.redirects.to} help={w.redirects.toHelp} />
                <SelectAt
                  at={`${path}.status`}
                  label={w.redirects.status}
                  read={Number}
                  choices={STATUSES.map((status) => ({
                    value: String(status),
                    label: w.redirects.statuses[status],
                  }))}
                />
              </div>
              <TickAt at={`${path}.keepQuery`} label={w.redirects.keepQuery} />
            </>
          )}
        </RowsAt>
      </div>
    </Panel>
  );
}

function HeaderFields({ path }: { readonly path: string }) {
  const w = useWords().site.headers;
  const draft = useDraft();
  const action = valueAt(draft.wanted, `${path}.action`);
  return (
    <div className="two">
      <SelectAt
        at={`${path}.on`}
        label={w.on}
        choices={[
          { value: "response", label: w.response },
          { value: "request", label: w.request },
        ]}
      />
      <NativeSelect
        label={w.action}
        value={String(action)}
        disabled={draft.locked}
        onChange={(event) => {
          const rule = valueAt(draft.wanted, path) as object;
          const next = event.currentTarget.value;
          // A value belongs to "set" alone: the two change together.
          draft.set(path, { ...rule, action: next, ...(next === "remove" ? { value: "" } : {}) });
        }}
        data={[
          { value: "set", label: w.set },
          { value: "remove", label: w.remove },
        ]}
      />
      <TextAt at={`${path}.name`} label={w.name} />
      {action === "set" ? <TextAt at={`${path}.value`} label={w.value} /> : null}
    </div>
  );
}

export function HeadersPart() {
  const w = useWords().site;
  return (
    <Panel title={w.part.headers}>
      <RowsAt
        at="rules.headers"
        blank={{ on: "response", action: "set", name: "", value: "" }}
        max={HEADER_RULES_MAX}
        add={w.list.add}
        nth={w.list.nth}
      >
        {(path) => <HeaderFields path={path} />}
      </RowsAt>
    </Panel>
  );
}
