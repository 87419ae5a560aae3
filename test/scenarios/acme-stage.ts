/**
 * A certificate authority for scenarios: Debian's `pebble`, behind a small front that speaks TLS, counts what is asked and can be
 * told to refuse; a DNS server that answers every name with the loopback and hands one zone on to a name server; all on free ports,
 * all ended by `end`. The front passes Host on, so that pebble's own addresses and signatures lead through it.
 */
import { execFileSync, spawn, type ChildProcess } from "node:child_process";
import { createSocket, type Socket } from "node:dgram";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { createServer as createHttpsServer, request as httpsRequest } from "node:https";
import type { IncomingMessage, ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import dnsPacket from "dns-packet";
import { freePort } from "../../src/node/free-port.ts";
import { until } from "./edge-stage.ts";

export type Refusal = {
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string;
};

export type AcmeStage = {
  readonly directory: string;
  /** PEM file of the authority of the directory's own certificate. */
  readonly caFile: string;
  /** What issued certificates are verified against. */
  readonly rootPem: string;
  readonly dnsAddress: string;
  /** Requests by the last word of their path, in order: "dir", "sign-me-up", "order-plz", "chalZ", … */
  readonly asked: string[];
  /** Orders that the authority made: a request with a stale nonce makes none. */
  readonly made: { orders: number };
  /** Called for each request; what it returns is answered in pebble's place. */
  refuse: ((path: string) => Refusal | null) | null;
  /** Called when pebble has answered, before the answer goes on; false drops the connection instead. */
  deliver: ((path: string) => boolean) | null;
  readonly dns: {
    /** Names below `zone` are asked of `server`, a port on the loopback. */
    forward: { readonly zone: string; readonly port: number } | null;
    readonly cnames: Map<string, string>;
    /** Names that do not exist. */
    readonly nowhere: Set<string>;
    readonly txt: Map<string, string[]>;
  };
  end(): Promise<void>;
};

export async function openAcme(options: {
  /** Where the authority looks for proofs over HTTP. */
  readonly httpPort: number;
  readonly externalAccount?: { readonly keyId: string; readonly macKey: string };
}): Promise<AcmeStage> {
  const dir = mkdtempSync(join(tmpdir(), "parapet-acme-"));
  makeCertificates(dir);
  const [pebblePort, managePort] = [await freePort(), await freePort()];
  const dns: AcmeStage["dns"] = { forward: null, cnames: new Map(), nowhere: new Set(), txt: new Map() };
  const dnsServer = await openDns(dns);
  writeFileSync(
    join(dir, "pebble.json"),
    JSON.stringify({
      pebble: {
        listenAddress: `127.0.0.1:${pebblePort}`,
        managementListenAddress: `127.0.0.1:${managePort}`,
        certificate: join(dir, "front.pem"),
        privateKey: join(dir, "front.key"),
        httpPort: options.httpPort,
        tlsPort: 1,
        externalAccountBindingRequired: options.externalAccount !== undefined,
        externalAccountMACKeys:
          options.externalAccount === undefined
            ? {}
            : { [options.externalAccount.keyId]: options.externalAccount.macKey },
      },
    }),
  );
  const pebble = spawn("pebble", ["-config", join(dir, "pebble.json"), "-dnsserver", dnsServer.address], {
    stdio: ["ignore", "pipe", "pipe"],
    env: {
      PATH: process.env["PATH"],
      PEBBLE_VA_NOSLEEP: "1",
      PEBBLE_WFE_NONCEREJECT: "15",
      PEBBLE_AUTHZREUSE: "0",
    },
  });
  const said: string[] = [];
  for (const stream of [pebble.stdout, pebble.stderr]) {
    stream.on("data", (part: Buffer) => said.push(part.toString("utf8")));
  }
  const ca = readFileSync(join(dir, "ca.pem"), "utf8");
  const front = createHttpsServer(
    { key: readFileSync(join(dir, "front.key")), cert: readFileSync(join(dir, "front.pem")) },
    (asked, answer) => pass(stage, { asked, answer, ca, pebblePort }),
  );
  const end = async (): Promise<void> => {
    front.closeAllConnections();
    await new Promise((resolve) => front.close(resolve));
    dnsServer.end();
    await endChild(pebble);
    rmSync(dir, { recursive: true, force: true });
  };
  try {
    await new Promise<void>((resolve, reject) => {
      front.once("error", reject);
      front.listen(0, "127.0.0.1", resolve);
    });
    await until(async () => {
      if (pebble.exitCode !== null) throw new Error(`pebble ended: ${said.join("")}`);
      return (await get(`https://127.0.0.1:${managePort}/roots/0`, ca).catch(() => "")) !== "";
    }, 20_000);
  } catch (cause) {
    await end();
    throw cause;
  }
  const stage: Omit<AcmeStage, "end"> = {
    directory: `https://127.0.0.1:${(front.address() as AddressInfo).port}/dir`,
    caFile: join(dir, "ca.pem"),
    rootPem: await get(`https://127.0.0.1:${managePort}/roots/0`, ca),
    dnsAddress: dnsServer.address,
    asked: [],
    made: { orders: 0 },
    refuse: null,
    deliver: null,
    dns,
  };
  return Object.assign(stage, { end });
}

function pass(
  stage: Omit<AcmeStage, "end">,
  given: {
    readonly asked: IncomingMessage;
    readonly answer: ServerResponse;
    readonly ca: string;
    readonly pebblePort: number;
  },
): void {
  const { asked, answer } = given;
  const path = (asked.url ?? "").split("/")[1] ?? "";
  stage.asked.push(path);
  const refusal = stage.refuse?.(path) ?? null;
  if (refusal !== null) {
    asked.resume();
    answer.writeHead(refusal.status, refusal.headers).end(refusal.body);
    return;
  }
  const forward = httpsRequest(
    {
      host: "127.0.0.1",
      port: given.pebblePort,
      path: asked.url,
      method: asked.method,
      headers: asked.headers,
      ca: given.ca,
      agent: false,
    },
    (got) => {
      if (path === "order-plz" && got.statusCode === 201) stage.made.orders += 1;
      if (stage.deliver?.(path) === false) {
        got.resume();
        asked.socket.destroy();
        return;
      }
      answer.writeHead(got.statusCode ?? 502, got.headers);
      got.pipe(answer);
    },
  );
  forward.on("error", () => answer.destroy());
  asked.pipe(forward);
}

/** One authority for the front and for pebble's own listeners; all by openssl, as an operator would. */
function makeCertificates(dir: string): void {
  const openssl = (...args: string[]): void =>
    void execFileSync("openssl", args, { cwd: dir, stdio: "pipe" });
  const ec = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes"];
  openssl(
    "req",
    "-x509",
    ...ec,
    "-keyout",
    "ca.key",
    "-out",
    "ca.pem",
    "-days",
    "30",
    "-subj",
    "/CN=Test authority of the directory",
  );
  openssl("req", ...ec, "-keyout", "front.key", "-out", "front.csr", "-subj", "/CN=front");
  writeFileSync(
    join(dir, "front.ext"),
    "subjectAltName=IP:127.0.0.1,DNS:localhost\nextendedKeyUsage=serverAuth\n",
  );
  openssl(
    "x509",
    "-req",
    "-in",
    "front.csr",
    "-CA",
    "ca.pem",
    "-CAkey",
    "ca.key",
    "-CAcreateserial",
    "-days",
    "30",
    "-extfile",
    "front.ext",
    "-out",
    "front.pem",
  );
}

type SmallDns = { readonly address: string; end(): void };

/** Answers over UDP: A is the loopback, AAAA nothing, TXT and CNAME what the tables say. */
async function openDns(tables: AcmeStage["dns"]): Promise<SmallDns> {
  const socket = createSocket("udp4");
  const relays = new Set<Socket>();
  socket.on("message", (message, from) => {
    const query = dnsPacket.decode(message);
    const [question] = query.questions ?? [];
    if (question === undefined) return;
    const name = question.name.toLowerCase();
    const { forward } = tables;
    if (forward !== null && (name === forward.zone || name.endsWith(`.${forward.zone}`))) {
      const relay = createSocket("udp4");
      relays.add(relay);
      relay.on("message", (answer) => {
        socket.send(answer, from.port, from.address);
        relays.delete(relay);
        relay.close();
      });
      relay.send(message, forward.port, "127.0.0.1");
      return;
    }
    socket.send(
      dnsPacket.encode(answerTo(tables, { query, name, type: question.type })),
      from.port,
      from.address,
    );
  });
  await new Promise<void>((resolve) => socket.bind(0, "127.0.0.1", resolve));
  return {
    address: `127.0.0.1:${socket.address().port}`,
    end() {
      for (const relay of relays) relay.close();
      socket.close();
    },
  };
}

function answerTo(
  tables: AcmeStage["dns"],
  asked: { readonly query: dnsPacket.Packet; readonly name: string; readonly type: string },
): dnsPacket.Packet {
  const answers: dnsPacket.Answer[] = [];
  let { name } = asked;
  const cname = tables.cnames.get(name);
  if (cname !== undefined) {
    answers.push({ type: "CNAME", name, ttl: 1, data: cname });
    name = cname;
  }
  if (asked.type === "A" && !tables.nowhere.has(name))
    answers.push({ type: "A", name, ttl: 1, data: "127.0.0.1" });
  if (asked.type === "TXT") {
    for (const value of tables.txt.get(name) ?? []) answers.push({ type: "TXT", name, ttl: 1, data: value });
  }
  return {
    type: "response",
    id: asked.query.id ?? 0,
    flags: dnsPacket.AUTHORITATIVE_ANSWER | dnsPacket.RECURSION_DESIRED | dnsPacket.RECURSION_AVAILABLE,
    questions: asked.query.questions ?? [],
    answers,
  };
}

export function get(url: string, ca: string): Promise<string> {
  return new Promise((resolve, reject) => {
    const asking = httpsRequest(url, { ca, agent: false }, (answer) => {
      const parts: Buffer[] = [];
      answer.on("data", (part: Buffer) => parts.push(part));
      answer.on("end", () => resolve(Buffer.concat(parts).toString("utf8")));
    });
    asking.on("error", reject);
    asking.end();
  });
}

export async function endChild(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  const gone = new Promise((resolve) => child.once("exit", resolve));
  child.kill("SIGKILL");
  await gone;
}
