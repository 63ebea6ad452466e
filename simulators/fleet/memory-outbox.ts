// The outbox of a simulated edge of a fleet: the chain of the real one, without its disk. What is acknowledged is
// forgotten, so a ledger that was set back cannot get it again; the edge fails then, and says so.

import { genesisDigest } from "../../contract/digest.ts";
import { GatewayError } from "../../contract/errors.ts";
import type { EventDraft } from "../../contract/event.ts";
import { checkDraft } from "../../edge/buffer/draft.ts";
import type { OutboxPosition, OutboxReader, OutboxRow } from "../../edge/buffer/outbox.ts";
import { chainEvent } from "../../edge/buffer/rows.ts";

/** Events of one edge that wait for the ledger; what would be more does not happen, and is counted. */
export const waitingCountMax = 10_000;

interface Waiting extends OutboxRow {
  readonly acceptedMs: number;
}

/** Events in memory, in order. */
export class MemoryOutbox implements OutboxReader {
  readonly #outboxId: string;
  readonly #onLatency: (ms: number) => void;
  readonly #nowMs: () => number;
  /** Those after the acknowledged one. */
  #waiting: Waiting[] = [];
  readonly #chain: { lastSequence: number; lastDigest: string };
  #acknowledged: { sequence: number; digest: string };
  #ledgerEpoch = 0;

  /** `onLatency` hears how long each event waited from its acceptance to its acknowledgement, by `monotonicMs`. */
  constructor(outboxId: string, monotonicMs: () => number, onLatency: (ms: number) => void) {
    this.#outboxId = outboxId;
    this.#nowMs = monotonicMs;
    this.#onLatency = onLatency;
    this.#chain = { lastSequence: 0, lastDigest: genesisDigest(outboxId) };
    this.#acknowledged = { sequence: 0, digest: this.#chain.lastDigest };
  }

  get waitingCount(): number {
    return this.#waiting.length;
  }

  /** Accepts an event; false where too many wait already. EVENT_INVALID for one that does not fit its schema. */
  append(draft: EventDraft): boolean {
    if (this.#waiting.length >= waitingCountMax) return false;
    const { sequence, digest, body } = chainEvent(this.#chain, checkDraft(draft));
    const place = { firstSequence: sequence, lastSequence: sequence };
    this.#waiting.push({ ...place, text: body, digest, acceptedMs: this.#nowMs() });
    return true;
  }

  position(): OutboxPosition {
    return {
      outboxId: this.#outboxId,
      ...this.#chain,
      acknowledgedSequence: this.#acknowledged.sequence,
      acknowledgedDigest: this.#acknowledged.digest,
      oldestSequence: this.#acknowledged.sequence + 1,
      ledgerEpoch: this.#ledgerEpoch,
    };
  }

  async read(
    from: number,
    limits: { countMax: number; sizeBytesMax: number },
  ): Promise<OutboxRow[]> {
    const at = this.#indexOf(from);
    const rows: OutboxRow[] = [];
    let sizeBytes = 0;
    for (const row of this.#waiting.slice(at, at + limits.countMax)) {
      sizeBytes += Buffer.byteLength(row.text);
      if (rows.length > 0 && sizeBytes > limits.sizeBytesMax) break;
      rows.push(row);
    }
    return rows;
  }

  async digestAt(sequence: number): Promise<string | undefined> {
    if (sequence === this.#acknowledged.sequence) return this.#acknowledged.digest;
    return this.#waiting[sequence - this.#acknowledged.sequence - 1]?.digest;
  }

  async acknowledge(sequence: number, digest: string, ledgerEpoch: number): Promise<void> {
    const done = this.#waiting.splice(0, this.#indexOf(sequence + 1));
    const nowMs = this.#nowMs();
    for (const { acceptedMs } of done) this.#onLatency(nowMs - acceptedMs);
    this.#acknowledged = { sequence, digest };
    this.#ledgerEpoch = ledgerEpoch;
  }

  setAside(sequence: number): Promise<void> {
    return Promise.reject(unable(`event ${sequence} cannot be sent`));
  }

  renew(reason: string): Promise<void> {
    return Promise.reject(unable(`the ledger has another history of this outbox (${reason})`));
  }

  #indexOf(sequence: number): number {
    const at = sequence - this.#acknowledged.sequence - 1;
    if (at < 0) throw unable(`the ledger asks for event ${sequence} again, which it acknowledged`);
    return at;
  }
}

function unable(message: string): GatewayError {
  return new GatewayError("OUTBOX_FAILED", `${message}; an edge of a fleet keeps nothing for that`);
}
