// Who a client of the embedded broker is, by its certificate, and what that lets it do. Pure.

import type { PeerCertificate } from "node:tls";
import { parseTopic, type Topic } from "../contract/topics.ts";
import { idSchema, reservedIds } from "../contract/units.ts";
import { isFeed } from "./ledger/facts.ts";

/** An edge of a store; somebody who reads all stores (a web shop, an ERP); or one who may command edges as well. */
export type Identity =
  | { readonly kind: "edge"; readonly storeId: string; readonly edgeId: string }
  | { readonly kind: "consumer"; readonly name: string }
  | { readonly kind: "operator"; readonly name: string };

/** The name in a certificate's subjectAltName, a URI. */
export function identityUri(identity: Identity): string {
  return identity.kind === "edge"
    ? `urn:gondola:edge:${identity.storeId}:${identity.edgeId}`
    : `urn:gondola:${identity.kind}:${identity.name}`;
}

/** Whose certificate it is; undefined where it names nobody of ours, or more than one. */
export function identityOf({
  subjectaltname = "",
}: Pick<PeerCertificate, "subjectaltname">): Identity | undefined {
  const names = subjectaltname.split(", ").filter((name) => name.startsWith("URI:urn:gondola:"));
  const [, kind, ...ids] = names[0]?.slice("URI:urn:".length).split(":") ?? [];
  if (names.length !== 1 || !ids.every((id) => idSchema.safeParse(id).success)) return undefined;
  const [first, second] = ids;
  if (kind === "edge" && first !== undefined && second !== undefined && ids.length === 2) {
    // A source over HTTP has no connection: whoever came under its name could post in its place.
    return isFeed(second) ? undefined : { kind, storeId: first, edgeId: second };
  }
  if (first === undefined || ids.length !== 1) return undefined;
  return kind === "consumer" || kind === "operator" ? { kind, name: first } : undefined;
}

/** What an edge says of itself. */
const edgeChannels: readonly Topic["channel"][] = ["events", "status", "health", "reply"];

/** Whether a publication, live or as last will, is this client's to make. */
export function mayPublish(identity: Identity, topicName: string): boolean {
  const topic = parseTopic(topicName);
  if (topic === undefined) return false;
  // An operator asks edges for something; it says nothing in their place. A consumer only reads.
  if (identity.kind === "operator") return topic.channel === "command";
  if (identity.kind === "consumer") return false;
  if (!edgeChannels.includes(topic.channel) || !("edgeId" in topic)) return false;
  return topic.storeId === identity.storeId && topic.edgeId === identity.edgeId;
}

/** Whether all that a filter can match is for this client to read. */
export function mayRead(identity: Identity, filter: string): boolean {
  if (identity.kind !== "edge") return true;
  const [root, version, storeId, name = "", channel] = filter.split("/");
  if (root !== "gondola" || version !== "1" || storeId !== identity.storeId) return false;
  if (name === identity.edgeId || (reservedIds as readonly string[]).includes(name)) return true;
  // What another edge is told is not for this one, nor a filter that would take it in.
  return name !== "#" && !["command", "+", "#"].includes(channel ?? "");
}

/** The client id of its session; a technician's command comes under a longer one that begins with it and a colon. */
export function clientIdOf(identity: Identity): string | undefined {
  return identity.kind === "edge" ? `${identity.storeId}:${identity.edgeId}` : undefined;
}

/** Whether a client id is an edge's, or of somebody who comes beside one. */
export function isIdOfEdge(clientId: string): boolean {
  const [storeId, edgeId] = clientId.split(":");
  return idSchema.safeParse(storeId).success && idSchema.safeParse(edgeId).success;
}
