// How many SGTIN-96 a second are decoded to GTIN and serial, beside the package epc-tds on the same tags in
// the same run, in turns.

import { strict as assert } from "node:assert";
import epcTds from "epc-tds";
import { checkDigitOf } from "../../contract/gs1/check-digit.ts";
import { decodeEpc, encodeSgtin96 } from "../../contract/gs1/epc.ts";
import type { EpcHex, Gtin } from "../../contract/units.ts";

const tagCount = 50_000;
const roundCount = 5;
const ratioMin = 10;

/** Each figure is that of the best round, the least disturbed. */
export async function benchEpc(): Promise<object> {
  const epcs = Array.from({ length: tagCount }, (_, index) => makeEpc(index));
  const ours: number[] = [];
  const theirs: number[] = [];
  for (let round = 0; round < roundCount; round += 1) {
    ours.push(rateOf(epcs, gtinAndSerial));
    theirs.push(rateOf(epcs, theirGtinAndSerial));
  }
  // A bench of wrong answers would say nothing.
  for (const epc of epcs.slice(0, 100)) assert.equal(gtinAndSerial(epc), theirGtinAndSerial(epc));
  const decodesPerSecond = Math.max(...ours);
  const epcTdsDecodesPerSecond = Math.max(...theirs);
  const ratio = Number((decodesPerSecond / epcTdsDecodesPerSecond).toFixed(1));
  return { tagCount, decodesPerSecond, epcTdsDecodesPerSecond, ratio, ratioMin };
}

function gtinAndSerial(epc: EpcHex): string {
  const identity = decodeEpc(epc);
  return identity.ok ? `${identity.gtin} ${identity.serial}` : "";
}

/** As the package has it; its own types do not fit its module. */
interface Sgtin96 {
  toBarcode(): string;
  getSerial(): number;
}
const peer = epcTds as unknown as { valueOf(epc: string): Sgtin96 };

function theirGtinAndSerial(epc: EpcHex): string {
  const tag = peer.valueOf(epc);
  return `${tag.toBarcode()} ${tag.getSerial()}`;
}

function rateOf(epcs: readonly EpcHex[], decode: (epc: EpcHex) => string): number {
  let lengthSum = 0;
  const begunAtMs = performance.now();
  for (const epc of epcs) lengthSum += decode(epc).length;
  const tookMs = performance.now() - begunAtMs;
  assert.ok(lengthSum > 0);
  return Math.round((1000 * epcs.length) / tookMs);
}

function makeEpc(index: number): EpcHex {
  const digits = `0952114${String(index % 1_000_000).padStart(6, "0")}`;
  const gtin = `${digits}${checkDigitOf(digits)}` as Gtin;
  const encoded = encodeSgtin96({
    gtin,
    serial: String(index * 5_000_011),
    companyPrefixDigits: 7,
  });
  assert.ok(encoded.ok);
  return encoded.epc;
}
