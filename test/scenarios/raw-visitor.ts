/** A visitor who sends bytes as they are and listens until the edge closes the connection, or says nothing more. */
import { connect } from "node:net";

export type Conversation = { readonly text: string; readonly closed: boolean; readonly sentBytes: number };

/** `pieces` is sent `times` times behind the first bytes, as fast as the edge takes it. Silence of `quietMs` ends the conversation. */
export function converse(
  address: string,
  bytes: string,
  more: { readonly pieces?: Buffer; readonly times?: number; readonly quietMs?: number } = {},
): Promise<Conversation> {
  const [host = "", port] = address.split(":");
  return new Promise((resolve) => {
    const socket = connect(Number(port), host);
    let text = "";
    let left = more.times ?? 0;
    let quiet: NodeJS.Timeout;
    const end = (closed: boolean): void => {
      clearTimeout(quiet);
      left = 0;
      const sentBytes = socket.bytesWritten - socket.writableLength;
      socket.destroy();
      resolve({ text, closed, sentBytes });
    };
    const hush = (): void => {
      clearTimeout(quiet);
      quiet = setTimeout(() => end(false), more.quietMs ?? 3000);
    };
    const pour = (): void => {
      while (left > 0 && more.pieces !== undefined) {
        left -= 1;
        hush();
        if (!socket.write(more.pieces)) return;
      }
    };
    socket.on("data", (part) => {
      text += part.toString("latin1");
      hush();
    });
    socket.on("drain", pour);
    socket.on("end", () => end(true));
    socket.on("error", () => end(true));
    socket.on("close", () => end(true));
    socket.write(bytes, "latin1");
    hush();
    pour();
  });
}
