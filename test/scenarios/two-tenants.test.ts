/**
 * Two tenants whose origins share an address and a port: nginx pools connections by address alone, so without slots one tenant's request
 * rides on a connection that was opened, and verified, for the other. Here it never does, in any order, with warm pools, through changes of
 * policy, with verification off beside strict, with two client certificates; over plain HTTP no origin's unasked answer comes to a
 * neighbour. Tests that take the slots away see both leaks.
 */
import assert from "node:assert/strict";
import { randomBytes } from "node:crypto";
import { after, before, describe, test } from "node:test";
import { newId, type CertificateId, type SiteId } from "../../src/contract/ids.ts";
import { singleOrigin, type OriginPool } from "../../src/contract/origin-pool.ts";
import type { SitePolicy } from "../../src/contract/policy.ts";
import { saveOriginClient } from "../../src/node/origin-client.ts";
import { newSiteId, openStage, policyFor, type Stage } from "./edge-stage.ts";
import { answerPlainly, openRawOrigin, type RawOrigin } from "./raw-origin.ts";
import { newAuthority, openTlsOrigin, type Authority, type TlsOrigin } from "./tls-origins.ts";

/** nginx spreads requests over its workers: enough of them that each worker's pool is warm. */
const TIMES = 12;
let authority: Authority;
let strangers: Authority;

function tlsPolicy(
  host: string,
  port: number,
  changes: { siteId: SiteId; tls?: Partial<OriginPool["tls"]>; hostHeader?: string },
): SitePolicy {
  const origin = singleOrigin("https", "127.0.0.1", port, changes.hostHeader ?? null);
  return policyFor(port, {
    siteId: changes.siteId,
    hostnames: [host],
    origin: { ...origin, tls: { ...origin.tls, name: host, ...changes.tls } },
  });
}

async function mustApply(stage: Stage, policy: SitePolicy): Promise<void> {
  const ack = await stage.apply(policy);
  assert.equal(ack.ok, true, ack.ok ? "" : ack.why);
}

async function statuses(stage: Stage, host: string): Promise<number[]> {
  const seen = new Set<number>();
  for (let n = 0; n < TIMES; n++) seen.add((await stage.send({ host })).status);
  return [...seen];
}

before(() => {
  authority = newAuthority();
  strangers = newAuthority();
});
after(() => {
  authority.end();
  strangers.end();
});

