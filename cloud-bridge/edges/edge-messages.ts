// What edges say of themselves, read from the bytes of a message. Nothing is thrown.

import {
  type EdgeStatus,
  edgeStatusSchema,
  type Health,
  healthSchema,
} from "../../contract/delivery.ts";
import { parsePayload } from "../../contract/payload.ts";
import { readForward } from "../../contract/read-forward.ts";

/** An edge, by the ids of its topics. */
export interface EdgeName {
  readonly storeId: string;
  readonly edgeId: string;
}

/** Why a message is not taken: it cannot be read, or says that it is another edge's. */
export type Unread = "invalid" | "foreign";

/** The largest report that is looked at; the embedded broker lets none of this size in. */
export const reportSizeBytesMax = 256 * 1024;

/** One name for an edge; names sort as stores and then edges do. */
export function edgeKey({ storeId, edgeId }: EdgeName): string {
  return `${storeId}/${edgeId}`;
}

/**
 * A `status` message, for every part of the bridge: one that cannot be read or names another edge tells nobody anything.
 * Undefined for an empty one: an edge that ended its session for good clears its status.
 */
export function readStatus(edge: EdgeName, payload: Uint8Array): EdgeStatus | undefined | Unread {
  if (payload.length === 0) return undefined;
  const status = readForward(edgeStatusSchema, parsePayload(payload)).data;
  if (status === undefined) return "invalid";
  return edgeKey(status) === edgeKey(edge) ? status : "foreign";
}

/** A `health` message. Those of edges before do not say whose they are. */
export function readHealth(edge: EdgeName, payload: Uint8Array): Health | Unread {
  if (payload.length > reportSizeBytesMax) return "invalid";
  const health = readForward(healthSchema, parsePayload(payload)).data;
  if (health === undefined) return "invalid";
  const { storeId = edge.storeId, edgeId = edge.edgeId } = health;
  return edgeKey({ storeId, edgeId }) === edgeKey(edge) ? health : "foreign";
}
