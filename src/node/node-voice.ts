/**
 * What a node says to others: alarms for people, and whatever is kept on the bus. Nothing here fails or waits for an answer, as a request
 * never depends on somebody hearing it: without a control plane the words are lost, and the next hello and confirmation say the state anew.
 */
import type { Bus } from "../bus/bus.ts";
import type { NodeId } from "../contract/ids.ts";
import type { Alarm } from "../contract/policy.ts";
import { alarmTopic } from "../contract/topics.ts";

export type NodeVoiceOptions = {
  readonly bus: Bus | null;
  readonly nodeId: NodeId;
  readonly now: () => number;
  readonly onAlarm: (alarm: Alarm) => void;
};

/** How many sentences are remembered as said. */
const TOLD_MAX = 1000;

export class NodeVoice {
  readonly #options: NodeVoiceOptions;
  readonly #told = new Set<string>();

  constructor(options: NodeVoiceOptions) {
    this.#options = options;
  }

  alarm(code: string, what: string): void {
    const { nodeId, now, onAlarm } = this.#options;
    const alarm: Alarm = { nodeId, atMs: now(), code, what };
    onAlarm(alarm);
    void this.publish(alarmTopic(nodeId), alarm);
  }

  /** The same sentence is an alarm once. */
  alarmOnce(code: string, what: string): void {
    if (this.#told.has(what)) return;
    if (this.#told.size > TOLD_MAX) this.#told.clear();
    this.#told.add(what);
    this.alarm(code, what);
  }

  /** Told to whoever listens now, and not kept. */
  async say(topic: string, value: unknown): Promise<void> {
    try {
      await this.#options.bus?.publish(topic, value);
    } catch {
      // Nobody to tell; whoever says such things says them again.
    }
  }

  /** Kept as the topic's last value. Resolves also when nobody is there. */
  async publish(topic: string, value: unknown): Promise<void> {
    try {
      await this.#options.bus?.publish(topic, value, { keep: true });
    } catch {
      // Nobody to tell: the control plane is away. It learns the state from the next hello and the next confirmation.
    }
  }
}
