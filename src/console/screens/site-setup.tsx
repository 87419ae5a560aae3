/**
 * A site's way from "created" to "visitors come through here", name by name: proof, certificate, a look, the records. Every step shows
 * its state as it is now, so that the page can be left and come back to at any time.
 */
import { Button, TextInput } from "@mantine/core";
import { useQuery } from "@tanstack/react-query";
import { useState, type ReactNode } from "react";
import type { HostnameView } from "../../contract/http-sites.ts";
import type { SiteId } from "../../contract/ids.ts";
import { useWords } from "../language.tsx";
import { ActButton } from "../parts/act-button.tsx";
import { AskOnce } from "../parts/ask-once.tsx";
import { CopyLine } from "../parts/copy-line.tsx";
import { FaultNote } from "../parts/fault-note.tsx";
import { Panel } from "../parts/head.tsx";
import { Loaded } from "../parts/loaded.tsx";
import { Records } from "../parts/records.tsx";
import { sayDone } from "../parts/saved-note.ts";
import { Ago } from "../parts/times.tsx";
import { client, useWrite } from "../queries.ts";
import { whyNotMay } from "../site/may.ts";
import { isDone, setupSteps, type SetupStep, type StepState } from "../site/states.ts";
import { useHostnames, usePreview } from "../site-queries.ts";
import { SiteFrame, type Site } from "./site-frame.tsx";
import { CertificateLine, HostnameLine } from "./site-overview.tsx";

function Step({
  name,
  state,
  children,
}: {
  readonly name: SetupStep;
  readonly state: StepState;
  readonly children: ReactNode;
}) {
  const w = useWords().site.setup;
  const tone = state === "done" ? "good" : state === "now" ? "warn" : "quiet";
  return (
    <li data-step={state} className="stack-tight">
      <div className="step-head">
        <h3>{w[name]}</h3>
        <span className="state" data-tone={tone}>
          {w.step[state]}
        </span>
      </div>
      {state === "later" ? <p className="quiet">{w.later}</p> : children}
    </li>
  );
}

type Call = { readonly site: Site; readonly hostname: HostnameView };

function Proof({ site, hostname }: Call) {
  const words = useWords();
  const w = words.site.setup;
  const check = useWrite<"POST /sites/{siteId}/hostnames/{hostname}/check", null>(
    () =>
      client.call("POST /sites/{siteId}/hostnames/{hostname}/check", {
        params: { siteId: site.siteId, hostname: hostname.hostname },
      }),
    () => sayDone(w.checked),
  );
  const why = whyNotMay(site.role, { act: "POST /sites/{siteId}/hostnames/{hostname}/check", words });
  const { txt, http } = hostname.proof;
  const proven = hostname.state === "proven";
  return (
    <>
      <HostnameLine hostname={hostname} />
      <details open={!proven}>
        <summary>{w.proofHelp}</summary>
        <div className="two proof-ways">
          <div className="stack-tight">
            <strong className="small">{w.txt}</strong>
            <CopyLine value={txt.name} label={w.copyName} />
            <CopyLine value={txt.value} label={w.copyValue} />
          </div>
          <div className="stack-tight">
            <strong className="small">{w.http}</strong>
            <CopyLine value={http.url} label={w.copyName} />
            <span className="small quiet">{w.httpHelp}</span>
            <CopyLine value={http.body} label={w.copyValue} />
          </div>
        </div>
      </details>
      <FaultNote fault={check.error} />
      <div className="row">
        <ActButton
          label={w.check}
          ok={why === null && !check.isPending}
          why={why}
          variant={proven ? "default" : "filled"}
          fullWidth={false}
          onClick={() => check.mutate(null)}
        />
        <span className="small quiet" role="status">
          {hostname.checkedAt === null ? (
            w.notChecked
          ) : (
            <>
              {w.lastCheck} <Ago at={hostname.checkedAt} />
            </>
          )}
        </span>
      </div>
    </>
  );
}

function Look({ site }: { readonly site: Site }) {
  const words = useWords();
  const w = words.site.setup;
  const preview = usePreview(site.siteId);
  return (
    <Loaded query={preview}>
      {(view) =>
        view.url === null ? (
          <p className="quiet">
            {w.noPreview}
            {view.whyNot === null ? "" : `${words.common.colon}${view.whyNot}`}
          </p>
        ) : (
          <>
            <p className="quiet">{w.lookHelp}</p>
            <CopyLine value={view.url} label={w.copyValue} />
            <div>
              <Button component="a" variant="default" href={view.url} target="_blank" rel="noreferrer">
                {w.openPreview}
              </Button>
            </div>
          </>
        )
      }
    </Loaded>
  );
}

