/** The frame around every screen behind the door: where to go, how much waits there, and who is here. */
import { Button, Modal } from "@mantine/core";
import { useQueryClient } from "@tanstack/react-query";
import { useState, type ReactNode } from "react";
import { Link, useLocation } from "wouter";
import type { MeView } from "../../contract/http.ts";
import { isOnlyCustomer } from "../buttons.ts";
import { useKeys } from "../keys.ts";
import { useWords } from "../language.tsx";
import { BrandMark } from "../parts/brand.tsx";
import { Preferences } from "../parts/preferences.tsx";
import { useRunningIncidents } from "../protection-queries.ts";
import { auth, useOverview } from "../queries.ts";
import { dropDrafts } from "../site/held-drafts.ts";

const PLACES = [
  { path: "/", key: "o", word: "overview" },
  { path: "/queue", key: "q", word: "queue" },
  { path: "/waiting", key: "w", word: "waiting" },
  { path: "/appeals", key: "a", word: "appeals" },
  { path: "/sites", key: "s", word: "sites" },
  { path: "/incidents", key: "i", word: "incidents" },
  { path: "/bans", key: "b", word: "bans" },
  { path: "/edges", key: "e", word: "edges" },
  { path: "/people", key: "p", word: "people" },
  { path: "/log", key: "l", word: "log" },
] as const;

/** The desk's places are the staff's: whoever only has sites is shown sites and the public log. */
const placesOf = (me: MeView): readonly (typeof PLACES)[number][] =>
  isOnlyCustomer(me) ? PLACES.filter(({ word }) => word === "sites" || word === "log") : PLACES;

/** What waits behind each place, as one number. */
function useCounts(): Readonly<
  Partial<Record<string, { readonly n: number; readonly tone: "bad" | "plain" }>>
> {
  const { data } = useOverview();
  const running = useRunningIncidents().length;
  const incidents = { n: running, tone: "bad" } as const;
  if (data === undefined) return { incidents };
  const open = data.queue.reduce((sum, q) => sum + q.open, 0);
  const overdue = data.queue.some((q) => q.overdue > 0 || (q.level === "IMMINENT" && q.open > 0));
  return {
    queue: { n: open, tone: overdue ? "bad" : "plain" },
    waiting: { n: data.waitingForSecond, tone: "plain" },
    appeals: { n: data.appealsOpen, tone: "plain" },
    sites: { n: data.sites.held, tone: "plain" },
    incidents,
  };
}

function KeysHelp({ me, onClose }: { readonly me: MeView; readonly onClose: () => void }) {
  const words = useWords();
  return (
    <Modal
      opened
      onClose={onClose}
      title={<strong>{words.keysHelp.title}</strong>}
      closeButtonProps={{ "aria-label": words.common.close }}
      lockScroll={false}
      transitionProps={{ duration: 0 }}
    >
      <div className="stack">
        <dl className="keys-table">
          {placesOf(me).map((place) => [
            <dt key={`${place.key}-k`}>
              <kbd>g</kbd> <kbd>{place.key}</kbd>
            </dt>,
            <dd key={`${place.key}-w`}>
              {words.keysHelp.go}
              {words.common.colon}
              {words.nav[place.word]}
            </dd>,
          ])}
          <dt>
            <kbd>j</kbd> <kbd>k</kbd> <kbd>Enter</kbd>
          </dt>
          <dd>
            {words.keysHelp.list}
            {words.common.colon}
            {words.keysHelp.move}, {words.keysHelp.openIt}
          </dd>
          <dt>
            <kbd>?</kbd>
          </dt>
          <dd>{words.keysHelp.help}</dd>
        </dl>
        <p className="small quiet">{words.case.keys}</p>
      </div>
    </Modal>
  );
}

export function Frame({ me, children }: { readonly me: MeView; readonly children: ReactNode }) {
  const words = useWords();
  const [location, go] = useLocation();
  const [open, setOpen] = useState(false);
  const [help, setHelp] = useState(false);
  const counts = useCounts();
  const queries = useQueryClient();
  const { data: overview } = useOverview();

  useKeys({
    ...Object.fromEntries(placesOf(me).map((place) => [`g ${place.key}`, () => go(place.path)])),
    "?": () => setHelp(true),
  });

  const isHere = (path: string): boolean =>
    path === "/"
      ? location === "/"
      : location.startsWith(path) || (path === "/queue" && location.startsWith("/cases/"));

  const signOut = (): void => {
    void auth
      .signOut()
      .catch(() => null)
      .then(() => {
        queries.clear();
        dropDrafts();
        go("/sign-in");
      });
  };

  return (
    <>
      <a className="skip" href="#content">
        {words.skip}
      </a>
      <div className="topbar">
        <Link className="brand" href="/">
          <BrandMark />
          {words.product}
        </Link>
        <Button
          variant="default"
          size="compact-md"
          aria-expanded={open}
          aria-controls="rail"
          onClick={() => setOpen(!open)}
        >
          {open ? words.common.close : words.nav.open}
        </Button>
      </div>
      <div className="frame">
        <div className="rail" id="rail" data-open={open ? "yes" : "no"}>
          <Link className="brand" href="/">
            <BrandMark />
            <span>
              {words.product}
              {overview === undefined ? null : <small>{overview.operatorName}</small>}
            </span>
          </Link>
          <nav aria-label={words.nav.label}>
            <ul>
              {placesOf(me).map((place) => {
                const count = counts[place.word];
                return (
                  <li key={place.path}>
                    <Link
                      href={place.path}
                      aria-current={isHere(place.path) ? "page" : undefined}
                      aria-keyshortcuts={`g ${place.key}`}
                      onClick={() => setOpen(false)}
                    >
                      {words.nav[place.word]}
                      {count === undefined || count.n === 0 ? null : (
                        <span className="rail-count" data-tone={count.tone}>
                          {count.n}
                        </span>
                      )}
                    </Link>
                  </li>
                );
              })}
            </ul>
          </nav>
          <div className="rail-foot">
            <div>
              <strong>{me.name}</strong>
              {me.roles.map((role) => words.role[role]).join(", ")}
            </div>
            <Preferences />
            <div className="row">
              <Button variant="subtle" size="compact-xs" onClick={signOut}>
                {words.nav.signOut}
              </Button>
              <Button variant="subtle" size="compact-xs" onClick={() => setHelp(true)} className="keys-hint">
                {words.settings.keys}&nbsp; <kbd>?</kbd>
              </Button>
            </div>
          </div>
        </div>
        <main id="content">{children}</main>
      </div>
      {help ? <KeysHelp me={me} onClose={() => setHelp(false)} /> : null}
    </>
  );
}
