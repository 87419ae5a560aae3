import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { NO_SLOT, Slots, tlsIdentity, type Place } from "./slots.ts";

const OPTIONS = { slots: 2, connectionMsMax: 1000 };
const at = "192.0.2.1:443";
const place = (name: string, where = at): Place => ({
  at: where,
  identity: tlsIdentity({ verify: "strict", name, client: "" }),
});

test("two identities at one address get two slots, a third one keeps no connections, an equal one shares", () => {
  const slots = new Slots(OPTIONS);
  const a = slots.place("a", [place("a.example")], 0);
  const b = slots.place("b", [place("b.example")], 0);
  assert.deepEqual([a, b].toSorted(), [0, 1]);
  assert.equal(slots.place("c", [place("c.example")], 0), NO_SLOT);
  assert.notEqual(slots.place("c", [place("c.example", "192.0.2.2:443")], 0), NO_SLOT);
  assert.notEqual(slots.place("d", [place("a.example")], 0), NO_SLOT);
});

test("the same certificate names with and without verification, or with another client certificate, are different identities", () => {
  const identities = [
    tlsIdentity({ verify: "strict", name: "a.example", client: "" }),
    tlsIdentity({ verify: "off", name: "a.example", client: "" }),
    tlsIdentity({ verify: "strict", name: "a.example", client: "one" }),
    tlsIdentity({ verify: "strict", name: "a.example", client: "two" }),
    tlsIdentity({ verify: "strict", name: "", client: "a.example" }),
  ];
  assert.equal(new Set(identities).size, identities.length);
});

test("a place that was left opens after its last connection is gone, counted from nginx's confirmation", () => {
  const slots = new Slots({ slots: 1, connectionMsMax: 1000 });
  assert.equal(slots.place("a", [place("a.example")], 0), 0);
  assert.equal(slots.place("a", [], 100), NO_SLOT);
  assert.equal(slots.place("b", [place("b.example")], 99_000), NO_SLOT, "not confirmed yet");
  slots.confirmed("a", slots.turn, 100_000);
  assert.equal(slots.place("b", [place("b.example")], 100_999), NO_SLOT);
  assert.equal(slots.place("c", [place("a.example")], 100_999), 0, "the same identity may come back");
  slots.place("c", [], 100_999);
  slots.confirmed("c", slots.turn, 101_000);
  assert.equal(slots.place("b", [place("b.example")], 101_999), NO_SLOT);
  assert.equal(slots.place("b", [place("b.example")], 102_000), 0);
});

test("a site with two identities at one address keeps no connections", () => {
  const slots = new Slots(OPTIONS);
  assert.equal(slots.place("a", [place("a.example"), place("b.example")], 0), NO_SLOT);
});

test("memory follows the sites", () => {
  const slots = new Slots(OPTIONS);
  for (let n = 0; n < 100; n++) slots.place("a", [place("a.example", `192.0.2.${n}:443`)], n);
  slots.confirmed("a", slots.turn, 100);
  slots.sweep(1099);
  assert.equal(slots.size, 100);
  slots.sweep(1100);
  assert.equal(slots.size, 1);
});

test("the first at an address has slot 0 and keeps it; whoever comes later has another, until the first's connections are gone", () => {
  const slots = new Slots({ slots: 3, connectionMsMax: 1000, zeroFirst: true });
  const of = (site: string, where = at): Place => ({ at: where, identity: site });
  assert.equal(slots.place("first", [of("first")], 0), 0);
  const second = slots.place("second", [of("second")], 0);
  assert.ok(second > 0);
  assert.equal(slots.place("first", [of("first")], 0), 0, "the first need not move");
  assert.equal(slots.place("elsewhere", [of("elsewhere", "192.0.2.2:80")], 0), 0);
  const third = slots.place("third", [of("third")], 0);
  assert.deepEqual([second, third].toSorted(), [1, 2]);
  assert.equal(slots.place("fourth", [of("fourth")], 0), NO_SLOT);
  slots.place("first", [], 100);
  assert.equal(
    slots.place("fourth", [of("fourth")], 100),
    NO_SLOT,
    "nginx may not know yet that the first left",
  );
  slots.confirmed("first", slots.turn, 200);
  assert.equal(slots.place("fourth", [of("fourth")], 1199), NO_SLOT, "connections of the first may be left");
  assert.equal(slots.place("fourth", [of("fourth")], 1200), 0);
  assert.equal(slots.place("second", [of("second")], 1200), second, "who has a slot stays");
});

