/**
 * Publish, subscribe, keep the last value. In one process a function call; between machines NATS JetStream will stand
 * behind the same interface. Delivery to a subscriber is in order per topic, after `publish` returned. A subscriber that throws
 * does not hurt the others: the error goes to `onError`. Bounds: KEPT_MAX kept topics.
 */
import { Fault } from "../contract/fault.ts";

export type Message = { readonly topic: string; readonly value: unknown };
export type Handler = (message: Message) => void | Promise<void>;

export interface Bus {
  /** `keep`: the value is kept as the topic's last one, for those who subscribe later. */
  publish(topic: string, value: unknown, options?: { readonly keep?: boolean }): Promise<void>;
  /** Calls `handler` for each kept value below `prefix`, then for each new one. Returns the way out. */
  subscribe(prefix: string, handler: Handler): () => void;
  /** Keeps nothing of this topic any more; whoever heard it has heard it. */
  forget(topic: string): Promise<void>;
  /** The kept values below `prefix`. */
  last(prefix: string): Promise<readonly Message[]>;
  close(): Promise<void>;
}

const KEPT_MAX = 200_000;

export function createLocalBus(options: { readonly onError: (error: unknown, topic: string) => void }): Bus {
  const kept = new Map<string, unknown>();
  const subscribers = new Set<{ prefix: string; queue: Promise<void>; handler: Handler }>();

  const deliver = (subscriber: { queue: Promise<void>; handler: Handler }, message: Message): void => {
    subscriber.queue = subscriber.queue
      .then(() => subscriber.handler(message))
      .catch((error: unknown) => options.onError(error, message.topic));
  };

  return {
    async publish(topic, value, { keep = false } = {}) {
      if (keep) {
        if (!kept.has(topic) && kept.size >= KEPT_MAX) {
          throw new Fault(
            "limit.full",
            `Cannot keep "${topic}" as ${KEPT_MAX} topics are kept already: remove sites`,
          );
        }
        kept.set(topic, value);
      }
      for (const subscriber of subscribers) {
        if (topic.startsWith(subscriber.prefix)) deliver(subscriber, { topic, value });
      }
    },
    subscribe(prefix, handler) {
      const subscriber = { prefix, queue: Promise.resolve(), handler };
      for (const [topic, value] of kept) if (topic.startsWith(prefix)) deliver(subscriber, { topic, value });
      subscribers.add(subscriber);
      return () => subscribers.delete(subscriber);
    },
    async forget(topic) {
      kept.delete(topic);
    },
    async last(prefix) {
      return [...kept]
        .filter(([topic]) => topic.startsWith(prefix))
        .map(([topic, value]) => ({ topic, value }));
    },
    async close() {
      const queues = [...subscribers].map((subscriber) => subscriber.queue);
      subscribers.clear();
      await Promise.all(queues);
    },
  };
}