describe("two tenants at one address", () => {
  let stage: Stage;
  let origin: TlsOrigin;
  const good = newSiteId();
  const bad = newSiteId();

  before(async () => {
    stage = await openStage({ originCaFile: authority.caFile });
    origin = await openTlsOrigin({
      certificates: {
        "good.example": authority.issue("good.example"),
        "other.example": authority.issue("other.example"),
        "bad.example": strangers.issue("bad.example"),
      },
      clientCaPem: authority.caPem,
    });
  });
  after(async () => {
    await origin.end();
    await stage.end();
  });

  test("the one whose origin does not verify is never answered by it, whoever came first", async () => {
    await mustApply(stage, tlsPolicy("bad.example", origin.port, { siteId: bad }));
    assert.deepEqual(await statuses(stage, "bad.example"), [502], "cold");
    await mustApply(stage, tlsPolicy("good.example", origin.port, { siteId: good }));
    assert.deepEqual(await statuses(stage, "good.example"), [200]);
    assert.deepEqual(await statuses(stage, "bad.example"), [502], "with the other's connections warm");
    const before = origin.requests.length;
    assert.deepEqual(await statuses(stage, "bad.example"), [502]);
    assert.equal(origin.requests.length, before, "no request of it reached the origin");
    assert.ok(origin.requests.every(({ host, sni }) => host === sni));
  });

  test("kept connections are really used", async () => {
    const before = new Set(origin.requests.map(({ connection }) => connection)).size;
    assert.deepEqual(await statuses(stage, "good.example"), [200]);
    const opened = new Set(origin.requests.map(({ connection }) => connection)).size - before;
    assert.ok(opened <= 2, `${opened} connections for ${TIMES} requests in warm pools`);
  });

  test("after names were swapped between the two by policy, nothing of the old pools is used", async () => {
    for (let round = 0; round < 3; round++) {
      const [first, second] =
        round % 2 === 0 ? ["bad.example", "good.example"] : ["good.example", "bad.example"];
      await mustApply(
        stage,
        tlsPolicy("good.example", origin.port, { siteId: good, tls: { name: first! }, hostHeader: first! }),
      );
      await mustApply(
        stage,
        tlsPolicy("bad.example", origin.port, { siteId: bad, tls: { name: second! }, hostHeader: second! }),
      );
      assert.deepEqual(await statuses(stage, "good.example"), [first === "bad.example" ? 502 : 200]);
      assert.deepEqual(await statuses(stage, "bad.example"), [second === "bad.example" ? 502 : 200]);
    }
    assert.ok(origin.requests.every(({ host, sni }) => host === sni && host !== "bad.example"));
  });

  test("a connection that nobody verified is not used for a strict site, nor the other way round", async () => {
    const lax = newSiteId();
    await mustApply(
      stage,
      tlsPolicy("lax.example", origin.port, {
        siteId: lax,
        tls: { name: "bad.example", verify: "off" },
        hostHeader: "bad.example",
      }),
    );
    await mustApply(stage, tlsPolicy("bad.example", origin.port, { siteId: bad }));
    assert.deepEqual(await statuses(stage, "lax.example"), [200]);
    assert.deepEqual(await statuses(stage, "bad.example"), [502]);
    // The same site turns strict, and off again.
    for (const [verify, status] of [
      ["strict", 502],
      ["off", 200],
      ["strict", 502],
    ] as const) {
      await mustApply(
        stage,
        tlsPolicy("lax.example", origin.port, {
          siteId: lax,
          tls: { name: "bad.example", verify },
          hostHeader: "bad.example",
        }),
      );
      assert.deepEqual(await statuses(stage, "lax.example"), [status], verify);
    }
  });

  test("each tenant shows its own client certificate, and one without shows none", async () => {
    const ids = [newSiteId(), newSiteId(), newSiteId()] as const;
    const certificates = [
      clientCertificate(ids[0], "client one"),
      clientCertificate(ids[1], "client two"),
      null,
    ];
    for (const [i, siteId] of ids.entries()) {
      await mustApply(
        stage,
        tlsPolicy(`client${i}.example`, origin.port, {
          siteId,
          tls: { name: "other.example", clientCertificateId: certificates[i] ?? null },
          hostHeader: `client${i}.example`,
        }),
      );
    }
    const from = origin.requests.length;
    for (let n = 0; n < TIMES; n++) {
      for (const i of [0, 1, 2]) assert.equal((await stage.send({ host: `client${i}.example` })).status, 200);
    }
    const seen = new Set(origin.requests.slice(from).map(({ host, client }) => `${host} ${client}`));
    assert.deepEqual([...seen].toSorted(), [
      "client0.example client one",
      "client1.example client two",
      "client2.example ",
    ]);
  });

  test("a certificate of another tenant is not shown, even if a policy names it", async () => {
    const owner = newSiteId();
    const thief = newSiteId();
    const certificateId = clientCertificate(owner, "client three");
    const policy = (host: string, siteId: SiteId): SitePolicy =>
      tlsPolicy(host, origin.port, {
        siteId,
        tls: { name: "other.example", clientCertificateId: certificateId },
        hostHeader: host,
      });
    await mustApply(stage, policy("owner.example", owner));
    await mustApply(stage, policy("thief.example", thief));
    assert.deepEqual(await statuses(stage, "owner.example"), [200]);
    assert.deepEqual(await statuses(stage, "thief.example"), [200]);
    const seen = (host: string): Set<string> =>
      new Set(origin.requests.filter((one) => one.host === host).map(({ client }) => client));
    assert.deepEqual([...seen("owner.example")], ["client three"]);
    assert.deepEqual([...seen("thief.example")], [""]);
  });

  test("a body that came while the policy changed goes where the new policy says, over a connection of its own", async () => {
    const mover = newSiteId();
    await mustApply(
      stage,
      tlsPolicy("mover.example", origin.port, { siteId: mover, tls: { name: "other.example" } }),
    );
    assert.deepEqual(await statuses(stage, "mover.example"), [200]);
    const answers = [...Array(4)].map(() => slowPost(stage, "mover.example"));
    const posts = await Promise.all(answers);
    await mustApply(
      stage,
      tlsPolicy("mover.example", origin.port, { siteId: mover, tls: { name: "bad.example" } }),
    );
    for (const { finish } of posts) assert.equal(await finish(), 502);
    assert.ok(!origin.requests.some(({ host, sni }) => host === "mover.example" && sni === "bad.example"));
  });

  function clientCertificate(siteId: SiteId, name: string): CertificateId {
    const certificateId = newId<CertificateId>("cert", (n) => randomBytes(n));
    saveOriginClient(`${stage.dataDir}/edge`, {
      certificateId,
      siteId,
      hostnames: ["any.example"],
      ...authority.issue(name),
    });
    return certificateId;
  }
});

