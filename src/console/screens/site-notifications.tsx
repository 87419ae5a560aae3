/**
 * Who is told of floods: members by mail, and a webhook with the fate of its last messages. What is typed here is kept until it is saved or dropped; a
 * secret is shown when the server has just made it, and never again.
 */
import { Button, Checkbox, TextInput } from "@mantine/core";
import { useState } from "react";
import type {
  DeliveryView,
  NotificationsRequest,
  NotificationsView,
} from "../../contract/http-protection.ts";
import type { SiteId } from "../../contract/ids.ts";
import { useWords } from "../language.tsx";
import { ActButton } from "../parts/act-button.tsx";
import { AskOnce } from "../parts/ask-once.tsx";
import { CopyLine } from "../parts/copy-line.tsx";
import { FaultNote } from "../parts/fault-note.tsx";
import { Panel } from "../parts/head.tsx";
import { Loaded } from "../parts/loaded.tsx";
import { sayDone } from "../parts/saved-note.ts";
import { Moment } from "../parts/times.tsx";
import { useNotifications } from "../protection-queries.ts";
import { client, useWrite } from "../queries.ts";
import { whyNotMay } from "../site/may.ts";
import { DELIVERY_TONE } from "../site/protection-states.ts";
import { isChanged, requestOf, typedNotifications, type TypedNotifications } from "../site/notifications.ts";
import { ProtectionFrame } from "./protection-frame.tsx";
import type { Site } from "./site-frame.tsx";

function Delivery({ delivery }: { readonly delivery: DeliveryView }) {
  const words = useWords();
  const w = words.protection.notify;
  return (
    <li className="grid-row delivery-row">
      <div>
        <strong>{w.event[delivery.event]}</strong>
        <div className="small quiet">
          <Moment at={delivery.madeAt} />
        </div>
      </div>
      <div>
        <span className="state" data-tone={DELIVERY_TONE[delivery.state]}>
          {w.state[delivery.state]}
        </span>
        <div className="small quiet">
          {w.tries(delivery.tries)}
          {delivery.status === null ? "" : `, ${w.status(delivery.status)}`}
          {delivery.nextTryAt === null ? null : (
            <>
              , {w.nextTry} <Moment at={delivery.nextTryAt} />
            </>
          )}
        </div>
      </div>
      <div className="small">{delivery.why}</div>
    </li>
  );
}

function Test({
  site,
  view,
  changed,
}: {
  readonly site: Site;
  readonly view: NotificationsView;
  readonly changed: boolean;
}) {
  const words = useWords();
  const w = words.protection.notify;
  const send = useWrite<"POST /sites/{siteId}/notifications/test", null>(() =>
    client.call("POST /sites/{siteId}/notifications/test", { params: { siteId: site.siteId } }),
  );
  const why =
    whyNotMay(site.role, { act: "POST /sites/{siteId}/notifications/test", words }) ??
    (changed ? w.unsaved : view.webhook === null ? w.needUrl : null);
  return (
    <>
      <ActButton
        label={w.test}
        ok={why === null && !send.isPending}
        why={why}
        fullWidth={false}
        onClick={() => send.mutate(null)}
      />
      <FaultNote fault={send.error} />
      {send.data === undefined ? null : (
        <div className="note" data-tone={send.data.state === "delivered" ? "good" : "warn"} role="status">
          <span>
            {w.tested} {w.state[send.data.state]}
            {send.data.status === null ? "" : `, ${w.status(send.data.status)}`}
          </span>
          {send.data.why === null ? null : <span>{send.data.why}</span>}
        </div>
      )}
    </>
  );
}

function Fields({
  view,
  typed,
  locked,
  fields,
  onTyped,
}: {
  readonly view: NotificationsView;
  readonly typed: TypedNotifications;
  readonly locked: boolean;
  readonly fields: Readonly<Record<string, string>>;
  readonly onTyped: (typed: TypedNotifications) => void;
}) {
  const w = useWords().protection.notify;
  return (
    <>
      <Panel title={w.mail}>
        <div className="stack-tight">
          {view.mail.length === 0 ? (
            <p className="quiet">{w.nobody}</p>
          ) : (
            <p className="quiet">{w.mailHelp}</p>
          )}
          {view.mail.map((person) => (
            <Checkbox
              key={person.userId}
              label={person.name}
              description={person.email}
              checked={typed.mail.includes(person.userId)}
              disabled={locked}
              onChange={(event) =>
                onTyped({
                  ...typed,
                  mail: event.currentTarget.checked
                    ? [...typed.mail, person.userId]
                    : typed.mail.filter((userId) => userId !== person.userId),
                })
              }
            />
          ))}
          <hr className="rule" />
          <Checkbox
            label={w.surges}
            checked={typed.surges}
            disabled={locked}
            onChange={(event) => onTyped({ ...typed, surges: event.currentTarget.checked })}
          />
        </div>
      </Panel>
      <Panel title={w.webhook}>
        <div className="stack-tight">
          <p className="quiet">{w.webhookHelp}</p>
          <TextInput
            label={w.url}
            description={w.urlHelp}
            classNames={{ input: "mono" }}
            autoCapitalize="none"
            spellCheck={false}
            inputMode="url"
            value={typed.url}
            disabled={locked}
            error={fields["webhook.url"] ?? fields["webhook"] ?? null}
            onChange={(event) => onTyped({ ...typed, url: event.currentTarget.value })}
          />
          <p className="small quiet">
            {view.webhook === null ? w.noSecret : w.secretEnd(view.webhook.secretEnd)}
          </p>
          {view.webhook === null ? null : (
            <Checkbox
              label={w.newSecret}
              description={w.newSecretHelp}
              checked={typed.newSecret}
              disabled={locked || typed.url.trim() === ""}
              onChange={(event) => onTyped({ ...typed, newSecret: event.currentTarget.checked })}
            />
          )}
        </div>
      </Panel>
    </>
  );
}

