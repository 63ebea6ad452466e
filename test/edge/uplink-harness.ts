// The uplink with a scripted ledger: virtual time, an outbox in memory whose every position a test can
// set, and the messages as the bridge would decode them. (The simulation has the real outbox.)

import { setImmediate } from "node:timers/promises";
import { decodeBatch, payloadDigest } from "../../contract/batch-codec.ts";
import type { Acknowledgement, Batch, Refusal, Rejection } from "../../contract/delivery.ts";
import { canonicalEvent, genesisDigest, nextDigest } from "../../contract/digest.ts";
import type { OutboxPosition, OutboxReader, OutboxRow } from "../../edge/buffer/outbox.ts";
import { Uplink } from "../../edge/uplink.ts";
import { type UplinkSettings, uplinkSettingsSchema } from "../../edge/uplink-settings.ts";
import { MachineClock, VirtualTime } from "../simulation/virtual-clock.ts";

/** An outbox in memory. */
export class MemoryOutbox implements OutboxReader {
  outboxId = "0b0b0b0b-1";
  rows: OutboxRow[] = [];
  acknowledgedSequence = 0;
  acknowledgedDigest = genesisDigest(this.outboxId);
  ledgerEpoch = 0;
  /** Sequences up to this one are no longer kept. */
  trimmedThrough = 0;
  readonly renewals: number[] = [];

  append(count: number, detail: string = "x"): void {
    for (let index = 0; index < count; index += 1) {
      const sequence = this.rows.length + 1;
      const event = { type: "noticed", sequence, detail: { detail } };
      const digest = nextDigest(this.digestOf(sequence - 1), canonicalEvent(event));
      const text = JSON.stringify(event);
      this.rows.push({ firstSequence: sequence, lastSequence: sequence, text, digest });
    }
  }

  digestOf(sequence: number): string {
    return this.rows[sequence - 1]?.digest ?? genesisDigest(this.outboxId);
  }

  position(): OutboxPosition {
    const { outboxId, acknowledgedSequence, acknowledgedDigest, ledgerEpoch } = this;
    const lastSequence = this.rows.length;
    const lastDigest = this.digestOf(lastSequence);
    const oldestSequence = this.trimmedThrough + 1;
    return {
      ...{ outboxId, lastSequence, lastDigest },
      ...{ acknowledgedSequence, acknowledgedDigest, oldestSequence, ledgerEpoch },
    };
  }

  async read(
    from: number,
    limits: { countMax: number; sizeBytesMax: number },
  ): Promise<OutboxRow[]> {
    const rows: OutboxRow[] = [];
    let sizeBytes = 0;
    for (let sequence = from; sequence <= this.rows.length; ) {
      const row = sequence <= this.trimmedThrough ? this.#gap(sequence) : this.rows[sequence - 1]!;
      sizeBytes += row.text.length;
      if (rows.length >= limits.countMax || sizeBytes > limits.sizeBytesMax) break;
      rows.push(row);
      sequence = row.lastSequence + 1;
    }
    return rows;
  }

  #gap(firstSequence: number): OutboxRow {
    const lastSequence = this.trimmedThrough;
    const digest = this.digestOf(lastSequence);
    const gap = { type: "gap", firstSequence, lastSequence, reason: "trimmed", digest };
    return { firstSequence, lastSequence, text: JSON.stringify(gap), digest };
  }

  async digestAt(sequence: number): Promise<string | undefined> {
    return sequence < this.trimmedThrough && sequence > 0 ? undefined : this.digestOf(sequence);
  }

  async acknowledge(sequence: number, digest: string, ledgerEpoch: number): Promise<void> {
    Object.assign(this, {
      acknowledgedSequence: sequence,
      acknowledgedDigest: digest,
      ledgerEpoch,
    });
  }

  async setAside(sequence: number): Promise<void> {
    const { digest } = this.rows[sequence - 1]!;
    const gap = { firstSequence: sequence, lastSequence: sequence, reason: "unreadable", digest };
    const text = JSON.stringify({ type: "gap", ...gap });
    this.rows[sequence - 1] = { firstSequence: sequence, lastSequence: sequence, text, digest };
  }

  async renew(_reason: "diverged", afterSequence: number): Promise<void> {
    this.renewals.push(afterSequence);
    const moved = this.rows.length - afterSequence;
    this.outboxId = `0b0b0b0b-${this.renewals.length + 1}`;
    this.rows = [];
    this.acknowledgedSequence = 0;
    this.acknowledgedDigest = genesisDigest(this.outboxId);
    this.trimmedThrough = 0;
    this.append(moved + 1, "moved");
  }
}