test("more identities at one address than there are slots: each still meets its own certificate alone", async () => {
  const stage = await openStage({ originCaFile: authority.caFile });
  const good = authority.issue("good.example");
  const stolen = strangers.issue("bad.example");
  const certificates: Record<string, typeof good> = { "good.example": good };
  for (let n = 0; n < 70; n++) certificates[`bad${n}.example`] = stolen;
  const origin = await openTlsOrigin({ certificates });
  try {
    await mustApply(stage, tlsPolicy("good.example", origin.port, { siteId: newSiteId() }));
    assert.deepEqual(await statuses(stage, "good.example"), [200]);
    await Promise.all(
      [...Array(70)].map((_, n) =>
        mustApply(stage, tlsPolicy(`bad${n}.example`, origin.port, { siteId: newSiteId() })),
      ),
    );
    for (let n = 0; n < 70; n++) {
      for (let k = 0; k < 2; k++)
        assert.equal((await stage.send({ host: `bad${n}.example` })).status, 502, `bad${n}.example`);
    }
    assert.ok(origin.requests.every(({ host }) => host === "good.example"));
  } finally {
    await origin.end();
    await stage.end();
  }
});

test("with every site forced into one slot the leak is there: the tests above can fail", async () => {
  const stage = await openStage({ originCaFile: authority.caFile, slotForced: 0 });
  const origin = await openTlsOrigin({
    certificates: {
      "good.example": authority.issue("good.example"),
      "bad.example": strangers.issue("bad.example"),
    },
  });
  try {
    await mustApply(stage, tlsPolicy("bad.example", origin.port, { siteId: newSiteId() }));
    assert.deepEqual(await statuses(stage, "bad.example"), [502], "cold");
    await mustApply(stage, tlsPolicy("good.example", origin.port, { siteId: newSiteId() }));
    assert.deepEqual(await statuses(stage, "good.example"), [200]);
    const seen = await statuses(stage, "bad.example");
    assert.ok(seen.includes(200), `bad.example was answered with ${seen.join()} only`);
    assert.ok(origin.requests.some(({ host, sni }) => host === "bad.example" && sni === "good.example"));
  } finally {
    await origin.end();
    await stage.end();
  }
});

const EVIL = "HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nEVIL";

/** Which hosts each connection to an origin carried. */
type Tangled = RawOrigin & { readonly hosts: Map<number, Set<string>> };

