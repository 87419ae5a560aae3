/**
 * Certificates for tests, written out by hand (X.509, RFC 5280 §4.1): any bytes as names, any key, thousands in a second. Each is signed by its own
 * key. For tests alone: nothing here is careful.
 */
import { generateKeyPairSync, createPublicKey, sign, type KeyObject } from "node:crypto";

export type TestName = { readonly kind: "dns" | "uri" | "ip" | "email"; readonly bytes: Buffer };
export type TestLeaf = { readonly chainPem: string; readonly keyPem: string; readonly notAfterMs: number };

const DAY_MS = 86_400_000;
const TAGS = { email: 0x81, dns: 0x82, uri: 0x86, ip: 0x87 } as const;

export const dns = (name: string): TestName => ({ kind: "dns", bytes: Buffer.from(name, "latin1") });

export function newEcKey(namedCurve = "prime256v1"): KeyObject {
  return generateKeyPairSync("ec", { namedCurve }).privateKey;
}

export function makeTestLeaf(options: {
  readonly names: readonly TestName[];
  readonly key: KeyObject;
  readonly commonName?: string;
  readonly fromMs?: number;
  readonly toMs?: number;
  readonly serial?: number;
}): TestLeaf {
  const { key } = options;
  const now = Math.floor(Date.now() / 1000) * 1000;
  const toMs = options.toMs ?? now + 60 * DAY_MS;
  const algorithm = algorithmOf(key);
  const name = sequence(
    der(0x31, sequence(oid("550403"), der(0x0c, Buffer.from(options.commonName ?? "leaf")))),
  );
  const general = options.names.map(({ kind, bytes }) => der(TAGS[kind], bytes));
  const names = sequence(oid("551d11"), der(0x04, sequence(...general)));
  const body = sequence(
    der(0xa0, der(0x02, Buffer.from([2]))),
    der(0x02, Buffer.from((0x1000000 + (options.serial ?? 1)).toString(16).padStart(8, "0"), "hex")),
    algorithm,
    name,
    sequence(time(options.fromMs ?? now - DAY_MS), time(toMs)),
    name,
    createPublicKey(key).export({ type: "spki", format: "der" }),
    ...(general.length === 0 ? [] : [der(0xa3, sequence(names))]),
  );
  const signature = sign(key.asymmetricKeyType === "ed25519" ? null : "sha256", body, key);
  const whole = sequence(body, algorithm, der(0x03, Buffer.concat([Buffer.from([0]), signature])));
  const lines = whole.toString("base64").match(/.{1,64}/g) ?? [];
  return {
    chainPem: `-----BEGIN CERTIFICATE-----\n${lines.join("\n")}\n-----END CERTIFICATE-----\n`,
    keyPem: key.export({ type: "pkcs8", format: "pem" }).toString(),
    notAfterMs: toMs,
  };
}

function algorithmOf(key: KeyObject): Buffer {
  if (key.asymmetricKeyType === "ed25519") return sequence(oid("2b6570"));
  if (key.asymmetricKeyType === "ec") return sequence(oid("2a8648ce3d040302"));
  return sequence(oid("2a864886f70d01010b"), der(0x05, Buffer.alloc(0)));
}

function der(tag: number, content: Buffer): Buffer {
  const length = content.length;
  if (length < 128) return Buffer.concat([Buffer.from([tag, length]), content]);
  const bytes = Buffer.from(length.toString(16).padStart(length < 65_536 ? 4 : 8, "0"), "hex");
  return Buffer.concat([Buffer.from([tag, 0x80 + bytes.length]), bytes, content]);
}

const sequence = (...parts: readonly Buffer[]): Buffer => der(0x30, Buffer.concat(parts));
const oid = (hex: string): Buffer => der(0x06, Buffer.from(hex, "hex"));
const time = (ms: number): Buffer =>
  der(0x18, Buffer.from(`${new Date(ms).toISOString().slice(0, 19).replace(/[-:T]/g, "")}Z`));
