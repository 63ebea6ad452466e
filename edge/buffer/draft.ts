// A draft on its way in: checked against its schema and size, and written as text up to the one thing
// that only the commit knows, its sequence.

import { z } from "zod";
import { canonicalJson } from "../../contract/digest.ts";
import { errorMessageOf, GatewayError } from "../../contract/errors.ts";
import {
  type EventDraft,
  eventDraftSchema,
  eventSizeBytesMax,
  type NoticedConclusion,
} from "../../contract/event.ts";
import { idSchema } from "../../contract/units.ts";

/** Bytes that a draft gains when it is stored: the largest sequence, and the key of the evidence. */
const addedSizeBytes = `,"sequence":${Number.MAX_SAFE_INTEGER},"evidence":`.length;

/** The clock's stamp on an event. */
export type EventStamp = Pick<EventDraft, "bootId" | "uptimeMs" | "clockSynced">;

/** An event that fits its schema, as text: only its sequence is missing, between the two halves. */
export interface CheckedEvent {
  readonly head: string;
  readonly tail: string;
  readonly evidence: string | null;
  readonly occurredAtMs: number;
  readonly sizeBytes: number;
}

/** Checks a draft: GatewayError EVENT_INVALID or EVENT_TOO_LARGE. */
export function checkDraft(draft: EventDraft): CheckedEvent {
  const { evidence: rawEvidence, ...rest } = draft;
  const result = eventDraftSchema.safeParse(rest);
  if (!result.success) throw new GatewayError("EVENT_INVALID", z.prettifyError(result.error));
  const evidence = evidenceText(rawEvidence);
  const { head, tail } = canonicalHalves(result.data);
  const sizeBytes =
    addedSizeBytes + Buffer.byteLength(head) + Buffer.byteLength(tail) + byteLengthOf(evidence);
  if (sizeBytes > eventSizeBytesMax) {
    const message = `an event of type ${rest.type} has ${sizeBytes} bytes; ${eventSizeBytesMax} are allowed`;
    throw new GatewayError("EVENT_TOO_LARGE", message);
  }
  return { head, tail, evidence, occurredAtMs: rest.occurredAtMs, sizeBytes };
}

// Writing it as JSON is the check, several times faster than walking it by a schema.
function evidenceText(evidence: unknown): string | null {
  if (evidence === undefined) return null;
  try {
    const text = JSON.stringify(evidence);
    if (text.startsWith("{")) return text;
  } catch (error) {
    throw new GatewayError("EVENT_INVALID", `evidence: ${errorMessageOf(error)}`, { cause: error });
  }
  throw new GatewayError("EVENT_INVALID", "evidence: it is not a JSON object");
}

// `canonicalEvent` cut where the sequence will stand, so that most of the work is done before the
// commit. The schema knows every key of the top level; none needs escaping.
function canonicalHalves(event: EventDraft): { head: string; tail: string } {
  const head: string[] = [];
  const tail: string[] = [];
  for (const key of Object.keys(event).sort() as (keyof EventDraft)[]) {
    if (event[key] === undefined) continue;
    (key < "sequence" ? head : tail).push(`"${key}":${canonicalJson(event[key])}`);
  }
  return {
    head: ["{", head.join(), `,"sequence":`].join(""),
    tail: [",", tail.join(), "}"].join(""),
  };
}

function byteLengthOf(text: string | null): number {
  return text === null ? 0 : Buffer.byteLength(text);
}

/** What takes the place of a draft that was refused: the ledger learns that something is missing. */
export function refusalNotice(
  draft: EventDraft,
  error: GatewayError,
  by: { edgeId: string; stamp: EventStamp; nowMs: number },
): CheckedEvent {
  const detail = { type: String(draft.type).slice(0, 40), message: error.message.slice(0, 500) };
  const conclusion: NoticedConclusion = {
    type: "noticed",
    occurredAtMs: by.nowMs,
    deviceId: idSchema.safeParse(draft.deviceId).data ?? by.edgeId,
    code: error.code.toLowerCase(),
    severity: "warning",
    detail,
  };
  return checkDraft({ ...conclusion, ...by.stamp });
}
