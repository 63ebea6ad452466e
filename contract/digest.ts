// The digest chain of an outbox. Each event's digest covers the previous digest and the event without
// its evidence, so a buffer that was cloned or set back is found out at its first differing event.

import { hash } from "node:crypto";

/** JSON with sorted keys and no white space: equal values give equal text (after RFC 8785). */
export function canonicalJson(value: unknown): string {
  // What was canonical once comes back sorted from `JSON.parse`, and the native writer is much faster.
  return isSorted(value) ? JSON.stringify(value) : writeSorted(value);
}

/** Whether the keys of all objects stand in the order that canonical JSON wants. */
function isSorted(value: unknown): boolean {
  if (value === null || typeof value !== "object") return true;
  if (Array.isArray(value)) return value.every(isSorted);
  const record = value as Record<string, unknown>;
  let previous = "";
  for (const key of Object.keys(record)) {
    if (key < previous || !isSorted(record[key])) return false;
    previous = key;
  }
  return true;
}

function writeSorted(value: unknown): string {
  if (value === null || typeof value !== "object") return JSON.stringify(value);
  if (Array.isArray(value)) return `[${value.map((one) => writeSorted(one ?? null)).join(",")}]`;
  const record = value as Record<string, unknown>;
  const members = Object.keys(record)
    .sort()
    .filter((key) => record[key] !== undefined)
    .map((key) => `${JSON.stringify(key)}:${writeSorted(record[key])}`);
  return `{${members.join(",")}}`;
}

/** The text of an event that its digest covers: canonical, without evidence. */
export function canonicalEvent(event: object): string {
  const { evidence: _evidence, ...rest } = event as { evidence?: unknown };
  return canonicalJson(rest);
}

/** Digest before the first event of an outbox: binds the chain to the outbox. */
export function genesisDigest(outboxId: string): string {
  return hash("sha256", `gondola outbox ${outboxId}`);
}

/** Digest after one more event, given as its canonical text. */
export function nextDigest(previousDigest: string, canonicalText: string): string {
  // In one call: several times faster than a hash object, and each event of the chain needs one.
  return hash("sha256", `${previousDigest}\n${canonicalText}`);
}
