/** A name server on the loopback whose records a test sets while it runs. It answers what it has, and NXDOMAIN for all else. */
import { createSocket } from "node:dgram";
import { decode, encode, AUTHORITATIVE_ANSWER, type Answer } from "dns-packet";

export type SmallDns = {
  /** "127.0.0.1:PORT", as the setting dnsServers wants it. */
  readonly address: string;
  readonly asked: string[];
  set(
    name: string,
    type: "A" | "AAAA" | "CNAME" | "TXT" | "MX" | "CAA" | "NS" | "PTR",
    values: readonly unknown[],
  ): void;
  /** Until it is called again with false, nothing is answered at all. */
  beSilent(silent: boolean): void;
  end(): Promise<void>;
};

const REFUSED = 5;
const NXDOMAIN = 3;

export async function openSmallDns(): Promise<SmallDns> {
  const records = new Map<string, Answer[]>();
  const names = new Map<string, number>();
  const asked: string[] = [];
  let silent = false;
  const socket = createSocket("udp4");
  socket.on("message", (bytes, from) => {
    if (silent) return;
    const query = decode(bytes);
    const question = query.questions?.[0];
    const name = question?.name.toLowerCase() ?? "";
    const type = question?.type ?? "";
    asked.push(`${type} ${name}`);
    const alias = type === "CNAME" ? [] : (records.get(`CNAME ${name}`) ?? []);
    const target = (alias[0] as { data?: string } | undefined)?.data ?? name;
    const answers = [...alias, ...(records.get(`${type} ${target}`) ?? [])];
    const known = answers.length > 0 || (names.get(name) ?? 0) > 0;
    const flags = AUTHORITATIVE_ANSWER | (question === undefined ? REFUSED : known ? 0 : NXDOMAIN);
    const reply = encode({
      type: "response",
      id: query.id ?? 0,
      flags,
      questions: query.questions ?? [],
      answers,
    });
    socket.send(reply, from.port, from.address);
  });
  await new Promise<void>((resolve) => socket.bind(0, "127.0.0.1", resolve));
  return {
    address: `127.0.0.1:${socket.address().port}`,
    asked,
    set(name, type, values) {
      const key = `${type} ${name}`;
      const before = records.get(key)?.length ?? 0;
      const made = values.map((data) => ({ type, name, ttl: 1, class: "IN", data }) as Answer);
      records.set(key, made);
      names.set(name, (names.get(name) ?? 0) + made.length - before);
    },
    beSilent(value) {
      silent = value;
    },
    end: () => new Promise((resolve) => socket.close(() => resolve())),
  };
}
