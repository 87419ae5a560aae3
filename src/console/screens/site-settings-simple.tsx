/** The short parts of a site's settings: HTTPS, limits, maintenance, own error pages, robots. */
import { Checkbox, Switch } from "@mantine/core";
import { OWN_PAGE_REASONS } from "../../contract/site-rules.ts";
import { useWords } from "../language.tsx";
import { FieldPanel } from "../parts/head.tsx";
import { AreaAt, ListAt, NumberAt, RadioAt, TickAt, useDraft } from "../site/draft-fields.tsx";
import { bytesOf, bytesText } from "../site/lists.ts";

function Warn({ children }: { readonly children: string }) {
  return (
    <div className="note" data-tone="warn" role="status">
      <span>{children}</span>
    </div>
  );
}

export function HttpsPart() {
  const w = useWords().site;
  const { tls } = useDraft().wanted;
  return (
    <FieldPanel title={w.part.https}>
      <TickAt at="tls.redirectToHttps" label={w.https.redirect} />
      <NumberAt at="tls.hstsSeconds" label={w.https.hsts} help={w.https.hstsHelp} />
      {tls.hstsSeconds > 0 ? <Warn>{w.https.hstsWarn}</Warn> : null}
      <TickAt at="tls.hstsSubdomains" label={w.https.subdomains} />
      {tls.hstsSubdomains ? <Warn>{w.https.subdomainsWarn}</Warn> : null}
      <TickAt at="tls.hstsPreload" label={w.https.preload} />
      {tls.hstsPreload ? <Warn>{w.https.preloadWarn}</Warn> : null}
    </FieldPanel>
  );
}

export function LimitsPart() {
  const w = useWords().site;
  const draft = useDraft();
  const { limit } = draft.wanted;
  return (
    <FieldPanel title={w.part.limits}>
      <Checkbox
        label={w.limits.rate}
        checked={limit !== null}
        disabled={draft.locked}
        onChange={(event) =>
          draft.set("limit", event.currentTarget.checked ? { requestsPerSecond: 50, burst: 100 } : null)
        }
      />
      {limit === null ? null : (
        <div className="two">
          <NumberAt at="limit.requestsPerSecond" label={w.limits.perSecond} />
          <NumberAt at="limit.burst" label={w.limits.burst} />
        </div>
      )}
      <NumberAt
        at="bodyBytesMax"
        label={w.limits.body}
        help={w.limits.bodyHelp}
        shown={(value) => (Number.isFinite(value) ? bytesText(value) : "")}
        read={bytesOf}
      />
    </FieldPanel>
  );
}

export function MaintenancePart() {
  const w = useWords().site;
  const draft = useDraft();
  const { on } = draft.wanted.rules.maintenance;
  return (
    <FieldPanel title={w.part.maintenance}>
      <div className="big-switch stack-tight" data-on={on ? "yes" : "no"}>
        <Switch
          size="lg"
          label={w.maintenance.on}
          checked={on}
          disabled={draft.locked}
          onChange={(event) => draft.set("rules.maintenance.on", event.currentTarget.checked)}
        />
        {on ? <strong role="status">{w.maintenance.onWarn}</strong> : null}
      </div>
      <div className="two">
        <AreaAt at="rules.maintenance.messageEn" label={w.maintenance.en} help={w.maintenance.messageHelp} />
        <AreaAt at="rules.maintenance.messageFr" label={w.maintenance.fr} help={w.maintenance.messageHelp} />
      </div>
      <ListAt at="rules.maintenance.allowNetworks" label={w.maintenance.allow} help={w.access.networksHelp} />
      <NumberAt at="rules.maintenance.retryAfterSeconds" label={w.maintenance.retry} />
    </FieldPanel>
  );
}

export function PagesPart() {
  const w = useWords().site;
  const draft = useDraft();
  const pages = draft.wanted.rules.errorPages;
  return (
    <>
      {OWN_PAGE_REASONS.map((reason) => {
        const at = pages.findIndex((page) => page.reason === reason);
        return (
          <FieldPanel key={reason} title={w.pages.reason[reason]}>
            <Checkbox
              label={w.pages.own}
              checked={at >= 0}
              disabled={draft.locked}
              onChange={(event) =>
                draft.set(
                  "rules.errorPages",
                  event.currentTarget.checked
                    ? [...pages, { reason, html: "" }]
                    : pages.filter((page) => page.reason !== reason),
                )
              }
            />
            {at < 0 ? null : (
              <AreaAt
                at={`rules.errorPages.${String(at)}.html`}
                label={w.pages.html}
                help={w.pages.htmlHelp}
                mono
              />
            )}
          </FieldPanel>
        );
      })}
    </>
  );
}

export function RobotsPart() {
  const w = useWords().site;
  const { mode } = useDraft().wanted.rules.robots;
  return (
    <FieldPanel title={w.part.robots}>
      <RadioAt
        at="rules.robots.mode"
        label={w.robots.mode}
        choices={[
          { value: "origin", label: w.robots.fromOrigin },
          { value: "text", label: w.robots.text },
        ]}
      />
      {mode === "text" ? <AreaAt at="rules.robots.text" label={w.robots.textLabel} mono /> : null}
      <RadioAt
        at="rules.robots.aiCrawlers"
        label={w.robots.ai}
        choices={[
          { value: "origin", label: w.robots.aiOrigin },
          { value: "disallow", label: w.robots.aiDisallow },
          { value: "block", label: w.robots.aiBlock, help: w.robots.aiHelp },
        ]}
      />
    </FieldPanel>
  );
}