function Secret({ secret }: { readonly secret: string }) {
  const w = useWords().protection.notify;
  return (
    <div className="note" data-tone="warn" role="alert">
      <strong>{w.secret}</strong>
      <CopyLine value={secret} label={w.secret} />
      <span>{w.secretOnce}</span>
    </div>
  );
}

function Form({ site, view }: { readonly site: Site; readonly view: NotificationsView }) {
  const words = useWords();
  const w = words.protection.notify;
  // Untouched, the form follows the server; touched, it holds what was typed.
  const [touched, setTouched] = useState<TypedNotifications | null>(null);
  const [removing, setRemoving] = useState(false);
  const typed = touched ?? typedNotifications(view);
  const changed = isChanged(typed, view);
  const send = useWrite<"PUT /sites/{siteId}/notifications", NotificationsRequest>(
    (body) => client.call("PUT /sites/{siteId}/notifications", { params: { siteId: site.siteId }, body }),
    () => {
      setTouched(null);
      setRemoving(false);
      sayDone(w.saved);
    },
  );
  const mayNot = whyNotMay(site.role, { act: "PUT /sites/{siteId}/notifications", words });
  const why = mayNot ?? (changed ? null : w.unchanged);
  const save = (): void => {
    if (why !== null || send.isPending) return;
    if (view.webhook !== null && typed.url.trim() === "" && !removing) setRemoving(true);
    else send.mutate(requestOf(typed));
  };
  return (
    <form
      className="stack"
      noValidate
      onSubmit={(event) => {
        event.preventDefault();
        save();
      }}
    >
      <Fields
        view={view}
        typed={typed}
        locked={mayNot !== null || send.isPending}
        fields={send.error?.fields ?? {}}
        onTyped={setTouched}
      />
      {removing ? null : <FaultNote fault={send.error} shownFields={["webhook.url", "webhook"]} />}
      {send.data?.secret === undefined || send.data.secret === null ? null : (
        <Secret secret={send.data.secret} />
      )}
      <div className="row acts-row">
        <ActButton
          label={w.save}
          ok={why === null && !send.isPending}
          why={why}
          variant="filled"
          fullWidth={false}
          onClick={save}
        />
        {changed && touched !== null ? (
          <Button variant="default" onClick={() => setTouched(null)}>
            {w.drop}
          </Button>
        ) : null}
        <Test site={site} view={view} changed={changed} />
      </div>
      {removing ? (
        <AskOnce
          question={{
            title: w.removeTitle,
            consequence: w.removeAsk,
            act: w.removeTitle,
            withReason: false,
            danger: true,
          }}
          busy={send.isPending}
          fault={send.error}
          onClose={() => setRemoving(false)}
          onAct={() => send.mutate(requestOf(typed))}
        />
      ) : null}
    </form>
  );
}

function Notifications({ site }: { readonly site: Site }) {
  const words = useWords();
  const w = words.protection.notify;
  const mayNot = whyNotMay(site.role, { act: "GET /sites/{siteId}/notifications", words });
  const notifications = useNotifications(site.siteId, mayNot === null);
  if (mayNot !== null) return <p className="quiet">{words.common.because(mayNot)}</p>;
  return (
    <Loaded query={notifications}>
      {(view) => (
        <div className="stack">
          <p className="quiet">{w.intro}</p>
          <Form site={site} view={view} />
          <Panel title={w.deliveries}>
            {view.deliveries.length === 0 ? (
              <p className="quiet">{w.noDeliveries}</p>
            ) : (
              <ul className="flush">
                {view.deliveries.map((delivery) => (
                  <Delivery key={delivery.deliveryId} delivery={delivery} />
                ))}
              </ul>
            )}
          </Panel>
        </div>
      )}
    </Loaded>
  );
}

export function SiteNotificationsScreen({ siteId }: { readonly siteId: SiteId }) {
  return (
    <ProtectionFrame siteId={siteId} part="notifications">
      {(site) => <Notifications site={site} />}
    </ProtectionFrame>
  );
}
