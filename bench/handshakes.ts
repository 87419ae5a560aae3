/**
 * Full TLS handshakes, one connection after the other on each of a few lanes, never resumed. Runs as a process of its own:
 * `node handshakes.ts PORT SERVERNAME SECONDS` prints how many were completed.
 */
import { connect as connectPlain } from "node:net";
import { connect } from "node:tls";

const [port = "", servername = "", seconds = ""] = process.argv.slice(2);
const LANES = 8;
/** Clients that take turns: no edge lets one alone do all this. */
const CLIENTS = 250;
const endAt = Date.now() + Number(seconds) * 1000;
let done = 0;
let asked = 0;

function once(): Promise<void> {
  return new Promise((resolve, reject) => {
    asked += 1;
    const plain = connectPlain({
      host: "127.0.0.1",
      port: Number(port),
      localAddress: `127.0.9.${1 + (asked % CLIENTS)}`,
    });
    plain.once("error", reject);
    // The certificate is the bench's own: who it is from is not what is measured.
    const socket = connect({ socket: plain, servername, rejectUnauthorized: false });
    socket.once("error", reject);
    socket.once("secureConnect", () => {
      done += 1;
      socket.once("close", () => resolve());
      socket.destroy();
    });
  });
}

async function lane(): Promise<void> {
  while (Date.now() < endAt) await once();
}

await Promise.all(Array.from({ length: LANES }, lane));
process.stdout.write(`${done}\n`);
