// What others see of the outbox: the uplink reads by `OutboxReader`, the composition root opens by
// `OutboxOptions`.

import type { GatewayError } from "../../contract/errors.ts";
import type { Clock } from "../../drivers/clock.ts";
import type { EventStamp } from "./draft.ts";
import type { OutboxFacts } from "./facts.ts";
import type { OutboxSettings } from "./settings.ts";
import type { Gate } from "./sqlite.ts";

/** One stored event or gap, ready to send. */
export interface OutboxRow {
  readonly firstSequence: number;
  readonly lastSequence: number;
  /** The whole event as JSON, evidence included. */
  readonly text: string;
  /** The chain's digest after it. */
  readonly digest: string;
}

/** Where an outbox stands. */
export interface OutboxPosition {
  readonly outboxId: string;
  /** Last sequence given out; 0 before the first. */
  readonly lastSequence: number;
  readonly lastDigest: string;
  readonly acknowledgedSequence: number;
  readonly acknowledgedDigest: string;
  /** Oldest sequence that can still be sent; last + 1 when none is kept. */
  readonly oldestSequence: number;
  /** 0 before the first answer. */
  readonly ledgerEpoch: number;
}

/** What the uplink needs of the outbox. */
export interface OutboxReader {
  position(): OutboxPosition;
  /** Rows from `fromSequence` on; a range that is gone comes as one gap row. */
  read(
    fromSequence: number,
    limits: { countMax: number; sizeBytesMax: number },
  ): Promise<OutboxRow[]>;
  /** The chain's digest after `sequence` (0: the genesis digest); undefined when it is gone. */
  digestAt(sequence: number): Promise<string | undefined>;
  /** Moves the acknowledged position, forward or (answers only, the caller decides) back. */
  acknowledge(sequence: number, digest: string, ledgerEpoch: number): Promise<void>;
  /** Puts a declared gap in the place of one event that nobody can read; the event is set aside. */
  setAside(sequence: number): Promise<void>;
  /** Begins a new outbox with the events after `afterSequence`, renumbered from `outbox_started` on. */
  renew(reason: "diverged", afterSequence: number): Promise<void>;
}

/** Sequences that were committed together. */
export interface CommittedRange {
  readonly outboxId: string;
  readonly firstSequence: number;
  readonly lastSequence: number;
}

/** What became of an `append`: each draft has its sequence, in order. */
export interface Appended {
  readonly firstSequence: number;
  /** `firstSequence - 1` when there were no drafts. */
  readonly lastSequence: number;
  /** Drafts in whose place a `noticed` with the error's code was stored (EVENT_INVALID, EVENT_TOO_LARGE). */
  readonly refused: readonly { readonly index: number; readonly error: GatewayError }[];
}

/** The facts of the file and the counters of this run. */
export interface OutboxStats extends OutboxFacts {
  readonly usedShare: number;
  readonly queuedCount: number;
  readonly counters: Readonly<Record<string, number>>;
}

/** What an outbox is given. */
export interface OutboxOptions {
  readonly file: string;
  /** The device id of what the outbox itself reports. */
  readonly edgeId: string;
  readonly settings: OutboxSettings;
  readonly clock: Clock;
  /** A new id that fits `randomIdSchema`. */
  readonly randomId: () => string;
  /** The clock's stamp for an event that is decided now. */
  readonly stamp: () => EventStamp;
  /** Events were committed: they are accepted, and there is something to send. */
  readonly onCommit: (committed: CommittedRange) => void;
  /** The outbox failed for good: every later call rejects, the process must stop and start anew. */
  readonly onFailure: (error: GatewayError) => void;
  readonly synchronous?: "FULL" | "OFF";
  readonly gate?: Gate;
}
