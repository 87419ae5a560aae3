/**
 * The stage of the story: a fresh instance in a folder of its own, with a clock that begins some days ago and moves when the
 * story says so, people who enrol as people do, and an ear on every byte that comes out.
 */
import { randomBytes } from "node:crypto";
import { mkdtempSync, rmSync } from "node:fs";
import { request } from "node:http";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { freePort } from "../../node/free-port.ts";
import type { Role } from "../../contract/desk-states.ts";
import type { PersonView } from "../../contract/http.ts";
import { createVault } from "../../desk/vault.ts";
import { startInstance, type Instance } from "../instance.ts";
import { callLocal } from "../local-client.ts";
import { readSettings } from "../settings.ts";
import { startForum, startLetters, type Forum, type Letters } from "./outside.ts";
import { StaffMember } from "./staff.ts";

const DAY_MS = 86_400_000;

export type Stage = {
  readonly instance: Instance;
  readonly forum: Forum;
  readonly letters: Letters;
  readonly edge: string;
  readonly url: string;
  readonly shares: readonly string[];
  /** What nobody but the vault may ever see. */
  readonly markers: readonly string[];
  /** Every byte that left the system towards people. */
  readonly heard: string[];
  /** Moves the instance's clock forward. */
  pass(ms: number): void;
  /** Brings the clock to the present: from here on the edge's own clock agrees with it. */
  present(): void;
  now(): number;
  hire(name: string, roles: readonly Role[]): Promise<StaffMember>;
  post(
    path: string,
    options: { readonly form: Readonly<Record<string, string>>; readonly from: string },
  ): Promise<Page>;
  get(path: string): Promise<Page>;
  close(): Promise<void>;
};

export type Page = { readonly status: number; readonly body: string };

export async function setStage(options: {
  readonly daysAgo: number;
  readonly onStep?: (what: string) => void;
}): Promise<Stage> {
  const dataDir = mkdtempSync(join(tmpdir(), "parapet-story-"));
  const forum = await startForum();
  const letters = await startLetters();
  let offsetMs = -options.daysAgo * DAY_MS;
  const now = (): number => Date.now() + offsetMs;
  const settings = readSettings({
    dataDir,
    overrides: {
      controlListen: `127.0.0.1:${await freePort()}`,
      edgeListen: `127.0.0.1:${await freePort()}`,
      edgeListenTls: "",
      demoListen: "",
      operatorName: "Lighthouse Protection",
      smtpUrl: letters.url,
      logOrigin: "lighthouse.example/log",
      defaultLimit: { requestsPerSecond: 20, burst: 40 },
    },
  });
  const heard: string[] = [];
  const instance = await startInstance({
    settings,
    now,
    ...(options.onStep ? { onStep: options.onStep } : {}),
  });
  const vault = await createVault((bytes) => randomBytes(bytes));
  await callLocal(dataDir, { method: "PUT", path: "/vault", body: { publicKey: vault.publicKey } });
  const tag = randomBytes(6).toString("hex");

  const send = (
    method: string,
    path: string,
    content: { form?: Readonly<Record<string, string>>; from?: string },
  ): Promise<Page> => {
    const { hostname, port } = new URL(instance.controlUrl);
    const body = content.form === undefined ? null : new URLSearchParams({ ...content.form }).toString();
    return new Promise((resolve, reject) => {
      const outgoing = request(
        {
          host: hostname === "localhost" ? "127.0.0.1" : hostname,
          port,
          method,
          path,
          agent: false,
          ...(content.from === undefined ? {} : { localAddress: content.from }),
          headers: {
            host: new URL(instance.controlUrl).host,
            "accept-language": "en",
            ...(body === null
              ? {}
              : {
                  "content-type": "application/x-www-form-urlencoded",
                  "content-length": Buffer.byteLength(body),
                }),
          },
        },
        (response) => {
          let text = "";
          response.setEncoding("utf8");
          response.on("data", (chunk: string) => (text += chunk));
          response.on("error", reject);
          response.on("end", () => {
            heard.push(JSON.stringify(response.headers), text);
            resolve({ status: response.statusCode ?? 0, body: text });
          });
        },
      );
      outgoing.on("error", reject);
      outgoing.end(body ?? undefined);
    });
  };

  return {
    instance,
    forum,
    letters,
    edge: settings.edgeListen,
    url: instance.controlUrl,
    shares: vault.shares,
    markers: [`Reporter-Name-${tag}`, `reporter.${tag}@home.example`, `+1-202-555-0${tag.slice(0, 3)}`],
    heard,
    pass(ms) {
      offsetMs = Math.min(0, offsetMs + ms);
    },
    present() {
      offsetMs = 0;
    },
    now,
    async hire(name, roles) {
      const email = `${name.toLowerCase()}@lighthouse.example`;
      const person = await callLocal<PersonView & { signInLink: string }>(dataDir, {
        method: "POST",
        path: "/people",
        body: { name, email, roles },
      });
      const member = new StaffMember({
        name,
        email,
        url: instance.controlUrl,
        password: randomBytes(12).toString("base64url"),
        onBytes: (text) => heard.push(text),
      });
      await member.enrol(person.signInLink);
      return member;
    },
    post: (path, content) => send("POST", path, content),
    get: (path) => send("GET", path, {}),
    async close() {
      await instance.stop();
      await forum.stop();
      await letters.stop();
      rmSync(dataDir, { recursive: true, force: true });
    },
  };
}
