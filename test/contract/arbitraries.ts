// Arbitrary values of the wire for property tests: ids, GTINs, events, batches that fit their schemas.

import fc from "fast-check";
import type { BatchHeader } from "../../contract/batch-codec.ts";
import { type EventDraft, steps } from "../../contract/event.ts";
import { idSchema, stockStates } from "../../contract/units.ts";

/** A store, edge or device id. */
export const anyId = fc
  .stringMatching(/^[a-z0-9][a-z0-9-]{0,31}$/)
  .filter((id) => idSchema.safeParse(id).success);

/** A GTIN-14, its check digit computed after GS1 General Specifications 7.9. */
export const anyGtin = fc.stringMatching(/^\d{13}$/).map((digits) => digits + checkDigit(digits));

/** The check digit of any GS1 number, the long way: weights 3,1,3,... from the right. */
export function checkDigit(digits: string): string {
  const weighted = [...digits].reverse().map((digit, place) => Number(digit) * (place % 2 ? 1 : 3));
  return String((10 - (weighted.reduce((sum, value) => sum + value, 0) % 10)) % 10);
}

export const anyAtMs = fc.integer({ min: 0, max: 4_102_444_800_000 });
export const anyDigest = fc.stringMatching(/^[0-9a-f]{64}$/);
export const anyRandomId = fc.uuid();

const anyPlace = fc.record({
  location: fc.constantFrom("s0042/floor", "s0042/stockroom", "s0042/@basket"),
  state: fc.constantFrom(...stockStates),
});

/** zod leaves out a key `__proto__`, and no edge makes one: the generator tries it, so it is left out here. */
const anyEvidenceKey = fc.string().filter((key) => key !== "__proto__");

/** A `moved` event as an edge decides it. */
export const anyMoved: fc.Arbitrary<EventDraft> = fc.record(
  {
    type: fc.constant("moved"),
    occurredAtMs: anyAtMs,
    deviceId: anyId,
    confidence: fc.double({ min: 0, max: 1, noNaN: true }),
    evidence: fc.dictionary(anyEvidenceKey, fc.oneof(fc.integer(), fc.string(), fc.boolean())),
    step: fc.constantFrom(...steps),
    item: fc.record({ gtin: anyGtin }),
    quantity: fc.integer({ min: 1, max: 1_000_000 }),
    from: anyPlace,
    to: anyPlace,
    bootId: anyRandomId,
    uptimeMs: fc.nat(),
    clockSynced: fc.boolean(),
  },
  {
    requiredKeys: [
      ...(["type", "occurredAtMs", "deviceId", "step", "item", "quantity"] as const),
      ...(["bootId", "uptimeMs", "clockSynced"] as const),
    ],
  },
) as fc.Arbitrary<EventDraft>;

/** A batch's header. */
export const anyHeader: fc.Arbitrary<BatchHeader> = fc.record({
  schemaVersion: fc.constant(1 as const),
  storeId: anyId,
  edgeId: anyId,
  outboxId: anyRandomId,
  firstSequence: fc.integer({ min: 1, max: 2 ** 40 }),
  previousDigest: anyDigest,
  completeThroughAtMs: anyAtMs,
  sentAtMs: anyAtMs,
  nonce: anyRandomId,
});