function ToSet({ hostname }: { readonly hostname: HostnameView }) {
  const words = useWords();
  const w = words.site;
  const plan = useQuery({
    queryKey: ["plan", hostname.hostname],
    queryFn: ({ signal }) =>
      client.call("POST /hostname-plans", { body: { hostname: hostname.hostname }, signal }),
    // Each reading asks other people's name servers: once a visit is enough.
    staleTime: Number.POSITIVE_INFINITY,
    refetchOnWindowFocus: false,
  });
  return (
    <>
      <div role="status">
        <span className="state" data-tone={hostname.leadsHere === "yes" ? "good" : "warn"}>
          {w.setup.leads[hostname.leadsHere]}
        </span>
      </div>
      {hostname.leadsHere === "yes" ? null : (
        <>
          <p className="quiet">{w.setup.recordsHelp}</p>
          <Loaded query={plan}>
            {(view) => (
              <>
                <Records records={view.toSet} copy />
                {view.toKeep.length === 0 ? null : (
                  <details>
                    <summary>{w.add.toKeep}</summary>
                    <Records records={view.toKeep} />
                  </details>
                )}
              </>
            )}
          </Loaded>
        </>
      )}
    </>
  );
}

function NamePanel({ site, hostname, only }: Call & { readonly only: boolean }) {
  const words = useWords();
  const w = words.site.setup;
  const steps = setupSteps(hostname);
  const [asking, setAsking] = useState(false);
  const remove = useWrite<"DELETE /sites/{siteId}/hostnames/{hostname}", null>(
    () =>
      client.call("DELETE /sites/{siteId}/hostnames/{hostname}", {
        params: { siteId: site.siteId, hostname: hostname.hostname },
      }),
    () => {
      setAsking(false);
      sayDone(w.removed);
    },
  );
  const why =
    whyNotMay(site.role, { act: "DELETE /sites/{siteId}/hostnames/{hostname}", words }) ??
    (only ? w.onlyOne : null);
  return (
    <Panel title={hostname.hostname}>
      <div className="stack">
        {isDone(hostname) ? (
          <div className="in-force" data-tone="good" role="status">
            <span className="big">{w.done}</span>
            <span className="small">{w.doneHelp}</span>
          </div>
        ) : null}
        <ol className="steps">
          <Step name="proof" state={steps.proof}>
            <Proof site={site} hostname={hostname} />
          </Step>
          <Step name="certificate" state={steps.certificate}>
            <p className="quiet">{w.certificateHelp}</p>
            <CertificateLine certificate={hostname.certificate} />
          </Step>
          <Step name="look" state={steps.look}>
            <Look site={site} />
          </Step>
          <Step name="records" state={steps.records}>
            <ToSet hostname={hostname} />
          </Step>
        </ol>
        <ActButton
          label={w.remove}
          ok={why === null}
          why={why}
          fullWidth={false}
          size="compact-sm"
          onClick={() => setAsking(true)}
        />
      </div>
      {asking ? (
        <AskOnce
          question={{
            title: `${w.remove}${words.common.colon}${hostname.hostname}`,
            consequence: w.removeAsk(hostname.hostname),
            act: w.remove,
            withReason: false,
            danger: true,
          }}
          busy={remove.isPending}
          fault={remove.error}
          onClose={() => setAsking(false)}
          onAct={() => remove.mutate(null)}
        />
      ) : null}
    </Panel>
  );
}

function Another({ site }: { readonly site: Site }) {
  const words = useWords();
  const w = words.site;
  const [hostname, setHostname] = useState("");
  const send = useWrite<"POST /sites/{siteId}/hostnames", string>(
    (name) =>
      client.call("POST /sites/{siteId}/hostnames", {
        params: { siteId: site.siteId },
        body: { hostname: name },
      }),
    () => {
      sayDone(w.setup.added);
      setHostname("");
    },
  );
  const why = whyNotMay(site.role, { act: "POST /sites/{siteId}/hostnames", words });
  const ok = why === null && hostname.trim() !== "" && !send.isPending;
  return (
    <Panel title={w.setup.another}>
      <form
        className="stack-tight"
        noValidate
        onSubmit={(event) => {
          event.preventDefault();
          if (ok) send.mutate(hostname.trim());
        }}
      >
        <TextInput
          label={w.add.hostname}
          description={w.add.hostnameHelp}
          classNames={{ input: "mono" }}
          value={hostname}
          error={send.error?.fields["hostname"] ?? null}
          onChange={(event) => setHostname(event.currentTarget.value)}
        />
        <FaultNote fault={send.error} shownFields={["hostname"]} />
        <ActButton
          label={w.setup.addIt}
          ok={ok}
          why={why}
          fullWidth={false}
          onClick={() => send.mutate(hostname.trim())}
        />
      </form>
    </Panel>
  );
}

export function SiteSetupScreen({ siteId }: { readonly siteId: SiteId }) {
  const w = useWords().site;
  const hostnames = useHostnames(siteId);
  return (
    <SiteFrame siteId={siteId} tab="setup">
      {(site) => (
        <div className="stack">
          <p className="quiet">{w.setup.intro}</p>
          <Loaded query={hostnames}>
            {(page) => (
              <>
                {page.items.map((each) => (
                  <NamePanel key={each.hostname} site={site} hostname={each} only={page.items.length === 1} />
                ))}
              </>
            )}
          </Loaded>
          <Another site={site} />
        </div>
      )}
    </SiteFrame>
  );
}
