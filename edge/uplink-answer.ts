// What an acknowledgement means. All rules by which the ledger's word may move the outbox's position
// stand here, as one pure function: answers rewind, echoes do not, and only where the digests agree.

import { type Acknowledgement, answerSchema, type Refusal } from "../contract/delivery.ts";
import { readForward } from "../contract/read-forward.ts";
import type { OutboxPosition, OutboxReader } from "./buffer/outbox.ts";

/** The largest answer that is looked at: every rejection of a full batch, at its full length. */
const answerSizeBytesMax = 512 * 1024;

/** Reads a payload of the ack topic; undefined for garbage. */
export function parseAnswer(payload: Uint8Array): Acknowledgement | Refusal | undefined {
  if (payload.length > answerSizeBytesMax) return undefined;
  let value: unknown;
  try {
    value = JSON.parse(new TextDecoder("utf-8", { fatal: true }).decode(payload));
  } catch {
    return undefined;
  }
  return readForward(answerSchema, value).data;
}

/**
 * - `foreign`, `older_epoch`, `echo`: moves nothing
 * - `same`: moves nothing, but answers
 * - `forward`: everything through it is committed
 * - `shed`: forward, but our digest there is gone; the gap that holds it has to go out
 * - `rewind`: the ledger lost what it had acknowledged (restored from a backup)
 * - `diverged`: the ledger has another history under this outbox's id
 */
export type Meaning =
  | "foreign"
  | "older_epoch"
  | "echo"
  | "same"
  | "forward"
  | "shed"
  | "rewind"
  | "diverged";

/**
 * Judges an acknowledgement. `inFlight`: the message it answers, undefined for an echo. `ownDigest`:
 * ours at its sequence, undefined when gone.
 */
export function judge(
  { outboxId, ledgerEpoch, throughSequence, throughDigest, code }: Acknowledgement,
  position: OutboxPosition,
  { inFlight, ownDigest }: Evidence,
): Meaning {
  if (outboxId !== position.outboxId) return "foreign";
  if (ledgerEpoch < position.ledgerEpoch) return "older_epoch";
  const ahead = throughSequence > position.acknowledgedSequence;
  const agrees = ownDigest === throughDigest;
  if (inFlight === undefined) return ahead && agrees ? "forward" : "echo";
  if (code === "OUTBOX_DIVERGED" || throughSequence > position.lastSequence) return "diverged";
  if (ownDigest !== undefined && !agrees) return "diverged";
  if (ahead) return ownDigest === undefined ? "shed" : "forward";
  // An echo may have overtaken the answer: the ledger has lost only what it had when it was asked.
  const isRestored = ledgerEpoch > position.ledgerEpoch;
  const known = isRestored ? position.acknowledgedSequence : inFlight.afterSequence;
  return throughSequence < known ? "rewind" : "same";
}

/** Our digest at the ledger's sequence, as it is judged by; undefined when gone, or not reached yet. */
export async function ownDigestAt(
  outbox: OutboxReader,
  sequence: number,
): Promise<string | undefined> {
  const { acknowledgedSequence, acknowledgedDigest, lastSequence } = outbox.position();
  if (sequence === acknowledgedSequence) return acknowledgedDigest;
  return sequence > lastSequence ? undefined : await outbox.digestAt(sequence);
}

interface Evidence {
  readonly inFlight: { readonly afterSequence: number } | undefined;
  readonly ownDigest: string | undefined;
}

/** Tells each rejection once, though the ledger lists it with every repeat. */
export class RejectionFilter {
  #told = { outboxId: "", sequence: 0 };

  /** The rejections that were not told before. */
  fresh({ outboxId, throughSequence, rejected }: Acknowledgement): Acknowledgement["rejected"] {
    const told = this.#told.outboxId === outboxId ? this.#told.sequence : 0;
    const fresh = rejected.filter(({ sequence }) => sequence > told && sequence <= throughSequence);
    const sequence = Math.max(told, ...fresh.map((rejection) => rejection.sequence));
    this.#told = { outboxId, sequence };
    return fresh;
  }
}
