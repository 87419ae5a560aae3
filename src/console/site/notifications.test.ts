import assert from "node:assert/strict";
import { test } from "node:test";
import type { NotificationsView } from "../../contract/http-protection.ts";
import type { UserId } from "../../contract/ids.ts";
import { isChanged, requestOf, typedNotifications } from "./notifications.ts";

const [A, B] = ["user_a" as UserId, "user_b" as UserId];
const VIEW: NotificationsView = {
  mail: [
    { userId: A, name: "A", email: "a@mill.example", wants: true },
    { userId: B, name: "B", email: "b@mill.example", wants: false },
  ],
  surges: false,
  webhook: { url: "https://hooks.mill.example/x", secretEnd: "k9Qw" },
  deliveries: [],
};

test("what is in force, typed and sent again, changes nothing", () => {
  const typed = typedNotifications(VIEW);
  assert.equal(isChanged(typed, VIEW), false);
  assert.deepEqual(requestOf(typed), {
    mail: [A],
    surges: false,
    webhook: { url: "https://hooks.mill.example/x", newSecret: false },
  });
});

test("each thing that can be typed counts as a change, and spaces around an address do not", () => {
  const typed = typedNotifications(VIEW);
  assert.equal(isChanged({ ...typed, mail: [A, B] }, VIEW), true);
  assert.equal(isChanged({ ...typed, mail: [] }, VIEW), true);
  assert.equal(isChanged({ ...typed, surges: true }, VIEW), true);
  assert.equal(isChanged({ ...typed, newSecret: true }, VIEW), true);
  assert.equal(isChanged({ ...typed, url: "" }, VIEW), true);
  assert.equal(isChanged({ ...typed, url: `  ${typed.url} ` }, VIEW), false);
});

test("without an address there is no webhook, and no secret to renew", () => {
  const typed = { ...typedNotifications(VIEW), url: "  ", newSecret: true };
  assert.equal(requestOf(typed).webhook, null);
  const none = { ...VIEW, webhook: null };
  assert.equal(isChanged({ ...typedNotifications(none), newSecret: true }, none), false);
});
