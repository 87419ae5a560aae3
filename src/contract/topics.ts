/** The names of what travels on the bus. Subjects follow NATS: tokens separated by dots; ids hold no dot. */
import type { CertificateId, NodeId, SiteId } from "./ids.ts";

export const POLICY_TOPICS = "policy.";
export const ACK_TOPICS = "ack.";
export const HELLO_TOPICS = "hello.";
export const ALARM_TOPICS = "alarm.";

/** What each node sees of a site's origin (OriginReport). */
export const HEALTH_TOPICS = "health.";

/** What a node reports of a flood (FloodReport), kept as the last value of each incident. */
export const FLOOD_TOPICS = "flood.";
/** Bans for every node (BanRecord), and those that a node made by itself. */
export const BAN_TOPICS = "ban.";
export const NODE_BAN_TOPICS = "node-ban.";

export const CERTIFICATE_TOPICS = "certificate.";
export const CERTIFICATE_ACK_TOPICS = "certificate-ack.";
/** The one topic that every node reads its shared secrets from (EdgeSecrets). */
export const EDGE_SECRETS_TOPIC = "edge.secrets";

export const policyTopic = (siteId: SiteId): string => `${POLICY_TOPICS}${siteId}`;
export const ackTopic = (nodeId: NodeId, siteId: SiteId): string => `${ACK_TOPICS}${nodeId}.${siteId}`;
export const helloTopic = (nodeId: NodeId): string => `${HELLO_TOPICS}${nodeId}`;
export const alarmTopic = (nodeId: NodeId): string => `${ALARM_TOPICS}${nodeId}`;
export const certificateTopic = (certificateId: CertificateId): string =>
  `${CERTIFICATE_TOPICS}${certificateId}`;
export const certificateAckTopic = (nodeId: NodeId, certificateId: CertificateId): string =>
  `${CERTIFICATE_ACK_TOPICS}${nodeId}.${certificateId}`;
export const healthTopic = (nodeId: NodeId, siteId: SiteId): string => `${HEALTH_TOPICS}${nodeId}.${siteId}`;
export const floodTopic = (nodeId: NodeId, incidentId: string): string =>
  `${FLOOD_TOPICS}${nodeId}.${incidentId}`;
export const banTopic = (banId: string): string => `${BAN_TOPICS}${banId}`;
export const nodeBanTopic = (nodeId: NodeId, banId: string): string => `${NODE_BAN_TOPICS}${nodeId}.${banId}`;
