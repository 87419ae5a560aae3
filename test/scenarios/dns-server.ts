/** A small DNS server on the loopback for scenarios: it answers what its table says at that moment, and counts what it is asked. */
import { createSocket } from "node:dgram";
import dnsPacket, { type Answer } from "dns-packet";

export type DnsTable = Record<
  string,
  | { readonly a?: readonly string[]; readonly aaaa?: readonly string[]; readonly ttl: number }
  | "failing"
  | undefined
>;
export type DnsServer = {
  /** "ADDRESS:PORT". */
  readonly address: string;
  readonly table: DnsTable;
  /** Questions for an A record, by name. */
  readonly asked: Map<string, number>;
  end(): Promise<void>;
};

export async function openDns(table: DnsTable): Promise<DnsServer> {
  const socket = createSocket("udp4");
  const asked = new Map<string, number>();
  socket.on("message", (bytes, from) => {
    const query = dnsPacket.decode(bytes);
    const question = query.questions?.[0];
    if (question === undefined) return;
    const name = question.name.toLowerCase();
    if (question.type === "A") asked.set(name, (asked.get(name) ?? 0) + 1);
    const entry = table[name];
    const records =
      entry === undefined || entry === "failing"
        ? []
        : ((question.type === "A" ? entry.a : entry.aaaa) ?? []);
    const answers: Answer[] = records.map((data) => ({
      type: question.type as "A" | "AAAA",
      name: question.name,
      ttl: entry === undefined || entry === "failing" ? 0 : entry.ttl,
      data,
    }));
    // Response codes (RFC 1035 §4.1.1): 2 is a failure of the server, 3 says that there is no such name.
    const code = entry === "failing" ? 2 : entry === undefined ? 3 : 0;
    const packet = dnsPacket.encode({
      id: query.id ?? 0,
      type: "response",
      flags: dnsPacket.RECURSION_DESIRED | dnsPacket.RECURSION_AVAILABLE | code,
      questions: [question],
      answers,
    });
    socket.send(packet, from.port, from.address);
  });
  await new Promise<void>((resolve) => socket.bind(0, "127.0.0.1", () => resolve()));
  const { port } = socket.address();
  return {
    address: `127.0.0.1:${port}`,
    table,
    asked,
    end: () => new Promise((resolve) => socket.close(() => resolve())),
  };
}
