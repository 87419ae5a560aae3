/**
 * The system's own look-up (getaddrinfo): its hosts file, names of this machine, multicast DNS. It runs on the few threads that files and passwords need as
 * well, and cannot be called off, so few names are looked up at a time: a place is free again when the system is done, however soon its asker gave up.
 */
import { lookup } from "node:dns/promises";

export type SystemLook = (host: string) => Promise<readonly string[]>;

const AT_ONCE = 2;
const WAITING_MAX = 100;
const LOOK_MS = 3000;

const ofSystem: SystemLook = async (host) =>
  (await lookup(host, { all: true })).map(({ address }) => address);

/** Bounded in number and time; rejects with what the system says. `ask`: instead of the system. */
export function boundedLook(ask: SystemLook = ofSystem): SystemLook {
  const waiting: (() => void)[] = [];
  let running = 0;

  async function inTurn(host: string): Promise<readonly string[]> {
    if (running >= AT_ONCE) {
      if (waiting.length >= WAITING_MAX)
        throw new Error(`Too many names are being looked up: "${host}" was not`);
      // Whoever is done hands the place on.
      await new Promise<void>((resolve) => waiting.push(resolve));
    } else running += 1;
    try {
      return await ask(host);
    } finally {
      const next = waiting.shift();
      if (next === undefined) running -= 1;
      else next();
    }
  }

  return async (host) => {
    let timer: NodeJS.Timeout | undefined;
    const late = new Promise<never>((_, reject) => {
      timer = setTimeout(() => reject(new Error(`"${host}" was not resolved within ${LOOK_MS} ms`)), LOOK_MS);
    });
    const looked = inTurn(host);
    // Nobody listens any more once it is late.
    looked.catch(() => undefined);
    try {
      return await Promise.race([looked, late]);
    } finally {
      clearTimeout(timer);
    }
  };
}

/** One for the whole process: its threads are. */
export const systemLook = boundedLook();
