// How many element strings a second are read and checked, beside a bare split of the same text at its separators.

import { strict as assert } from "node:assert";
import { checkDigitOf } from "../../contract/gs1/check-digit.ts";
import { groupSeparator, parseElementString } from "../../contract/gs1/element-string.ts";

const stringCount = 50_000;
const roundCount = 5;
const aimPerSecond = 150_000;

/** Each figure is that of the best round, the least disturbed. */
export async function benchElementString(): Promise<object> {
  const strings = Array.from({ length: stringCount }, (_, index) => makeString(index));
  const ours: number[] = [];
  const splits: number[] = [];
  for (let round = 0; round < roundCount; round += 1) {
    ours.push(rateOf(strings, valueCount));
    splits.push(rateOf(strings, (text) => text.split(groupSeparator).length));
  }
  // A bench of refusals would say nothing.
  for (const text of strings.slice(0, 100)) assert.equal(valueCount(text), 4);
  const parsesPerSecond = Math.max(...ours);
  const bareSplitsPerSecond = Math.max(...splits);
  const bareSplitRatio = Number((parsesPerSecond / bareSplitsPerSecond).toFixed(3));
  return { stringCount, parsesPerSecond, aimPerSecond, bareSplitsPerSecond, bareSplitRatio };
}

function valueCount(text: string): number {
  const parsed = parseElementString(text);
  return parsed.ok ? parsed.elements.length : 0;
}

/** GTIN, expiry, lot and serial: what a DataMatrix on a product carries. */
function makeString(index: number): string {
  const digits = `0952114${String(index % 1_000_000).padStart(6, "0")}`;
  const day = String(1 + (index % 28)).padStart(2, "0");
  return `01${digits}${checkDigitOf(digits)}172706${day}10LOT-${index}${groupSeparator}21${index}ABC`;
}

function rateOf(strings: readonly string[], read: (text: string) => number): number {
  let sum = 0;
  const begunAtMs = performance.now();
  for (const text of strings) sum += read(text);
  const tookMs = performance.now() - begunAtMs;
  assert.ok(sum > 0);
  return Math.round((1000 * strings.length) / tookMs);
}
