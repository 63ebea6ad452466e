// Writes the uplink's messages: hellos and batches with events. The one thing decided here is what a
// message may claim about time: `completeThroughAtMs` promises that nothing older will follow, so a
// batch that does not reach the outbox's end repeats an earlier promise at most.

import type { BatchHeader } from "../contract/batch-codec.ts";
import { encodeBatch, payloadDigest } from "../contract/batch-codec.ts";
import { type Batch, batchSizeBytesMax, schemaVersion } from "../contract/delivery.ts";
import type { Clock } from "../drivers/clock.ts";
import type { OutboxPosition, OutboxRow } from "./buffer/outbox.ts";

/** Room kept free in a batch for its header; ids, digests and times are all bounded well below it. */
const headerSizeBytesMax = 1024;

/** A message that is, or was, in flight. */
export interface UplinkMessage {
  readonly kind: "hello" | "data";
  readonly nonce: string;
  readonly payload: Uint8Array;
  readonly payloadDigest: string;
  /** The acknowledged position when it was written. */
  readonly afterSequence: number;
  /** Data only: the events and gaps in it. */
  readonly rows: readonly OutboxRow[];
  readonly compressed: boolean;
}

/** Bytes that `count` events may take together, their commas left free. */
export function eventSizeBytesMaxOf(count: number): number {
  return batchSizeBytesMax - headerSizeBytesMax - count;
}

/** Who writes, and by which clock. */
export interface MessageWriterOptions {
  readonly storeId: string;
  readonly edgeId: string;
  readonly clock: Clock;
  readonly randomId: () => string;
  readonly completeThroughAtMs: () => number;
}

/** Writes messages of one edge. */
export class MessageWriter {
  readonly #options: MessageWriterOptions;
  #claim = { outboxId: "", sequence: 0, atMs: 0 };

  constructor(options: MessageWriterOptions) {
    this.#options = options;
  }

  /** A batch without events, which says where the outbox stands. */
  hello(position: OutboxPosition, probe?: Batch["probe"]): UplinkMessage {
    const header = {
      ...this.#header(position, position.acknowledgedSequence),
      oldestSequence: position.oldestSequence,
      lastSequence: position.lastSequence,
      ...(probe === undefined ? {} : { probe }),
    };
    return message("hello", header, [], false);
  }

  /** A batch of `rows`, which follow on the acknowledged position; `position` is read after the rows. */
  data(position: OutboxPosition, rows: readonly OutboxRow[], compress: boolean): UplinkMessage {
    const endSequence = rows.at(-1)?.lastSequence ?? position.acknowledgedSequence;
    return message("data", this.#header(position, endSequence), rows, compress);
  }

  #header(position: OutboxPosition, endSequence: number): BatchHeader {
    const { storeId, edgeId, clock, randomId } = this.#options;
    return {
      schemaVersion,
      storeId,
      edgeId,
      outboxId: position.outboxId,
      firstSequence: position.acknowledgedSequence + 1,
      previousDigest: position.acknowledgedDigest,
      completeThroughAtMs: this.#claimThrough(position, endSequence),
      sentAtMs: Math.max(0, Math.floor(clock.nowMs())),
      nonce: randomId(),
    };
  }

  #claimThrough({ outboxId, lastSequence }: OutboxPosition, endSequence: number): number {
    if (endSequence === lastSequence) {
      const decidedAtMs = Math.floor(this.#options.completeThroughAtMs());
      this.#claim = {
        outboxId,
        sequence: endSequence,
        atMs: Math.max(this.#claim.atMs, decidedAtMs),
      };
    }
    const holds = this.#claim.outboxId === outboxId && this.#claim.sequence <= endSequence;
    return holds ? this.#claim.atMs : 0;
  }
}

function message(
  kind: UplinkMessage["kind"],
  header: BatchHeader,
  rows: readonly OutboxRow[],
  compress: boolean,
): UplinkMessage {
  const texts = rows.map((row) => row.text);
  const payload = encodeBatch(header, texts, { compress });
  const compressed = payload[0] === 0x1f;
  return {
    kind,
    nonce: header.nonce,
    afterSequence: header.firstSequence - 1,
    payload,
    payloadDigest: payloadDigest(payload),
    rows,
    compressed,
  };
}
