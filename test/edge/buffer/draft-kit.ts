// Drafts for the outbox tests; also used by processes that the tests start.

import type { EventDraft } from "../../../contract/event.ts";

/** The stamp of the drafts' boot. */
export const stamp = { bootId: "0f8fad5b-d9cb-469f-a165-70867728950e", uptimeMs: 90_000 };

/** A customer pick, told apart by its serial. */
export function moved(serial: number | string, evidenceSizeBytes = 120): EventDraft {
  return {
    type: "moved",
    occurredAtMs: 1_763_888_000_000 + (typeof serial === "number" ? serial : 0),
    deviceId: "shelf-3",
    confidence: 0.97,
    step: "customer_pick",
    item: { gtin: "09506000134352" as never, serial: `S${serial}` },
    quantity: 1,
    from: { location: "s0042/floor/gondola-3", state: "sellable" },
    to: { location: "s0042/@basket", state: "sellable" },
    readPoint: "s0042/floor/gondola-3",
    ...(evidenceSizeBytes === 0 ? {} : { evidence: { raw: "e".repeat(evidenceSizeBytes) } }),
    ...stamp,
    clockSynced: true,
  };
}

/** Drafts of serials `first`..`last`. */
export function movedRange(first: number, last: number, evidenceSizeBytes?: number): EventDraft[] {
  const length = last - first + 1;
  return Array.from({ length }, (_, index) => moved(first + index, evidenceSizeBytes));
}

/** A notice so large that a few dozen fill a small outbox, and no shed evidence helps. */
export function large(serial: number): EventDraft {
  return {
    type: "noticed",
    occurredAtMs: 1_763_888_000_000 + serial,
    deviceId: "shelf-3",
    code: "large_one",
    severity: "info",
    detail: { serial: `S${serial}`, text: "x".repeat(9000) },
    ...stamp,
    clockSynced: true,
  };
}
