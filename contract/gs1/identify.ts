// What a tag or a label names: one way for all readings. An item, or a reason with a code to count by; never an
// exception, and the reading's own bytes are the caller's to keep.

import type { Item } from "../event.ts";
import type { ScanReading, TagReading } from "../reading.ts";
import type { EpcHex } from "../units.ts";
import { type BarcodeRefusal, itemOf, readBarcode } from "./barcode.ts";
import { netWeightGramsOf } from "./element-value.ts";
import { decodeEpc, type NoItemCode } from "./epc.ts";
import { restrictedUse } from "./restricted.ts";
import { type RestrictedRule, readRestricted } from "./restricted-rule.ts";

/** What a reading names. */
export type Identity =
  | {
      readonly ok: true;
      readonly item: Item;
      /** What the label says of this unit beside its item. */
      readonly weightGrams?: number;
      readonly price?: string;
      readonly count?: number;
    }
  | { readonly ok: false; readonly code: NoItemCode | BarcodeRefusal; readonly reason: string };

/** What is known where the reading was made. */
export interface IdentifyOptions {
  /** How the store's own numbers are read; none: they name nothing. */
  readonly restrictedRules?: readonly RestrictedRule[];
}

/** Identifies a reading. A two-digit year gets its century from the time of the reading. */
export function identify(
  reading: TagReading | ScanReading,
  options: IdentifyOptions = {},
): Identity {
  return reading.kind === "tag"
    ? identifyTag(reading.epc)
    : identifyScan(reading, options.restrictedRules ?? []);
}

/** A tag of any SGTIN scheme, unless its number is a store's own: then it should not be on a tag. */
export function identifyTag(epc: EpcHex): Identity {
  const identity = decodeEpc(epc);
  if (!identity.ok) return identity;
  const { gtin, serial } = identity;
  const reason = restrictedUse(gtin);
  if (reason !== undefined) return { ok: false, code: "restricted", reason };
  return { ok: true, item: { gtin, serial, epc } };
}

function identifyScan(reading: ScanReading, rules: readonly RestrictedRule[]): Identity {
  const content = readBarcode(reading);
  if (content.kind === "number" && restrictedUse(padded(content.digits)) !== undefined) {
    const read = readRestricted(content.digits, rules);
    if (read?.ok === true) {
      const { ok: _ok, gtin, ...measures } = read;
      return { ok: true, item: { gtin }, ...measures };
    }
    if (read !== undefined) return { ok: false, code: "restricted", reason: read.reason };
  }
  const identity = itemOf(content, reading.receivedAtMs);
  if (!identity.ok) return identity;
  const { ok: _ok, ...item } = identity;
  const elements = content.kind === "elements" ? content.elements : [];
  const weightGrams = elements
    .map(([ai, value]) => netWeightGramsOf(ai, value))
    .find((grams) => grams !== undefined);
  // (30) is how many pieces a unit of variable measure holds.
  const pieces = elements.find(([ai]) => ai === "30")?.[1];
  return {
    ok: true,
    item,
    ...(weightGrams === undefined ? {} : { weightGrams }),
    ...(pieces === undefined ? {} : { count: Number(pieces) }),
  };
}

function padded(digits: string) {
  return digits.padStart(14, "0") as Parameters<typeof restrictedUse>[0];
}
