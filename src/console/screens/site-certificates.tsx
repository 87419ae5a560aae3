/** A site's certificates: what each is good for, how far it has come, and uploading one. A key goes in and never comes back to a screen. */
import { NativeSelect, Textarea } from "@mantine/core";
import { useState } from "react";
import type { CertificateView } from "../../contract/http-sites.ts";
import type { SiteId } from "../../contract/ids.ts";
import { useWords } from "../language.tsx";
import { ActButton } from "../parts/act-button.tsx";
import { AskOnce } from "../parts/ask-once.tsx";
import { FaultNote } from "../parts/fault-note.tsx";
import { Panel } from "../parts/head.tsx";
import { Loaded } from "../parts/loaded.tsx";
import { sayDone } from "../parts/saved-note.ts";
import { Moment } from "../parts/times.tsx";
import { client, useWrite } from "../queries.ts";
import { whyNotMay } from "../site/may.ts";
import { CERTIFICATE_TONE } from "../site/states.ts";
import { useCertificates } from "../site-queries.ts";
import { SiteFrame, type Site } from "./site-frame.tsx";

function Facts({ certificate }: { readonly certificate: CertificateView }) {
  const w = useWords().site.certificates;
  return (
    <dl className="facts">
      {certificate.notAfter === null ? null : (
        <>
          <dt>{w.until}</dt>
          <dd>
            <Moment at={certificate.notAfter} />
          </dd>
        </>
      )}
      {certificate.issuer === null ? null : (
        <>
          <dt>{w.issuer}</dt>
          <dd>{certificate.issuer}</dd>
        </>
      )}
      {certificate.fingerprint === null ? null : (
        <>
          <dt>{w.fingerprint}</dt>
          <dd>
            <code>{certificate.fingerprint}</code>
          </dd>
        </>
      )}
      {certificate.nextTryAt === null ? null : (
        <>
          <dt>{w.nextTry}</dt>
          <dd>
            <Moment at={certificate.nextTryAt} />
          </dd>
        </>
      )}
    </dl>
  );
}

