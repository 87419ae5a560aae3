/** The names of what travels on the bus. Subjects follow NATS: tokens separated by dots; ids hold no dot. */
import type { NodeId, SiteId } from "./ids.ts";

export const POLICY_TOPICS = "policy.";
export const ACK_TOPICS = "ack.";
export const HELLO_TOPICS = "hello.";
export const ALARM_TOPICS = "alarm.";

export const policyTopic = (siteId: SiteId): string => `${POLICY_TOPICS}${siteId}`;
export const ackTopic = (nodeId: NodeId, siteId: SiteId): string => `${ACK_TOPICS}${nodeId}.${siteId}`;
export const helloTopic = (nodeId: NodeId): string => `${HELLO_TOPICS}${nodeId}`;
export const alarmTopic = (nodeId: NodeId): string => `${ALARM_TOPICS}${nodeId}`;
