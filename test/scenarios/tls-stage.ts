/**
 * Certificates and visitors for scenarios of TLS at the edge: an authority of its own (openssl, in a fresh folder), certificates for any names and
 * days, and clients that say which certificate they were shown. Everything it starts it also ends.
 */
import { execFileSync } from "node:child_process";
import { randomBytes, X509Certificate } from "node:crypto";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import type { IncomingHttpHeaders } from "node:http";
import { connect as connectHttp2, type IncomingHttpStatusHeader, type OutgoingHttpHeaders } from "node:http2";
import { request } from "node:https";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { connect as connectTls, type ConnectionOptions, type TLSSocket } from "node:tls";
import type { Bus } from "../../src/bus/bus.ts";
import type { CertificateAck, EdgeCertificate } from "../../src/contract/certificate.ts";
import { newId, type CertificateId, type NodeId, type SiteId } from "../../src/contract/ids.ts";
import { certificateAckTopic, certificateTopic } from "../../src/contract/topics.ts";

export type Pair = { readonly chainPem: string; readonly keyPem: string };
export type Issuer = {
  readonly caPem: string;
  /** Days may be negative: then it has ended. */
  issue(names: readonly string[], options?: { readonly days?: number; readonly rsa?: boolean }): Pair;
  end(): void;
};

const DAY_MS = 86_400_000;

export function newIssuer(): Issuer {
  const dir = mkdtempSync(join(tmpdir(), "parapet-issuer-"));
  const run = (...args: string[]): void => void execFileSync("openssl", args, { stdio: "pipe", cwd: dir });
  const key = (file: string, rsa: boolean): void =>
    run(
      ...`genpkey -algorithm ${rsa ? "RSA -pkeyopt rsa_keygen_bits:2048" : "EC -pkeyopt ec_paramgen_curve:P-256"} -out ${file}`.split(
        " ",
      ),
    );
  const read = (file: string): string => readFileSync(join(dir, file), "utf8");
  key("ca.key", false);
  run(..."req -x509 -new -key ca.key -subj /CN=Issuer -days 30 -out ca.pem".split(" "));
  // "openssl ca" alone can set both dates.
  writeFileSync(join(dir, "index.txt"), "");
  writeFileSync(
    join(dir, "ca.conf"),
    "[ca]\ndefault_ca=own\n[own]\ndatabase=index.txt\nserial=serial\nnew_certs_dir=.\ncertificate=ca.pem\nprivate_key=ca.key\ndefault_md=sha256\npolicy=any\nunique_subject=no\n[any]\ncommonName=supplied\n",
  );
  writeFileSync(join(dir, "serial"), "1000\n");
  let count = 0;
  return {
    caPem: read("ca.pem"),
    issue(names, { days = 30, rsa = false } = {}) {
      count += 1;
      const file = `leaf-${count}`;
      key(`${file}.key`, rsa);
      run("req", "-new", "-key", `${file}.key`, "-subj", `/CN=leaf ${count}`, "-out", `${file}.csr`);
      writeFileSync(
        join(dir, `${file}.ext`),
        `basicConstraints=CA:FALSE\nsubjectAltName=${names.map((name) => `DNS:${name}`).join(",")}\n`,
      );
      const end = Date.now() + days * DAY_MS;
      run(
        ...`ca -config ca.conf -batch -notext -in ${file}.csr -extfile ${file}.ext -out ${file}.pem`.split(
          " ",
        ),
        ...`-startdate ${asn1(end - 60 * DAY_MS)} -enddate ${asn1(end)}`.split(" "),
      );
      return { chainPem: read(`${file}.pem`) + read("ca.pem"), keyPem: read(`${file}.key`) };
    },
    end: () => rmSync(dir, { recursive: true, force: true }),
  };
}

const asn1 = (ms: number): string => `${new Date(ms).toISOString().slice(0, 19).replace(/[-:T]/g, "")}Z`;

let nextVersion = 1;

export function certificateFor(
  siteId: SiteId,
  hostnames: readonly string[],
  pair: Pair,
  changes: Partial<EdgeCertificate> = {},
): EdgeCertificate {
  return {
    schema: 1,
    certificateId: newId<CertificateId>("cert", (n) => randomBytes(n)),
    siteId,
    kind: "server",
    version: nextVersion++,
    hostnames,
    ...pair,
    notAfterMs: new X509Certificate(pair.chainPem).validToDate.getTime(),
    ...changes,
  };
}

export const serialOf = (pair: Pair): string => new X509Certificate(pair.chainPem).serialNumber;

/** Publishes the certificate and resolves with this node's word on that version. */
export function giveCertificate(
  stage: { readonly bus: Bus; readonly options: { readonly nodeId: NodeId } },
  certificate: EdgeCertificate,
): Promise<CertificateAck> {
  const { bus, options } = stage;
  return new Promise((resolve, reject) => {
    const asked = Date.now();
    const late = setTimeout(() => {
      off();
      reject(new Error("The node said nothing within 15 s."));
    }, 15_000);
    const off = bus.subscribe(certificateAckTopic(options.nodeId, certificate.certificateId), ({ value }) => {
      const ack = value as CertificateAck;
      if (ack.version !== certificate.version || ack.atMs < asked) return;
      clearTimeout(late);
      setImmediate(() => off());
      resolve(ack);
    });
    void bus.publish(certificateTopic(certificate.certificateId), certificate, { keep: true });
  });
}

