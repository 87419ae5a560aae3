/** Who is told of floods, as somebody types it: what is sent for it, and whether that differs from what is in force. Pure. */
import type { NotificationsRequest, NotificationsView } from "../../contract/http-protection.ts";
import type { UserId } from "../../contract/ids.ts";

export type TypedNotifications = {
  readonly mail: readonly UserId[];
  readonly surges: boolean;
  readonly url: string;
  readonly newSecret: boolean;
};

export const typedNotifications = (view: NotificationsView): TypedNotifications => ({
  mail: view.mail.filter(({ wants }) => wants).map(({ userId }) => userId),
  surges: view.surges,
  url: view.webhook?.url ?? "",
  newSecret: false,
});

/** An empty address means no webhook; there is no secret to renew then. */
export const requestOf = (typed: TypedNotifications): NotificationsRequest => ({
  mail: typed.mail,
  surges: typed.surges,
  webhook: typed.url.trim() === "" ? null : { url: typed.url.trim(), newSecret: typed.newSecret },
});

export function isChanged(typed: TypedNotifications, view: NotificationsView): boolean {
  const now = requestOf(typedNotifications(view));
  const wanted = requestOf(typed);
  return (
    [...now.mail].sort().join() !== [...wanted.mail].sort().join() ||
    now.surges !== wanted.surges ||
    now.webhook?.url !== wanted.webhook?.url ||
    wanted.webhook?.newSecret === true
  );
}
