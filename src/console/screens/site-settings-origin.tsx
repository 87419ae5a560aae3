/** Where requests go: the pool, how it is reached, whose certificate is believed, and whether it answers past this edge. */
import { Checkbox } from "@mantine/core";
import { ORIGIN_SERVERS_MAX, type HealthCheck } from "../../contract/origin-pool.ts";
import { useWords } from "../language.tsx";
import { FieldPanel, Panel } from "../parts/head.tsx";
import { NumberAt, RadioAt, RowsAt, SelectAt, TextAt, TickAt, useDraft } from "../site/draft-fields.tsx";
import { useCertificates } from "../site-queries.ts";
import type { Site } from "./site-frame.tsx";
import { ExposureNote } from "./site-origins.tsx";

/** What a check starts with: often enough to notice, seldom enough to cost nothing. */
const HEALTH_FIRST: HealthCheck = {
  path: "/",
  intervalSeconds: 10,
  timeoutSeconds: 5,
  statusMin: 200,
  statusMax: 399,
  rise: 2,
  fall: 3,
};

function Health() {
  const w = useWords().site.origin;
  const draft = useDraft();
  const { health } = draft.wanted.origin;
  return (
    <FieldPanel title={w.healthTitle}>
      <Checkbox
        label={w.health}
        checked={health !== null}
        disabled={draft.locked}
        onChange={(event) => draft.set("origin.health", event.currentTarget.checked ? HEALTH_FIRST : null)}
      />
      {health === null ? null : (
        <>
          <TextAt at="origin.health.path" label={w.healthPath} />
          <div className="two">
            <NumberAt at="origin.health.intervalSeconds" label={w.interval} />
            <NumberAt at="origin.health.timeoutSeconds" label={w.timeout} />
            <NumberAt at="origin.health.statusMin" label={w.statusMin} />
            <NumberAt at="origin.health.statusMax" label={w.statusMax} />
            <NumberAt at="origin.health.rise" label={w.rise} />
            <NumberAt at="origin.health.fall" label={w.fall} />
          </div>
        </>
      )}
    </FieldPanel>
  );
}

function Identity({ site }: { readonly site: Site }) {
  const w = useWords().site.origin;
  const draft = useDraft();
  const certificates = useCertificates(site.siteId);
  const { scheme, tls } = draft.wanted.origin;
  const own = (certificates.data?.items ?? []).filter(({ source }) => source === "origin-client");
  const listed = own.map((each) => ({
    value: each.certificateId as string,
    label: each.issuer ?? each.certificateId,
  }));
  const chosen = tls.clientCertificateId;
  return (
    <FieldPanel title={w.identity}>
      <RadioAt
        at="origin.scheme"
        label={w.scheme}
        choices={[
          { value: "https", label: w.schemeHttps },
          { value: "http", label: w.schemeHttp },
        ]}
      />
      <TextAt at="origin.hostHeader" label={w.hostHeader} help={w.hostHeaderHelp} nullable />
      {scheme === "http" ? null : (
        <>
          <RadioAt
            at="origin.tls.verify"
            label={w.verify}
            choices={[
              { value: "strict", label: w.verifyStrict },
              { value: "off", label: w.verifyOff },
            ]}
          />
          {tls.verify === "off" ? (
            <div className="note" data-tone="warn" role="status">
              <strong>{w.verifyWarn}</strong>
            </div>
          ) : null}
          <TextAt at="origin.tls.name" label={w.name} help={w.nameHelp} nullable />
          <SelectAt
            at="origin.tls.clientCertificateId"
            label={w.client}
            read={(value) => (value === "" ? null : value)}
            choices={[
              { value: "", label: w.clientNone },
              ...listed,
              // One that is set and no longer listed stays visible.
              ...(chosen === null || listed.some(({ value }) => value === chosen)
                ? []
                : [{ value: chosen as string, label: chosen as string }]),
            ]}
          />
        </>
      )}
      <TickAt at="origin.signed" label={w.signed} help={w.signedHelp} />
    </FieldPanel>
  );
}

export function OriginPart({ site }: { readonly site: Site }) {
  const w = useWords().site.origin;
  const draft = useDraft();
  return (
    <>
      <Panel title={w.servers}>
        <RowsAt
          at="origin.servers"
          blank={{
            host: "",
            port: draft.wanted.origin.scheme === "https" ? 443 : 80,
            weight: 1,
            backup: false,
          }}
          max={ORIGIN_SERVERS_MAX}
          least={1}
          add={w.addServer}
          nth={w.nth}
        >
          {(path) => (
            <>
              <div className="server-row">
                <TextAt at={`${path}.host`} label={w.host} />
                <NumberAt at={`${path}.port`} label={w.port} />
                <NumberAt at={`${path}.weight`} label={w.weight} />
              </div>
              <TickAt at={`${path}.backup`} label={w.backup} />
            </>
          )}
        </RowsAt>
      </Panel>
      <Identity site={site} />
      <Health />
      <FieldPanel title={w.timeouts}>
        <div className="two">
          <NumberAt at="origin.connectSeconds" label={w.connect} />
          <NumberAt at="origin.readSeconds" label={w.read} />
        </div>
      </FieldPanel>
      <ExposureNote site={site} />
    </>
  );
}
