/** Full TLS handshakes of one client are bounded before the signature; others, resumed sessions and this machine itself are not. */
import assert from "node:assert/strict";
import { connect as connectPlain } from "node:net";
import { connect, type TLSSocket } from "node:tls";
import { after, before, test } from "node:test";
import { openOrigin, openStage, policyFor, type Origin, type Stage } from "./edge-stage.ts";
import { certificateFor, giveCertificate, newIssuer } from "./tls-stage.ts";

const HOST = "forum.example";
const ENOUGH = 4000;
let stage: Stage;
let origin: Origin;

before(async () => {
  origin = await openOrigin();
  stage = await openStage({ listenTls: "127.0.0.1:0" });
  const policy = policyFor(origin.port, { hostnames: [HOST] });
  await stage.apply(policy);
  await giveCertificate(stage, certificateFor(policy.siteId, [HOST], newIssuer().issue([HOST])));
});
after(async () => {
  await stage.end();
  await origin.end();
});

/** Whether a full handshake is completed. */
function shakesHands(localAddress: string): Promise<boolean> {
  const [host = "", port] = (stage.node.tlsAddress ?? "").split(":");
  return new Promise((resolve) => {
    const plain = connectPlain({ host, port: Number(port), localAddress });
    plain.once("error", () => resolve(false));
    const socket: TLSSocket = connect({ socket: plain, servername: HOST, rejectUnauthorized: false });
    socket.once("error", () => resolve(false));
    socket.once("close", () => resolve(false));
    socket.once("secureConnect", () => {
      resolve(true);
      socket.destroy();
    });
  });
}

test("who opens one after the other is refused after its allowance, and nobody else", async () => {
  let made = 0;
  let refused = 0;
  const lane = async (): Promise<void> => {
    while (refused === 0 && made < ENOUGH) {
      if (await shakesHands("127.0.51.1")) made += 1;
      else refused += 1;
    }
  };
  await Promise.all(Array.from({ length: 8 }, lane));
  assert.ok(refused > 0 && made >= 500, `${made} were made`);
  assert.equal(await shakesHands("127.0.51.2"), true);
  assert.equal(await shakesHands("127.0.0.1"), true);
});
