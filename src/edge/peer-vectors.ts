/** The choice of a server over several turns, as text, for the vectors that run under Node and under LuaJIT. Servers are named a, b, c … */
import { avoidPeer, choosePeer, type Peer } from "./peer-choice.ts";

/** Weights below zero are those of backups. */
function pool(weights: number[]): Peer[] {
  const peers: Peer[] = [];
  for (const weight of weights) {
    const address = "abcdefgh".charAt(peers.length);
    peers.push({
      address,
      port: 1,
      name: `${address}:1`,
      tlsName: "",
      weight: Math.abs(weight),
      backup: weight < 0,
      current: 0,
      avoidUntil: 0,
      failedAt: 0,
      failures: 0,
      trying: false,
    });
  }
  return peers;
}

/** Who is asked in so many turns with some servers avoided; "-" for nobody. */
export function peerTurns(weights: number[], avoided: string[], turns: number, tried: string): string {
  const peers = pool(weights);
  for (const peer of peers) if (avoided.includes(peer.address)) avoidPeer(peer, 100);
  let text = "";
  for (let n = 0; n < turns; n++) text += choosePeer(peers, 101, tried, 6)?.address ?? "-";
  return text;
}

/** Until when a server is avoided that fails at these times. */
export function peerAvoided(times: number[]): number[] {
  const [peer] = pool([1]);
  const until: number[] = [];
  for (const time of times) {
    avoidPeer(peer!, time);
    until.push(peer!.avoidUntil);
  }
  return until;
}

/** a fails at 100, is tried by one request alone at 105, and has its share again when that went well. */
export function peerComesBack(): string {
  const peers = pool([1, 1]);
  avoidPeer(peers[0]!, 100);
  let text = "";
  for (const now of [101, 104, 0, 105, 0, 106, 107, 110, 0, 112, 113]) {
    text += now === 0 ? " " : (choosePeer(peers, now, "", 6)?.address ?? "-");
  }
  return text;
}
