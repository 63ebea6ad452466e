// Toledo's 8217 protocol, both directions: the host sends a letter, the scale answers `STX ... CR`. There is no
// checksum and no unit in it. Mettler-Toledo DIVA service manual, 6.1.3 and 6.1.4.

import type { Envelope } from "../envelope-decoder.ts";

const stx = 0x02;
const cr = 0x0d;
/** Longest text between STX and CR: `00WW.WWWN` has nine characters, some scales put spaces before it. */
const textLengthMax = 12;

/** What the host sends to be told the weight. */
export const weightCommand = 0x57;

/** What a scale answers. */
export type ScaleAnswer =
  /** In the unit that the scale is set to; never below zero. */
  | { readonly type: "weight"; readonly value: number; readonly load: "gross" | "net" }
  | ScaleStatus
  /** To `E`: it sends back what it hears until `F`. */
  | { readonly type: "echo_on" };

/** Sent instead of a weight while the scale moves, is over its capacity or under zero. */
export interface ScaleStatus {
  readonly type: "status";
  readonly isMoving: boolean;
  readonly isOverCapacity: boolean;
  readonly isUnderZero: boolean;
  readonly isOutsideZeroCapture: boolean;
  readonly isAtZero: boolean;
  readonly isNet: boolean;
}

/** Bits 0 to 5 of the status byte in this order; bit 6 is always 1 (6.1.4.3), bit 7 the parity. */
const statusBits = [
  "isMoving",
  "isOverCapacity",
  "isUnderZero",
  "isOutsideZeroCapture",
  "isAtZero",
  "isNet",
] as const;
const alwaysOne = 0x40;

/** How answers are wrapped. */
export const answerEnvelope: Envelope<ScaleAnswer> = {
  // An answer comes in one piece; at 1200 baud a character takes 8 ms.
  idleMs: 100,
  lengthAt(bytes, at) {
    if (bytes[at] !== stx) return 0;
    // The status byte may have any value, also that of CR.
    if (bytes[at + 1] === 0x3f) return lengthTo(bytes, at, 3);
    for (let index = 1; index <= textLengthMax + 1; index += 1) {
      const byte = bytes[at + index];
      if (byte === undefined) return undefined;
      if (byte === cr) return index + 1;
      if (!/[0-9. EN]/.test(String.fromCharCode(byte))) return 0;
    }
    return 0;
  },
  open: (bytes) => openAnswer(bytes),
};

function lengthTo(bytes: Uint8Array, at: number, crIndex: number): number | undefined {
  const byte = bytes[at + crIndex];
  if (byte === undefined) return undefined;
  return byte === cr ? crIndex + 1 : 0;
}

function openAnswer(bytes: Uint8Array): ScaleAnswer | undefined {
  if (bytes[1] === 0x3f) return readStatus(bytes[2]!);
  const text = Buffer.from(bytes.subarray(1, -1)).toString("latin1");
  if (text === "E") return { type: "echo_on" };
  const match = /^ *(\d+\.?\d*|\.\d+) *(N?)$/.exec(text);
  if (match === null) return undefined;
  return { type: "weight", value: Number(match[1]), load: match[2] === "N" ? "net" : "gross" };
}

function readStatus(byte: number): ScaleStatus {
  const flags = statusBits.map((name, bit) => [name, ((byte >> bit) & 1) === 1]);
  return { type: "status", ...Object.fromEntries(flags) } as ScaleStatus;
}

/** The question as the host sends it. */
export function encodeWeightQuestion(): Uint8Array {
  return Uint8Array.of(weightCommand);
}

/** An answer as a scale sends it; weights with three decimals, as kilograms have. */
export function encodeAnswer(answer: ScaleAnswer): Uint8Array {
  return Uint8Array.of(stx, ...answerText(answer), cr);
}

function answerText(answer: ScaleAnswer): Uint8Array {
  if (answer.type === "echo_on") return Buffer.from("E", "latin1");
  if (answer.type === "weight") {
    const mark = answer.load === "net" ? "N" : "";
    return Buffer.from(`${answer.value.toFixed(3).padStart(6, "0")}${mark}`, "latin1");
  }
  let byte = alwaysOne;
  for (const [bit, name] of statusBits.entries()) if (answer[name]) byte |= 1 << bit;
  return Uint8Array.of(0x3f, byte);
}
