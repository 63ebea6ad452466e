// What the ledger's benches post: groups of full batches of a busy day, as ingest hands them on.

import { setTimeout } from "node:timers/promises";
import { itemsOf } from "../../cloud-bridge/ledger/batch-items.ts";
import type { Incoming } from "../../cloud-bridge/ledger/types.ts";
import { batchEventCountMax } from "../../contract/delivery.ts";
import { canonicalEvent, canonicalJson, genesisDigest, nextDigest } from "../../contract/digest.ts";

/** When such a day begins. */
export const startAtMs = 1_763_888_000_000;

/** The one edge of a store, and how far its outbox has come. */
export interface Stream {
  readonly storeId: string;
  readonly outboxId: string;
  sequence: number;
  digest: string;
}

/** Edges before their first event. */
export function newStreams(storeCount: number): Stream[] {
  return Array.from({ length: storeCount }, (_, index) => {
    const outboxId = `0a0a0a0a-0000-4000-8000-00000000000${index}`;
    const digest = genesisDigest(outboxId);
    return { storeId: `store-${index + 1}`, outboxId, sequence: 0, digest };
  });
}

/** A busy day: units arrive, pass the portal, are picked and sold, one after the other. */
export function makeGroups(streams: readonly Stream[], groupCount: number): Incoming[][] {
  return Array.from({ length: groupCount }, () => streams.map(nextBatch));
}

function nextBatch(stream: Stream): Incoming {
  const { storeId, outboxId, digest: previousDigest } = stream;
  const firstSequence = stream.sequence + 1;
  // Canonical, as the rows of an outbox are and as they come out of a batch.
  const events = Array.from({ length: batchEventCountMax }, (_, index) =>
    JSON.parse(canonicalJson(makeEvent(storeId, firstSequence + index))),
  );
  for (const event of events) stream.digest = nextDigest(stream.digest, canonicalEvent(event));
  stream.sequence += events.length;
  const header = { schemaVersion: 1, storeId, edgeId: "edge-1", outboxId } as const;
  const times = { completeThroughAtMs: startAtMs, sentAtMs: startAtMs + firstSequence };
  const chain = { firstSequence, previousDigest, nonce: "0000-00000001" };
  return { storeId, edgeId: "edge-1", batch: { ...header, ...chain, ...times, events } };
}

/** What ingest does with the batches that arrive while the ledger posts the group before. */
export async function arrive(decoded: readonly Incoming[]): Promise<Incoming[]> {
  const group: Incoming[] = [];
  for (const incoming of decoded) {
    await setTimeout(5);
    group.push({ ...incoming, items: itemsOf(incoming.batch) });
  }
  return group;
}

/** How long something takes, and what it gives. */
export async function timed<T>(work: () => Promise<T>): Promise<[number, T]> {
  const begunAtMs = performance.now();
  const result = await work();
  return [performance.now() - begunAtMs, result];
}

/** The columns of the rows that such groups become; every event is one entry. */
export const columns = {
  events:
    "store_id, edge_id, outbox_id, sequence, first_sequence, type, digest, body, evidence, recorded_at_ms",
  entries:
    "store_id, entry_number, item, serial, lot, quantity, from_location, from_state, to_location, to_state, reason, occurred_at_ms, placed_at_ms, recorded_at_ms, edge_id, outbox_id, sequence, device_id, unsynced_boot_id, hash",
  balances: "store_id, item, location, state, quantity, entry_number",
};

/** After so many events of a store the same products move in the same way again. */
export const cycleEventCount = 1_200;

function makeEvent(storeId: string, sequence: number): object {
  const product = Math.floor(sequence / 4) % 300;
  const place = (name: string) => ({ location: `${storeId}/${name}`, state: "sellable" });
  const shelf = place(`floor/gondola-${product % 40}/c${product % 6}`);
  const [step, from, to] = [
    ["receiving", place("@supplier"), place("stockroom")],
    ["relocating", place("stockroom"), shelf],
    ["customer_pick", shelf, place("@basket")],
    ["retail_selling", place("@basket"), place("@customer")],
  ][sequence % 4]!;
  const clock = { bootId: "b0071d00-0000-4000-8000-000000000001", clockSynced: true };
  const serial = step === "relocating" ? { serial: `${sequence}` } : {};
  return {
    ...{ type: "moved", step, sequence, quantity: 1, from, to, deviceId: "gondola-1", ...clock },
    ...{ occurredAtMs: startAtMs + sequence, uptimeMs: sequence * 100, confidence: 0.97 },
    item: { gtin: gtinOf(product), ...serial },
    evidence: { decidedAtMs: startAtMs + sequence, reads: 14, peakRssiDbm: -51, deltaGrams: 512.4 },
  };
}

function gtinOf(product: number): string {
  const digits = `0952132${String(product).padStart(6, "0")}`;
  const weigh = (sum: number, digit: string, at: number) =>
    sum + Number(digit) * (at % 2 === 0 ? 3 : 1);
  return `${digits}${(10 - ([...digits].reduce(weigh, 0) % 10)) % 10}`;
}