/**
 * An origin that answers as it should, and that says one answer too many on every connection that carried a request of `evil.example`: when
 * the next request has come, so that no proxy can see that it was not asked for.
 */
async function openTangledOrigin(): Promise<Tangled> {
  const hosts = new Map<number, Set<string>>();
  const origin = await openRawOrigin((request, socket) => {
    const host = request.fields.find(([name]) => name.toLowerCase() === "host")?.[1] ?? "";
    const seen = hosts.get(request.connection) ?? new Set<string>();
    if (seen.has("evil.example") && host !== "evil.example") socket.write(EVIL);
    hosts.set(request.connection, seen.add(host));
    answerPlainly(request, socket);
  });
  return Object.assign(origin, { hosts });
}

/** Warms every pool with the one, and hears what the other gets: by GET, for a file, and with a body whose length is not announced. */
async function heardBetween(stage: Stage): Promise<string[]> {
  const bodies = new Set<string>();
  for (let n = 0; n < TIMES; n++) {
    for (const host of ["evil.example", "neighbour.example"]) {
      const answers = [
        await stage.send({ host, path: `/page` }),
        await stage.send({ host, path: `/file-${n}.css` }),
        await stage.send({
          host,
          path: "/post",
          method: "POST",
          headers: { "transfer-encoding": "chunked" },
          body: "x",
        }),
      ];
      if (host === "neighbour.example") {
        for (const { status, body } of answers) bodies.add(`${status} ${body.replace(/-\d+/, "")}`);
      }
    }
  }
  return [...bodies].toSorted();
}

const OWN_ANSWERS = [
  "200 origin heard GET /file.css",
  "200 origin heard GET /page",
  "200 origin heard POST /post",
];

function assertApart(origin: Tangled): void {
  for (const [connection, seen] of origin.hosts) {
    assert.equal(seen.size, 1, `connection ${connection} carried ${[...seen].join(" and ")}`);
  }
}

describe("two tenants at one address over plain HTTP", () => {
  let stage: Stage;
  let origin: Tangled;
  let elsewhere: Tangled;
  const evil = newSiteId();
  const neighbour = newSiteId();
  const at = (siteId: SiteId, host: string, port: number, changes: Partial<SitePolicy> = {}): SitePolicy =>
    policyFor(port, { siteId, hostnames: [host], ...changes });

  before(async () => {
    stage = await openStage();
    origin = await openTangledOrigin();
    elsewhere = await openTangledOrigin();
  });
  after(async () => {
    await origin.end();
    await elsewhere.end();
    await stage.end();
  });

  const arrangements: Record<string, () => Promise<void>> = {
    "the evil one came first": async () => {
      await mustApply(stage, at(evil, "evil.example", origin.port));
      for (let n = 0; n < TIMES; n++) await stage.send({ host: "evil.example" });
      await mustApply(stage, at(neighbour, "neighbour.example", origin.port));
    },
    "the evil one left, and its connections may still be there": async () => {
      await mustApply(stage, at(evil, "evil.example", elsewhere.port));
    },
    "it came back, after the neighbour": async () => {
      await mustApply(stage, at(evil, "evil.example", origin.port));
    },
    "the neighbour moved to where the evil one was alone": async () => {
      await mustApply(stage, at(evil, "evil.example", elsewhere.port));
      for (let n = 0; n < TIMES; n++) await stage.send({ host: "evil.example" });
      await mustApply(stage, at(neighbour, "neighbour.example", elsewhere.port));
    },
    "the neighbour has fields of its own": async () => {
      const policy = at(neighbour, "neighbour.example", elsewhere.port);
      await mustApply(stage, {
        ...policy,
        rules: {
          ...policy.rules,
          headers: [{ on: "response", name: "X-Own", action: "set", value: "yes" }],
        },
      });
    },
  };
  for (const [name, arrange] of Object.entries(arrangements)) {
    test(`an answer that nobody asked for goes to nobody else: ${name}`, async () => {
      await arrange();
      assert.deepEqual(await heardBetween(stage), OWN_ANSWERS);
      assertApart(origin);
      assertApart(elsewhere);
    });
  }

  test("both keep their connections", () => {
    const carried = [...origin.hosts.values(), ...elsewhere.hosts.values()];
    for (const host of ["evil.example", "neighbour.example"]) {
      const connections = carried.filter((seen) => seen.has(host)).length;
      const requests = [...origin.requests, ...elsewhere.requests].filter(({ head }) =>
        head.includes(`Host: ${host}\r\n`),
      ).length;
      assert.ok(connections > 0 && connections * 2 < requests, `${host}: ${connections} for ${requests}`);
    }
  });

  test("more sites at one address than there are slots: each connection still carries one alone", async () => {
    const many = [...Array(70)].map((_, n) => `many${n}.example`);
    await Promise.all(many.map((host) => mustApply(stage, at(newSiteId(), host, origin.port))));
    for (const host of [...many, ...many]) assert.equal((await stage.send({ host })).status, 200, host);
    assertApart(origin);
  });
});