export type TlsAnswer = {
  readonly status: number;
  readonly headers: IncomingHttpHeaders;
  readonly body: string;
  /** Of the certificate that was shown. */
  readonly serial: string;
  readonly protocol: string;
};

export type TlsAsk = {
  readonly host: string;
  /** The name in SNI; the host when it is left out. */
  readonly sni?: string;
  readonly path?: string;
  readonly method?: string;
  readonly caPem?: string;
  readonly tls?: ConnectionOptions;
};

/** One request over HTTP/1.1 on a connection of its own. With `caPem` the certificate must be valid for the name in SNI. */
export function askTls(address: string, input: TlsAsk): Promise<TlsAnswer> {
  const [host, port] = address.split(":");
  return new Promise((resolve, reject) => {
    const asking = request(
      {
        host,
        port,
        servername: input.sni ?? input.host,
        path: input.path ?? "/",
        method: input.method ?? "GET",
        headers: { host: input.host },
        agent: false,
        rejectUnauthorized: input.caPem !== undefined,
        ca: input.caPem,
        ...input.tls,
      },
      (answer) => {
        const socket = answer.socket as TLSSocket;
        const serial = socket.getPeerX509Certificate()?.serialNumber ?? "";
        const protocol = socket.getProtocol() ?? "";
        const parts: Buffer[] = [];
        answer.on("data", (part: Buffer) => parts.push(part));
        answer.on("error", reject);
        answer.on("end", () =>
          resolve({
            status: answer.statusCode ?? 0,
            headers: answer.headers,
            body: Buffer.concat(parts).toString("utf8"),
            serial,
            protocol,
          }),
        );
      },
    );
    asking.on("error", reject);
    asking.end();
  });
}

/** Requests over one HTTP/2 connection, one after the other. */
export async function askHttp2(
  address: string,
  sni: string,
  heads: readonly OutgoingHttpHeaders[],
): Promise<{ status: number; headers: IncomingHttpHeaders; body: string }[]> {
  const session = connectHttp2(`https://${address}`, { servername: sni, rejectUnauthorized: false });
  const failed = new Promise<never>((_, reject) => session.on("error", reject));
  const answers: { status: number; headers: IncomingHttpHeaders; body: string }[] = [];
  try {
    for (const head of heads) {
      const stream = session.request(head);
      let headers: IncomingHttpHeaders & IncomingHttpStatusHeader = {};
      let body = "";
      stream.on("response", (got) => (headers = got));
      stream.setEncoding("utf8");
      stream.on("data", (text: string) => (body += text));
      const ended = new Promise<void>((resolve, reject) => stream.on("end", resolve).on("error", reject));
      stream.end();
      await Promise.race([ended, failed]);
      answers.push({ status: headers[":status"] ?? 0, headers, body });
    }
  } finally {
    session.destroy();
  }
  return answers;
}

/** A handshake alone: the certificate's serial number, or why there was none. */
export function shake(
  address: string,
  sni: string | undefined,
  options: ConnectionOptions = {},
): Promise<{ serial: string; resumed: boolean; session: Buffer } | { refused: string }> {
  const [host = "", port] = address.split(":");
  return new Promise((resolve) => {
    const socket = connectTls({
      host,
      port: Number(port),
      ...(sni === undefined ? {} : { servername: sni }),
      rejectUnauthorized: false,
      ...options,
    });
    let session: Buffer = Buffer.alloc(0);
    socket.on("error", (error) => {
      socket.destroy();
      resolve({ refused: String(error) });
    });
    socket.on("session", (ticket) => (session = ticket));
    socket.on("secureConnect", () => {
      const serial = socket.getPeerX509Certificate()?.serialNumber ?? "";
      const resumed = socket.isSessionReused();
      // TLS 1.3 sends tickets after the handshake: an answer comes after them.
      socket.on("data", () => undefined);
      socket.on("close", () => resolve({ serial, resumed, session }));
      socket.write(`GET / HTTP/1.1\r\nHost: ${sni ?? ""}\r\nConnection: close\r\n\r\n`);
    });
  });
}

/** A session that a client would resume. */
export function tlsSessionOf(address: string, servername: string): Promise<Buffer> {
  const [host = "", port = ""] = address.split(":");
  return new Promise((resolve, reject) => {
    const socket = connectTls({ host, port: Number(port), servername, rejectUnauthorized: false });
    socket.once("session", (session: Buffer) => {
      socket.destroy();
      resolve(session);
    });
    socket.on("error", reject);
  });
}

/** Whether the edge takes the session up again. */
export function resumesTls(address: string, servername: string, session: Buffer): Promise<boolean> {
  const [host = "", port = ""] = address.split(":");
  return new Promise((resolve, reject) => {
    const socket = connectTls({ host, port: Number(port), servername, rejectUnauthorized: false, session });
    socket.once("secureConnect", () => {
      resolve(socket.isSessionReused());
      socket.destroy();
    });
    socket.on("error", reject);
  });
}
