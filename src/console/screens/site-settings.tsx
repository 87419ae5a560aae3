/**
 * A site's settings as a draft of the whole document: typed in parts, shown as a difference, saved with a note. It stays while somebody goes from
 * part to part. If somebody else saves meanwhile, both differences are shown and nothing typed is lost.
 */
import { Button, TextInput } from "@mantine/core";
import { useEffect, useMemo, useState, type ReactNode } from "react";
import { Link, Redirect } from "wouter";
import type { SettingsView } from "../../contract/http-sites.ts";
import type { SiteId } from "../../contract/ids.ts";
import { useWords } from "../language.tsx";
import { AskOnce } from "../parts/ask-once.tsx";
import { Changes } from "../parts/changes.tsx";
import { FaultNote } from "../parts/fault-note.tsx";
import { useActiveInView } from "../parts/active-in-view.ts";
import { Loaded } from "../parts/loaded.tsx";
import { settingLabel } from "../site/setting-label.ts";
import { sayDone } from "../parts/saved-note.ts";
import { client, useWrite } from "../queries.ts";
import { DraftContext, type DraftHold } from "../site/draft-fields.tsx";
import { changesBetween, rebase, unreadNumbers, withValueAt, type Draft } from "../site/draft.ts";
import { heldDraft, holdDraft } from "../site/held-drafts.ts";
import { whyNotMay, whyNotSave } from "../site/may.ts";
import { countByPart, isPart, PART_NAMES, partOf, type SettingsPart } from "../site/parts.ts";
import { useSettings } from "../site-queries.ts";
import { SiteFrame, type Site } from "./site-frame.tsx";
import { AccessPart, HeadersPart, RedirectsPart } from "./site-settings-rules.tsx";
import { CachePart } from "./site-settings-cache.tsx";
import { OriginPart } from "./site-settings-origin.tsx";
import { FloodsPart, ProtectionRulesPart } from "./site-settings-protection.tsx";
import { HttpsPart, LimitsPart, MaintenancePart, PagesPart, RobotsPart } from "./site-settings-simple.tsx";

function PartBody({ part, site }: { readonly part: SettingsPart; readonly site: Site }) {
  const shown = {
    origin: <OriginPart site={site} />,
    https: <HttpsPart />,
    cache: <CachePart site={site} />,
    access: <AccessPart />,
    redirects: <RedirectsPart />,
    headers: <HeadersPart />,
    limits: <LimitsPart />,
    floods: <FloodsPart site={site} />,
    protection: <ProtectionRulesPart />,
    maintenance: <MaintenancePart />,
    pages: <PagesPart />,
    robots: <RobotsPart />,
  } satisfies Record<SettingsPart, ReactNode>;
  return shown[part];
}

function PartNav({
  site,
  part,
  changed,
  wrong,
}: {
  readonly site: Site;
  readonly part: SettingsPart;
  readonly changed: Readonly<Partial<Record<SettingsPart, number>>>;
  readonly wrong: Readonly<Partial<Record<SettingsPart, number>>>;
}) {
  const w = useWords().site;
  const row = useActiveInView(part);
  return (
    <nav className="part-nav" ref={row} aria-label={w.draft.parts}>
      {PART_NAMES.map((name) => (
        <Link
          key={name}
          href={`/sites/${site.siteId}/settings/${name}`}
          aria-current={name === part ? "page" : undefined}
        >
          {w.part[name]}
          {wrong[name] !== undefined ? (
            <span className="tag" data-tone="bad" title={w.draft.wrong(wrong[name])}>
              ! {wrong[name]}
            </span>
          ) : changed[name] !== undefined ? (
            <span className="tag" data-tone="sea" title={w.draft.changes(changed[name])}>
              {changed[name]}
            </span>
          ) : null}
        </Link>
      ))}
    </nav>
  );
}

function Conflict({
  draft,
  theirs,
  onMerged,
}: {
  readonly draft: Draft;
  readonly theirs: SettingsView;
  readonly onMerged: (draft: Draft) => void;
}) {
  const words = useWords();
  const w = words.site.draft;
  const { merged, clashes } = rebase({ base: draft.base, mine: draft.wanted, theirs: theirs.settings });
  const onto = (wanted: Draft["wanted"]): void =>
    onMerged({ revision: theirs.revision, base: theirs.settings, wanted });
  return (
    <div className="note" data-tone="warn" role="alert" data-part="conflict">
      <strong>{w.conflict}</strong>
      <span>{w.conflictBy(theirs.changedBy, theirs.revision)}</span>
      <strong>{w.theirs}</strong>
      <Changes changes={changesBetween(draft.base, theirs.settings)} />
      <strong>{w.mine}</strong>
      <Changes changes={changesBetween(draft.base, draft.wanted)} />
      {clashes.length === 0 ? null : (
        <span>
          {w.clash} {clashes.map((path) => settingLabel(path, words)).join(", ")}
        </span>
      )}
      <div className="row">
        <Button
          onClick={() => {
            sayDone(w.merged);
            onto(merged);
          }}
        >
          {w.takeMine}
        </Button>
        <Button variant="default" onClick={() => onto(theirs.settings)}>
          {w.takeTheirs}
        </Button>
      </div>
    </div>
  );
}

