// The digest chain of an outbox. Each event's digest covers the previous digest and the event without
// its evidence, so a buffer that was cloned or set back is found out at its first differing event.

import { hash } from "node:crypto";

/** JSON with sorted keys and no white space: equal values give equal text (after RFC 8785). */
export function canonicalJson(value: unknown): string {
  if (value === null || typeof value !== "object") return JSON.stringify(value);
  if (Array.isArray(value)) {
    let text = "[";
    for (let index = 0; index < value.length; index += 1) {
      if (index > 0) text += ",";
      text += canonicalJson(value[index] ?? null);
    }
    return `${text}]`;
  }
  const record = value as Record<string, unknown>;
  let text = "{";
  for (const key of Object.keys(record).sort()) {
    const member = record[key];
    if (member === undefined) continue;
    if (text.length > 1) text += ",";
    text += `${JSON.stringify(key)}:${canonicalJson(member)}`;
  }
  return `${text}}`;
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