test("a body that came while a neighbour came and went is not sent where its site's connections lay before", async () => {
  const stage = await openStage({ workers: 1 });
  const origin = await openTangledOrigin();
  const elsewhere = await openTangledOrigin();
  const mover = newSiteId();
  try {
    await mustApply(stage, policyFor(elsewhere.port, { hostnames: ["first.example"], siteId: newSiteId() }));
    await mustApply(stage, policyFor(origin.port, { hostnames: ["mover.example"], siteId: mover }));
    for (let n = 0; n < TIMES; n++) await stage.send({ host: "first.example" });
    const { finish } = await slowPost(stage, "mover.example");
    await mustApply(stage, policyFor(elsewhere.port, { hostnames: ["mover.example"], siteId: mover }));
    assert.equal(await finish(), 502, "its way is another one now");
    assertApart(elsewhere);
    assert.equal(origin.requests.length, 0, "nothing is sent to where the site was");
    assert.equal((await stage.send({ host: "mover.example" })).status, 200);
    assertApart(elsewhere);
  } finally {
    await origin.end();
    await elsewhere.end();
    await stage.end();
  }
});

test("with both plain sites forced into one slot the neighbour's visitor gets the answer: the tests above can fail", async () => {
  const stage = await openStage({ slotForced: 0 });
  const origin = await openTangledOrigin();
  try {
    for (const host of ["evil.example", "neighbour.example"]) {
      await mustApply(stage, policyFor(origin.port, { hostnames: [host], siteId: newSiteId() }));
    }
    const heard = await heardBetween(stage);
    assert.ok(heard.includes("200 EVIL"), heard.join());
    assert.throws(() => assertApart(origin));
  } finally {
    await origin.end();
    await stage.end();
  }
});

/** Sends a POST but for its last byte; `finish` sends that and resolves with the status. */
async function slowPost(stage: Stage, host: string): Promise<{ finish: () => Promise<number> }> {
  const { connect } = await import("node:net");
  const [address = "", port] = stage.node.address.split(":");
  const socket = connect(Number(port), address);
  await new Promise<void>((resolve, reject) => {
    socket.once("error", reject);
    socket.write(
      `POST /slow HTTP/1.1\r\nHost: ${host}\r\nContent-Length: 5\r\nConnection: close\r\n\r\nbody`,
      () => resolve(),
    );
  });
  // A plain answer behind it says that nginx has taken in what was sent before.
  await stage.send({ host: "nobody.example" });
  return {
    finish: () =>
      new Promise((resolve, reject) => {
        let text = "";
        socket.on("data", (part) => (text += part.toString("latin1")));
        socket.on("end", () => resolve(Number(text.split(" ")[1])));
        socket.on("error", reject);
        socket.write("!");
      }),
  };
}
