// Toledo's continuous output, both directions: `STX SWA SWB SWC wwwwww tttttt CR [ck]`, for ever and unasked. Weight
// and tare are six digits without sign and point. Mettler-Toledo WILDCAT technical manual, appendix 2; the short
// form without a tare is that of smaller indicators.

import type { WeightReading } from "../../contract/reading.ts";
import type { Envelope } from "../envelope-decoder.ts";

const stx = 0x02;
const cr = 0x0d;
const weightAt = 4;
const tareAt = 10;
const digitCount = 6;

/** A weight as the scale shows it. */
export interface ContinuousWeight {
  readonly type: "continuous";
  /** In `unit`; 0 where the status is not `ok`. */
  readonly value: number;
  /** A unit of mass, or `code 3` and the like where the manual names none. */
  readonly unit: string;
  readonly status: WeightReading["status"];
  readonly isStable: boolean;
  /** False from power-on until the scale found its zero: its weights mean nothing until then. */
  readonly isZeroed: boolean;
  readonly load: "gross" | "net";
  /** In `unit`; absent in the short form. */
  readonly tareValue?: number;
}

/** Bits of status word B (table 6-10). */
const wordB = { net: 1, negative: 2, outOfRange: 4, motion: 8, kg: 16, one: 32, notZeroed: 64 };
/** Bit 5 is 1 in all three words, so that none is a control character. */
const wordOne = 0x20;
/** Decimals of code 0 in status word A: two zeros are shown behind the digits (table 6-9). */
const decimalCountMin = -2;

/** How these frames are wrapped; `checksum` is a setting of the indicator. */
export function continuousEnvelope(checksum: "required" | "none"): Envelope<ContinuousWeight> {
  const checkCount = checksum === "required" ? 1 : 0;
  return {
    // A frame comes in one piece; at 1200 baud a character takes 8 ms.
    idleMs: 100,
    lengthAt(bytes, at) {
      for (let index = 0; ; index += 1) {
        const byte = bytes[at + index];
        if (byte === undefined) return undefined;
        const isShort = index === tareAt && byte === cr;
        if (isShort || (index === tareAt + digitCount && byte === cr)) {
          return index + 1 + checkCount;
        }
        if (!fits(byte, index)) return 0;
      }
    },
    open(bytes) {
      if (checkCount > 0 && (sum(bytes) & 0x7f) !== 0) return undefined;
      return openFrame(bytes.subarray(0, bytes.length - checkCount));
    },
  };
}

function fits(byte: number, index: number): boolean {
  if (index === 0) return byte === stx;
  // Bit 6 is the "not zeroed" of word B and 0 in the others.
  if (index < weightAt) return (byte & (index === 2 ? 0xa0 : 0xe0)) === wordOne;
  return index < tareAt + digitCount && (byte === 0x20 || (byte >= 0x30 && byte <= 0x39));
}

function openFrame(bytes: Uint8Array): ContinuousWeight | undefined {
  const [, a = 0, b = 0, c = 0] = bytes;
  const decimalCount = (a & 7) + decimalCountMin;
  const tareValue = bytes.length > tareAt + 1 ? digits(bytes, tareAt, decimalCount) : undefined;
  const isNegative = (b & wordB.negative) !== 0;
  const rest = {
    type: "continuous",
    unit: unitOf(b, c),
    isStable: (b & wordB.motion) === 0,
    isZeroed: (b & wordB.notZeroed) === 0,
    load: (b & wordB.net) === 0 ? "gross" : "net",
    ...(tareValue === undefined ? {} : { tareValue }),
  } as const;
  // What is shown beside it is the last good weight, or nothing.
  if ((b & wordB.outOfRange) !== 0) {
    return { ...rest, value: 0, status: isNegative ? "underload" : "overload" };
  }
  const value = digits(bytes, weightAt, decimalCount);
  if (value === undefined) return undefined;
  // Minus zero is zero.
  return { ...rest, value: (isNegative ? -value : value) + 0, status: "ok" };
}

function digits(bytes: Uint8Array, at: number, decimalCount: number): number | undefined {
  const text = Buffer.from(bytes.subarray(at, at + digitCount)).toString("latin1");
  if (!/^ *\d+ *$/.test(text)) return undefined;
  // Exponents are read exactly, products with 0.001 are not.
  return Number(`${text.trim()}e${-decimalCount}`);
}

// Word C, bits 0 to 2; codes above 2 are named differently by makers.
function unitOf(b: number, c: number): string {
  const code = c & 7;
  if (code === 0) return (b & wordB.kg) === 0 ? "lb" : "kg";
  return { 1: "g", 2: "t" }[code] ?? `code ${code}`;
}

/** A frame as an indicator sends it, for simulated ones; three decimals (grams: none). */
export function encodeContinuous(
  weight: ContinuousWeight,
  checksum: "required" | "none",
): Uint8Array {
  const { value, unit, status, isStable, isZeroed, load, tareValue } = weight;
  const decimalCount = unit === "g" ? 0 : 3;
  let b = wordOne;
  if (load === "net") b |= wordB.net;
  if (value < 0 || status === "underload") b |= wordB.negative;
  if (status === "overload" || status === "underload") b |= wordB.outOfRange;
  if (!isStable) b |= wordB.motion;
  if (unit === "kg") b |= wordB.kg;
  if (!isZeroed) b |= wordB.notZeroed;
  const c = wordOne | (unit === "lb" || unit === "kg" ? 0 : unit === "g" ? 1 : 2);
  const number = (shown: number) =>
    Buffer.from(
      String(Math.round(Math.abs(shown) * 10 ** decimalCount)).padStart(digitCount),
      "latin1",
    );
  // Increments of one: bit 3 of word A (table 6-9).
  const a = wordOne | 0x08 | (decimalCount - decimalCountMin);
  const tare = tareValue === undefined ? [] : number(tareValue);
  const bytes = Uint8Array.of(stx, a, b, c, ...number(value), ...tare, cr);
  return checksum === "none" ? bytes : Uint8Array.of(...bytes, -sum(bytes) & 0x7f);
}

function sum(bytes: Uint8Array): number {
  let total = 0;
  for (const byte of bytes) total += byte & 0x7f;
  return total;
}
