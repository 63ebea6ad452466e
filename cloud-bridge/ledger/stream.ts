// What a batch means for the position of its outbox. Pure. The ledger takes only what continues the
// digest chain from its position; whatever the network repeats, reorders or delays changes nothing.

import { genesisDigest } from "../../contract/digest.ts";
import type { BatchItem, PreparedBatch } from "./batch-items.ts";
import type { OutboxKey, Position } from "./changes.ts";

/** What is to be done with a batch. */
export type Verdict =
  | { readonly kind: "post"; readonly items: readonly BatchItem[]; readonly skippedCount: number }
  /** Frozen before. */
  | { readonly kind: "frozen" }
  /** Begins beyond the position. */
  | { readonly kind: "hole" }
  /** The chain does not fit: the card was cloned or set back. */
  | { readonly kind: "diverged"; readonly reason: string };

/** The ledger's digest after a sequence, undefined where it has none. */
export type DigestAt = (sequence: number) => string | undefined;

/** The position of an outbox that the ledger has never heard of. */
export function newPosition({ storeId, edgeId, outboxId }: OutboxKey): Position {
  return {
    ...{ storeId, edgeId, outboxId, throughSequence: 0, throughDigest: genesisDigest(outboxId) },
    ...{ frozen: false, completeThroughAtMs: 0, placedAtMs: 0 },
  };
}

/** Judges a batch (or hello) against the position of its outbox. */
export function judgeBatch(
  prepared: PreparedBatch,
  position: Position,
  digestAt: DigestAt,
): Verdict {
  if (position.frozen) return { kind: "frozen" };
  if (prepared.items.length === 0) return judgeHello(prepared, digestAt);
  const { throughSequence } = position;
  const { items, firstSequence, previousDigest } = prepared;
  if (firstSequence > throughSequence + 1) return { kind: "hole" };
  // Where the chain crosses the position, or at the batch's end below it, it has to be ours. Within a
  // gap the edge knows no digest, and what the ledger has there stays.
  const crossing = items.find((item) => item.lastSequence >= throughSequence) ?? items.at(-1)!;
  const parted =
    firstSequence === throughSequence + 1
      ? partedAt(throughSequence, previousDigest, digestAt)
      : partedAt(crossing.lastSequence, crossing.digest, digestAt);
  if (parted !== undefined) return parted;
  const above = items.filter((item) => item.lastSequence > throughSequence);
  return {
    kind: "post",
    items: above.map((item) => clip(item, throughSequence + 1)),
    skippedCount: items.length - above.length,
  };
}

function judgeHello({ batch }: PreparedBatch, digestAt: DigestAt): Verdict {
  const { firstSequence, previousDigest } = batch;
  // One that ends below the position was held back by the network, or its card was set back: no clock
  // of an edge can tell which. The answer can: an edge that finds more acknowledged than it has begins
  // a new outbox, whose `outbox_started` freezes this one.
  const parted = partedAt(firstSequence - 1, previousDigest, digestAt);
  return parted ?? { kind: "post", items: [], skippedCount: 0 };
}

function partedAt(sequence: number, digest: string, digestAt: DigestAt): Verdict | undefined {
  if ((digestAt(sequence) ?? digest) === digest) return undefined;
  return { kind: "diverged", reason: `another history at sequence ${sequence}` };
}

// Only a gap covers more than one sequence.
function clip(item: BatchItem, firstSequence: number): BatchItem {
  return item.firstSequence >= firstSequence ? item : { ...item, firstSequence };
}