/** An uplink under test; the test is the ledger. */
export class Harness {
  readonly time = new VirtualTime();
  readonly outbox = new MemoryOutbox();
  readonly sent: { batch: Batch; payload: Uint8Array; atMs: number }[] = [];
  readonly alarms: string[] = [];
  readonly rejected: Rejection[] = [];
  readonly failures: unknown[] = [];
  unansweredCount = 0;
  readonly counts = new Map<string, number>();
  decidedAtMs = 1_000;
  random = 0;
  readonly uplink: Uplink;
  #nonce = 0;

  constructor(settings: Partial<UplinkSettings> = {}) {
    const nextNonce = () => {
      this.#nonce += 1;
      return `abc-${String(this.#nonce).padStart(8, "0")}`;
    };
    this.uplink = new Uplink({
      storeId: "s0042",
      edgeId: "edge-1",
      outbox: this.outbox,
      clock: new MachineClock(this.time, 1_700_000_000_000),
      random: () => this.random,
      randomId: nextNonce,
      send: (_topic, payload) => this.#take(payload),
      completeThroughAtMs: () => this.decidedAtMs,
      alarm: (code) => this.alarms.push(code),
      onRejected: (rejections) => this.rejected.push(...rejections),
      onFailure: (error) => this.failures.push(error),
      onUnanswered: () => {
        this.unansweredCount += 1;
      },
      count: (name, by = 1) => this.counts.set(name, (this.counts.get(name) ?? 0) + by),
      settings: uplinkSettingsSchema.parse(settings),
    });
  }

  #take(payload: Uint8Array): void {
    const decoded = decodeBatch(payload);
    if (!decoded.ok) throw new Error(decoded.refusal.message);
    this.sent.push({ batch: decoded.batch, payload, atMs: this.time.nowMs });
  }

  /** Waits until nothing more happens at this moment. */
  async settle(): Promise<void> {
    await setImmediate();
  }

  async after(ms: number): Promise<void> {
    await this.time.advance(ms, () => this.settle());
  }

  /** The last message sent. */
  get last(): Batch {
    const sent = this.sent.at(-1);
    if (sent === undefined) throw new Error("nothing was sent");
    return sent.batch;
  }

  count(name: string): number {
    return this.counts.get(name) ?? 0;
  }

  /** Sends anything to the ack topic. */
  async receive(answer: object): Promise<void> {
    this.uplink.receive(Buffer.from(JSON.stringify(answer)));
    await this.settle();
  }

  /** An acknowledgement of this outbox, by default an answer to the last message, in epoch 5. */
  async acknowledge(through: number, overrides: Partial<Acknowledgement> = {}): Promise<void> {
    await this.receive({
      outboxId: this.outbox.outboxId,
      ledgerEpoch: 5,
      throughSequence: through,
      throughDigest: this.outbox.digestOf(through),
      nonce: this.last.nonce,
      rejected: [],
      ...overrides,
    });
  }

  /** Refuses the last message. */
  async refuse(code: Refusal["code"], digest?: string): Promise<void> {
    const payload = this.sent.at(-1)?.payload ?? new Uint8Array();
    await this.receive({ code, message: "no", payloadDigest: digest ?? payloadDigest(payload) });
  }

  /** Connects and answers the hello with a position. */
  async online(through: number): Promise<void> {
    this.uplink.connected();
    await this.settle();
    await this.acknowledge(through);
  }
}
