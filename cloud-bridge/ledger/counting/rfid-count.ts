// A count of tags beside what was expected: missing, unexpected, found again, and how complete it was. Pure.

import type { Place } from "../../../contract/event.ts";
import { isWithin } from "../../../contract/units.ts";
import { isReal } from "../settle.ts";
import { chapmanEstimate, wilsonInterval } from "./interval.ts";

/** Serials that one list of a report names; the others are only counted. */
export const namedSerialCountMax = 500;

/** Where a serial was held before it was counted. */
export interface HeldSerial extends Place {
  /** `01/{gtin}/21/{serial}` */
  readonly key: string;
}

/** What a count of tags found. */
export interface SetComparison {
  readonly expectedCount: number;
  readonly seenCount: number;
  readonly missingCount: number;
  /** Held here and not seen. */
  readonly missing: readonly string[];
  readonly unexpectedCount: number;
  /** Seen here and held elsewhere, or nowhere. */
  readonly unexpected: readonly { readonly key: string; readonly from?: string }[];
  readonly foundCount: number;
  /** Seen here after it was lost, or missed by the count before. */
  readonly found: readonly { readonly key: string; readonly from: string }[];
  /** What share of the tags here was seen, as far as it can be told; 0 where nothing tells. */
  readonly completenessShare: number;
}

/** Outside accounts out of which a unit comes back when its tag is seen; a basket or an exit still waits. */
const lostPattern = /\/@(loss|variance|unknown)$/;

/** Compares what was seen, in one pass or several, with what is held in a place and below. */
export function compareSet(
  place: Place & { readonly storeId: string },
  passes: readonly ReadonlySet<string>[],
  held: readonly HeldSerial[],
  missedBefore: ReadonlySet<string> = new Set(),
): SetComparison {
  const seen = new Set(passes.flatMap((pass) => [...pass]));
  const holder = new Map(held.map((each) => [each.key, each]));
  const isHere = ({ location, state }: Place) =>
    state === place.state && isReal(location) && isWithin(location, place.location);
  const expected = held.filter(isHere);
  const missing = expected.filter(({ key }) => !seen.has(key)).map(({ key }) => key);
  const found: { key: string; from: string }[] = [];
  const unexpected: { key: string; from?: string }[] = [];
  for (const key of [...seen].sort()) {
    const at = holder.get(key);
    if (at !== undefined && isHere(at)) {
      if (missedBefore.has(key)) found.push({ key, from: at.location });
    } else if (at !== undefined && lostPattern.test(at.location)) {
      found.push({ key, from: at.location });
    } else unexpected.push({ key, ...(at === undefined ? {} : { from: at.location }) });
  }
  const [expectedCount, missingCount] = [expected.length, missing.length];
  return {
    ...{ expectedCount, seenCount: seen.size },
    ...{ missingCount, missing: missing.sort().slice(0, namedSerialCountMax) },
    ...{ unexpectedCount: unexpected.length, unexpected: unexpected.slice(0, namedSerialCountMax) },
    ...{ foundCount: found.length, found: found.slice(0, namedSerialCountMax) },
    completenessShare: completenessOf(passes, expectedCount - missingCount, expectedCount),
  };
}

/**
 * How complete a count of tags was. Two passes tell it by what the second saw that the first did not (Chapman);
 * one pass only by the expected tags that it saw, of which some may truly be gone: the lower end of the
 * interval, so that a handful of tags proves little.
 */
export function completenessOf(
  passes: readonly ReadonlySet<string>[],
  seenExpectedCount: number,
  expectedCount: number,
): number {
  const [first, ...others] = passes;
  if (first !== undefined && others.length > 0) {
    const second = new Set(others.flatMap((pass) => [...pass]));
    const both = [...first].filter((key) => second.has(key)).length;
    const union = first.size + second.size - both;
    if (union === 0) return 0;
    return Math.min(1, union / chapmanEstimate(first.size, second.size, both));
  }
  return expectedCount === 0 ? 0 : wilsonInterval(seenExpectedCount, expectedCount).low;
}

/** Tags of each product. */
export function quantitiesOf(keys: Iterable<string>): Map<string, number> {
  const quantities = new Map<string, number>();
  for (const key of keys) {
    const gtin = /^01\/(\d{14})\/21\//.exec(key)?.[1];
    if (gtin !== undefined) quantities.set(gtin, (quantities.get(gtin) ?? 0) + 1);
  }
  return quantities;
}