function CertificatePanel({
  site,
  certificate,
}: {
  readonly site: Site;
  readonly certificate: CertificateView;
}) {
  const words = useWords();
  const w = words.site.certificates;
  const [asking, setAsking] = useState(false);
  const params = { siteId: site.siteId, certificateId: certificate.certificateId };
  const renew = useWrite<"POST /sites/{siteId}/certificates/{certificateId}/renew", null>(
    () => client.call("POST /sites/{siteId}/certificates/{certificateId}/renew", { params }),
    () => sayDone(w.renewed),
  );
  const remove = useWrite<"DELETE /sites/{siteId}/certificates/{certificateId}", null>(
    () => client.call("DELETE /sites/{siteId}/certificates/{certificateId}", { params }),
    () => {
      setAsking(false);
      sayDone(w.removed);
    },
  );
  const whyRenew =
    whyNotMay(site.role, { act: "POST /sites/{siteId}/certificates/{certificateId}/renew", words }) ??
    (certificate.source === "acme" ? null : w.notAcme);
  const whyRemove = whyNotMay(site.role, {
    act: "DELETE /sites/{siteId}/certificates/{certificateId}",
    words,
  });
  const title = certificate.hostnames.join(", ") || w.source[certificate.source];
  const { acked, of } = certificate.inForce;
  return (
    <Panel title={title}>
      <div className="stack-tight">
        <div className="row">
          <span className="state" data-tone={CERTIFICATE_TONE[certificate.state]}>
            {words.site.certificateState[certificate.state]}
          </span>
          <span className="tag">{w.source[certificate.source]}</span>
          <span className={acked < of ? "small bad" : "small quiet"}>{w.held(acked, of)}</span>
        </div>
        {certificate.why === null ? null : <p>{certificate.why}</p>}
        <Facts certificate={certificate} />
        <FaultNote fault={renew.error} />
        <div className="row acts-row">
          <ActButton
            label={w.renew}
            ok={whyRenew === null && !renew.isPending}
            why={whyRenew}
            fullWidth={false}
            size="compact-sm"
            onClick={() => renew.mutate(null)}
          />
          <ActButton
            label={w.remove}
            ok={whyRemove === null}
            why={whyRemove}
            fullWidth={false}
            size="compact-sm"
            onClick={() => setAsking(true)}
          />
        </div>
      </div>
      {asking ? (
        <AskOnce
          question={{
            title: `${w.remove}${words.common.colon}${title}`,
            consequence: w.removeAsk,
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

type Upload = {
  readonly kind: "server" | "origin-client";
  readonly chainPem: string;
  readonly keyPem: string;
};

function UploadForm({ site }: { readonly site: Site }) {
  const words = useWords();
  const w = words.site.certificates;
  const [form, setForm] = useState<Upload>({ kind: "server", chainPem: "", keyPem: "" });
  const send = useWrite<"POST /sites/{siteId}/certificates", Upload>(
    (body) => client.call("POST /sites/{siteId}/certificates", { params: { siteId: site.siteId }, body }),
    () => {
      setForm({ kind: form.kind, chainPem: "", keyPem: "" });
      // The library would keep what was sent until the screen is left.
      send.reset();
      sayDone(w.done);
    },
  );
  const missing = form.chainPem.trim() === "" || form.keyPem.trim() === "";
  const why =
    whyNotMay(site.role, { act: "POST /sites/{siteId}/certificates", words }) ?? (missing ? w.missing : null);
  const area = (name: "chainPem" | "keyPem", label: string) => (
    <Textarea
      label={label}
      classNames={{ input: "mono" }}
      autosize
      minRows={4}
      maxRows={10}
      spellCheck={false}
      autoComplete="off"
      placeholder="-----BEGIN …"
      value={form[name]}
      error={send.error?.fields[name] ?? null}
      onChange={(event) => setForm({ ...form, [name]: event.currentTarget.value })}
    />
  );
  return (
    <Panel title={w.upload}>
      <form
        className="stack-tight"
        noValidate
        autoComplete="off"
        onSubmit={(event) => {
          event.preventDefault();
          if (why === null) send.mutate(form);
        }}
      >
        <p className="quiet">{w.uploadHelp}</p>
        <NativeSelect
          label={w.kind}
          value={form.kind}
          onChange={(event) =>
            setForm({ ...form, kind: event.currentTarget.value === "server" ? "server" : "origin-client" })
          }
          data={[
            { value: "server", label: w.kindServer },
            { value: "origin-client", label: w.kindClient },
          ]}
        />
        <div className="two">
          {area("chainPem", w.chain)}
          {area("keyPem", w.key)}
        </div>
        <FaultNote fault={send.error} shownFields={["chainPem", "keyPem"]} />
        <ActButton
          label={w.go}
          ok={why === null && !send.isPending}
          why={why}
          fullWidth={false}
          onClick={() => send.mutate(form)}
        />
      </form>
    </Panel>
  );
}

export function SiteCertificatesScreen({ siteId }: { readonly siteId: SiteId }) {
  const w = useWords().site.certificates;
  const certificates = useCertificates(siteId);
  return (
    <SiteFrame siteId={siteId} tab="certificates">
      {(site) => (
        <div className="stack">
          <Loaded query={certificates}>
            {(page) =>
              page.items.length === 0 ? (
                <div className="panel empty">
                  <strong>{w.none}</strong>
                  {w.noneHelp}
                </div>
              ) : (
                <>
                  {page.items.map((each) => (
                    <CertificatePanel key={each.certificateId} site={site} certificate={each} />
                  ))}
                </>
              )
            }
          </Loaded>
          <UploadForm site={site} />
        </div>
      )}
    </SiteFrame>
  );
}
