// Placeholder of the interface; the outbox class implements `Outbox`.
import type { EventDraft } from "../../contract/event.ts";
import type { StateChange } from "../sense/machine.ts";

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

export type AppendOutbox = (drafts: EventDraft[], state: StateChange[]) => Promise<void>;
