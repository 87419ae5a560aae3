/**
 * Origins that speak TLS, for scenarios: a small authority made anew for each test (openssl), certificates for any name, and servers that
 * remember what each request came with: the name in SNI, the client's certificate, and which connection it was.
 */
import { execFileSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { createServer, type Server } from "node:https";
import type { RequestListener } from "node:http";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createSecureContext, type TLSSocket } from "node:tls";

export type KeyPair = { readonly chainPem: string; readonly keyPem: string };
export type Authority = {
  readonly caFile: string;
  readonly caPem: string;
  issue(name: string): KeyPair;
  end(): void;
};

export function newAuthority(): Authority {
  const dir = mkdtempSync(join(tmpdir(), "parapet-ca-"));
  const run = (...args: string[]): void => void execFileSync("openssl", args, { stdio: "pipe", cwd: dir });
  const key = (file: string): void =>
    run("genpkey", "-algorithm", "EC", "-pkeyopt", "ec_paramgen_curve:P-256", "-out", file);
  key("ca.key");
  run(
    "req",
    "-x509",
    "-new",
    "-key",
    "ca.key",
    "-subj",
    "/CN=Test authority",
    "-days",
    "30",
    "-out",
    "ca.pem",
  );
  let serial = 0;
  return {
    caFile: join(dir, "ca.pem"),
    caPem: readFileSync(join(dir, "ca.pem"), "utf8"),
    issue(name) {
      serial += 1;
      const file = `leaf-${serial}`;
      key(`${file}.key`);
      run("req", "-new", "-key", `${file}.key`, "-subj", `/CN=${name}`, "-out", `${file}.csr`);
      writeFileSync(join(dir, `${file}.ext`), `subjectAltName=DNS:${name}\n`);
      run(
        ...`x509 -req -in ${file}.csr -CA ca.pem -CAkey ca.key -days 30`.split(" "),
        ...`-set_serial ${serial} -extfile ${file}.ext -out ${file}.pem`.split(" "),
      );
      return {
        chainPem: readFileSync(join(dir, `${file}.pem`), "utf8"),
        keyPem: readFileSync(join(dir, `${file}.key`), "utf8"),
      };
    },
    end: () => rmSync(dir, { recursive: true, force: true }),
  };
}

export type TlsOrigin = {
  readonly port: number;
  readonly requests: {
    readonly host: string;
    readonly url: string;
    /** The name in SNI of the connection that it came over. */
    readonly sni: string;
    /** Subject of the client's certificate, "" for none. */
    readonly client: string;
    readonly connection: number;
  }[];
  readonly server: Server;
  end(): Promise<void>;
};

/** A server that answers each name with its own certificate, and every request with who it thinks it talks to. */
export async function openTlsOrigin(options: {
  readonly certificates: Readonly<Record<string, KeyPair>>;
  /** Asks for a client certificate of this authority, and takes requests without one too. */
  readonly clientCaPem?: string;
  readonly listener?: RequestListener;
}): Promise<TlsOrigin> {
  const contexts = new Map(
    Object.entries(options.certificates).map(([name, { chainPem, keyPem }]) => [
      name,
      createSecureContext({ cert: chainPem, key: keyPem }),
    ]),
  );
  const [first] = Object.values(options.certificates);
  const requests: TlsOrigin["requests"] = [];
  const connections = new WeakMap<object, number>();
  let count = 0;
  const server = createServer(
    {
      cert: first?.chainPem,
      key: first?.keyPem,
      SNICallback: (name, done) => done(null, contexts.get(name)),
      ...(options.clientCaPem === undefined
        ? {}
        : { requestCert: true, rejectUnauthorized: false, ca: options.clientCaPem }),
    },
    (asked, answer) => {
      const socket = asked.socket as TLSSocket;
      const subject = socket.getPeerCertificate().subject as { CN?: string } | undefined;
      const connection = connections.get(socket) ?? ++count;
      connections.set(socket, connection);
      const sni = typeof socket.servername === "string" ? socket.servername : "";
      const client = subject?.CN ?? "";
      requests.push({ host: asked.headers.host ?? "", url: asked.url ?? "", sni, client, connection });
      if (options.listener !== undefined) return options.listener(asked, answer);
      asked.resume();
      asked.on("end", () => answer.end(`${sni} for ${asked.headers.host} as ${client}`));
    },
  );
  server.keepAliveTimeout = 60_000;
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const bound = server.address();
  if (bound === null || typeof bound === "string") throw new Error("The origin has no port.");
  return {
    port: bound.port,
    requests,
    server,
    end: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}