function SettingsForm({
  site,
  part,
  view,
}: {
  readonly site: Site;
  readonly part: SettingsPart;
  readonly view: SettingsView;
}) {
  const words = useWords();
  const w = words.site;
  const fresh = (from: SettingsView): Draft => ({
    revision: from.revision,
    base: from.settings,
    wanted: from.settings,
  });
  const [held, setHeld] = useState<Draft>(() => heldDraft(site.siteId) ?? fresh(view));
  const [generation, setGeneration] = useState(0);
  const [note, setNote] = useState("");
  const [noteTried, setNoteTried] = useState(false);
  const [dropping, setDropping] = useState(false);

  // Untouched, the draft follows the server; touched, it keeps what it was made from until somebody decides.
  const untouched = held.wanted === held.base;
  const draft = untouched && view.revision !== held.revision ? fresh(view) : held;
  const start = (next: Draft): void => {
    setHeld(next);
    setGeneration((n) => n + 1);
    send.reset();
  };
  const send = useWrite<"PUT /sites/{siteId}/settings", Draft & { readonly note: string }>(
    ({ revision, wanted, note: why }) =>
      client.call("PUT /sites/{siteId}/settings", {
        params: { siteId: site.siteId },
        body: { revision, settings: wanted, note: why },
      }),
    (saved) => {
      sayDone(w.draft.saved(saved.revision));
      setNote("");
      setNoteTried(false);
      start(fresh(saved));
    },
  );

  const changes = useMemo(() => changesBetween(draft.base, draft.wanted), [draft]);
  useEffect(() => holdDraft(site.siteId, draft), [site.siteId, draft]);
  const unread = unreadNumbers(draft.wanted);
  const fields = send.error?.fields ?? {};
  const mayNot = whyNotMay(site.role, { act: "PUT /sites/{siteId}/settings", words });
  const whyNot = whyNotSave({ role: site.role, changes: changes.length, unread: unread.length, words });
  const conflict = !send.isPending && view.revision > draft.revision && changes.length > 0;
  const hold: DraftHold = {
    wanted: draft.wanted,
    fields,
    locked: mayNot !== null || send.isPending,
    generation,
    set: (path, value) => setHeld({ ...draft, wanted: withValueAt(draft.wanted, path, value) }),
  };
  const wrong = [...Object.keys(fields).filter((name) => partOf(name) !== null), ...unread];
  const save = (): void => {
    setNoteTried(true);
    if (whyNot === null && note.trim() !== "" && !conflict) send.mutate({ ...draft, note: note.trim() });
  };

  return (
    <DraftContext value={hold}>
      <div className="settings-cols">
        <PartNav
          site={site}
          part={part}
          changed={countByPart(changes.map(({ path }) => path))}
          wrong={countByPart(wrong)}
        />
        <div className="stack">
          {mayNot === null ? null : (
            <div className="note">
              <span>
                {w.draft.readOnly}
                {words.common.colon}
                {mayNot}
              </span>
            </div>
          )}
          {conflict ? <Conflict draft={draft} theirs={view} onMerged={start} /> : null}
          <section aria-label={w.part[part]} className="stack">
            <p className="quiet">{w.partIntro[part]}</p>
            <PartBody key={`${part} ${String(generation)}`} part={part} site={site} />
          </section>
          {conflict || (changes.length === 0 && send.error === null) ? null : (
            <form
              className="draft-bar"
              aria-label={w.draft.show}
              noValidate
              onSubmit={(event) => {
                event.preventDefault();
                save();
              }}
            >
              <div aria-live="polite" className="strong">
                {w.draft.changes(changes.length)}
              </div>
              {send.error === null ? null : (
                <>
                  <FaultNote
                    fault={send.error}
                    shownFields={Object.keys(fields).filter((name) => partOf(name) === part)}
                  />
                  <p className="small">{w.draft.kept}</p>
                </>
              )}
              <details>
                <summary>{w.draft.show}</summary>
                <div className="changes-box">
                  <Changes changes={changes} />
                </div>
              </details>
              <TextInput
                label={w.draft.note}
                description={w.draft.noteHelp}
                value={note}
                maxLength={200}
                error={noteTried && note.trim() === "" ? w.draft.noteMissing : null}
                onChange={(event) => setNote(event.currentTarget.value)}
              />
              <div className="row">
                <Button type="submit" loading={send.isPending} disabled={whyNot !== null}>
                  {w.draft.save}
                </Button>
                <Button variant="default" onClick={() => setDropping(true)}>
                  {w.draft.drop}
                </Button>
                {whyNot === null ? null : <p className="why">{words.common.because(whyNot)}</p>}
              </div>
            </form>
          )}
        </div>
      </div>
      {dropping ? (
        <AskOnce
          question={{
            title: w.draft.drop,
            consequence: w.draft.dropAsk,
            act: w.draft.drop,
            withReason: false,
          }}
          busy={false}
          fault={null}
          onClose={() => setDropping(false)}
          onAct={() => {
            setDropping(false);
            start(fresh(view));
          }}
        />
      ) : null}
    </DraftContext>
  );
}

export function SiteSettingsScreen({
  siteId,
  part,
}: {
  readonly siteId: SiteId;
  readonly part: string | null;
}) {
  const settings = useSettings(siteId);
  if (part === null || !isPart(part)) return <Redirect to={`/sites/${siteId}/settings/origin`} replace />;
  return (
    <SiteFrame siteId={siteId} tab="settings">
      {(site) => (
        <Loaded query={settings}>{(view) => <SettingsForm site={site} part={part} view={view} />}</Loaded>
      )}
    </SiteFrame>
  );
}