test("a site with several addresses has slot 0 only where it is alone at every one of them", () => {
  const slots = new Slots({ slots: 3, connectionMsMax: 1000, zeroFirst: true });
  const of = (site: string, ...where: string[]): Place[] => where.map((one) => ({ at: one, identity: site }));
  assert.equal(slots.place("a", of("a", "x"), 0), 0);
  assert.ok(slots.place("b", of("b", "y", "x"), 0) > 0);
  assert.equal(slots.place("c", of("c", "y"), 0), 0, "b is at y in another slot");
  assert.ok(slots.place("a", of("a", "x", "y"), 0) > 0, "c was first at y");
});

/**
 * The property that tenants' safety stands on. A model of nginx: each feed that is confirmed replaces what all workers hold of a site, until then a
 * worker may hold any state since the last confirmed one; every identity in use may open a connection into (slot, address) at any moment, and
 * it lives for `connectionMsMax`. No other identity may ever use that place before.
 */
for (const zeroFirst of [false, true])
  test(`no two identities ever share a slot and an address, nor within a connection's life after one left${zeroFirst ? ", nor two sites over plain HTTP" : ""}`, () => {
    const step = fc.record({
      site: fc.constantFrom("s1", "s2", "s3", "s4"),
      places: fc.array(
        fc.record({ at: fc.constantFrom("x", "y", "z"), identity: fc.constantFrom("A", "B", "C") }),
        { maxLength: 3 },
      ),
      /** Confirms what stood this many steps of the site ago; beyond what is known, nothing is confirmed. */
      confirm: fc.integer({ min: 0, max: 4 }),
      passMs: fc.integer({ min: 0, max: 1500 }),
    });
    fc.assert(
      fc.property(fc.array(step, { maxLength: 60 }), (steps) => {
        const slots = new Slots({ slots: zeroFirst ? 3 : 2, connectionMsMax: 1000, zeroFirst });
        /** What workers may hold: states of each site since the last confirmed one. */
        const states = new Map<string, { slot: number; places: readonly Place[]; turn: number }[]>();
        /** "slot at" → identity → when its youngest connection was opened. */
        const opened = new Map<string, Map<string, number>>();
        let now = 0;
        for (const { site, places: drawn, confirm, passMs } of steps) {
          // Over plain HTTP the site is the identity.
          const places = zeroFirst ? drawn.map(({ at: where }) => ({ at: where, identity: site })) : drawn;
          const slot = slots.place(site, places, now);
          const held = [...(states.get(site) ?? []), { slot, places, turn: slots.turn }];
          states.set(site, held);
          use();
          now += passMs;
          use();
          const confirmed = held.at(-1 - confirm);
          if (confirmed !== undefined) {
            slots.confirmed(site, confirmed.turn, now);
            states.set(site, held.slice(held.indexOf(confirmed)));
          }
          slots.sweep(now);
          use();
        }
        /** Everything that workers may do right now: each state uses, and so opens, connections at its places. */
        function use(): void {
          for (const list of states.values()) {
            for (const state of list) {
              if (state.slot === NO_SLOT) continue;
              for (const { at: where, identity } of state.places) {
                const key = `${state.slot} ${where}`;
                const others = opened.get(key) ?? new Map<string, number>();
                for (const [other, since] of others) {
                  if (other !== identity && now - since < 1000)
                    assert.fail(`${identity} rides on ${other} at ${key}`);
                }
                others.set(identity, now);
                opened.set(key, others);
              }
            }
          }
        }
      }),
      { numRuns: 2000 },
    );
  });
