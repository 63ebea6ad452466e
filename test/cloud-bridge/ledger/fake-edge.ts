// An edge's outbox for tests of the ledger: makes events with a right digest chain, and any slice of
// them as a batch. Nothing is validated, so it can also say what no real edge would.

import type { Incoming } from "../../../cloud-bridge/ledger/types.ts";
import type { Batch } from "../../../contract/delivery.ts";
import { canonicalEvent, genesisDigest, nextDigest } from "../../../contract/digest.ts";

export const startAtMs = 1_763_888_000_000;
export const bootId = "b0071d00-0000-4000-8000-000000000001";
export const coffee = "09521321002012";
export const tea = "09521321002029";
export const shirt = "09521321001015";

type Fields = Record<string, unknown>;

/** A `moved` event without its sequence. */
export function moved(step: string, gtin: string, fields: Fields = {}): Fields {
  return { ...stamp("moved"), step, item: { gtin }, quantity: 1, ...fields };
}

/** A `counted` event; `lines` as gtin -> quantity. */
export function counted(location: string, lines: Record<string, number>, fields: Fields = {}) {
  return {
    ...stamp("counted"),
    ...{ location, state: "sellable", complete: true },
    lines: Object.entries(lines).map(([gtin, quantity]) => ({
      ...{ gtin, quantity, observedAtMs: startAtMs + 1 },
    })),
    ...fields,
  };
}

export function noticed(code: string, fields: Fields = {}): Fields {
  return { ...stamp("noticed"), code, severity: "info", detail: {}, ...fields };
}

function stamp(type: string): Fields {
  const clock = { bootId, uptimeMs: 5000, clockSynced: true };
  return { type, occurredAtMs: startAtMs, ...clock, deviceId: "dev-1" };
}

export function place(location: string, state = "sellable") {
  return { location, state };
}

interface Row {
  raw: Fields;
  first: number;
  last: number;
  digest: string;
}

/** One outbox of one edge. */
export class FakeEdge {
  readonly storeId: string;
  readonly edgeId: string;
  readonly outboxId: string;
  readonly rows: Row[] = [];
  sentAtMs = startAtMs;
  #nonce = 0;

  constructor(outboxId = "0a0a0a0a-1111", edgeId = "edge-1", storeId = "s0042") {
    this.storeId = storeId;
    this.edgeId = edgeId;
    this.outboxId = outboxId;
  }

  get lastSequence(): number {
    return this.rows.at(-1)?.last ?? 0;
  }

  append(...events: Fields[]): this {
    for (const event of events) {
      const sequence = this.lastSequence + 1;
      const raw = { ...event, sequence };
      const digest = nextDigest(this.digestAt(sequence - 1), canonicalEvent(raw));
      this.rows.push({ raw, first: sequence, last: sequence, digest });
    }
    return this;
  }

  /** Puts a gap in the place of what lies between two sequences. */
  dropRange(first: number, last: number, reason = "overflow"): this {
    const digest = this.digestAt(last);
    const index = this.rows.findIndex((row) => row.first === first);
    const raw = { type: "gap", firstSequence: first, lastSequence: last, reason, digest };
    this.rows.splice(index, last - first + 1, { raw, first, last, digest });
    return this;
  }

  digestAt(sequence: number): string {
    if (sequence === 0) return genesisDigest(this.outboxId);
    const row = this.rows.find(({ last }) => last === sequence);
    return row?.digest ?? "f".repeat(64);
  }

  /** A copy of the card, as it is now. */
  clone(): FakeEdge {
    const copy = new FakeEdge(this.outboxId, this.edgeId, this.storeId);
    copy.rows.push(...this.rows);
    return copy;
  }

  batch(firstSequence: number, lastSequence = this.lastSequence, fields: Partial<Batch> = {}) {
    const rows = this.rows.filter(
      ({ first, last }) => first >= firstSequence && last <= lastSequence,
    );
    const header = this.#header(firstSequence);
    return this.#incoming({ ...header, events: rows.map(({ raw }) => raw), ...fields });
  }

  hello(firstSequence: number, fields: Partial<Batch> = {}): Incoming {
    const standing = { oldestSequence: 1, lastSequence: this.lastSequence };
    return this.#incoming({ ...this.#header(firstSequence), events: [], ...standing, ...fields });
  }

  #header(firstSequence: number) {
    this.sentAtMs += 10;
    this.#nonce += 1;
    return {
      schemaVersion: 1 as const,
      ...{ storeId: this.storeId, edgeId: this.edgeId, outboxId: this.outboxId, firstSequence },
      previousDigest: this.digestAt(firstSequence - 1),
      completeThroughAtMs: this.sentAtMs - 5,
      sentAtMs: this.sentAtMs,
      nonce: `0000-${String(this.#nonce).padStart(8, "0")}`,
    };
  }

  #incoming(batch: Batch): Incoming {
    return { storeId: this.storeId, edgeId: this.edgeId, batch };
  }
}
