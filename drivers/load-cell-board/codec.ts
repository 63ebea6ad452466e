// The line protocol of a load-cell board, both directions. It is made so that an Arduino with HX711
// amplifiers can print it with a few Serial.print calls; the README has the whole definition.

import type { WeightReading } from "../../contract/reading.ts";
import type { Unreadable } from "../line-decoder.ts";

/** Version of the line protocol, said by the board. */
export const protocolVersion = 1;
/** Most cells on a board. */
export const cellCountMax = 64;
/** Longest line either side may send, without its line feed. */
export const lineLengthMax = 1024;
/** Sample numbers run from 0 to this and begin again. */
export const sampleNumberMax = 65_535;

/** One cell in one sample. With another status than `ok` the weight is 0 and means nothing. */
export interface CellSample {
  readonly weightGrams: number;
  readonly status: WeightReading["status"];
}

/** What a board prints. */
export type BoardLine =
  | {
      readonly type: "identity";
      readonly version: number;
      readonly cellCount: number;
      readonly sampleRateHz: number;
    }
  | { readonly type: "sample"; readonly number: number; readonly cells: readonly CellSample[] };

/** The host's only question. */
export const identifyLine = "ID?";

const words = { OVER: "overload", UNDER: "underload", FAULT: "fault" } as const;

/** Reads a board's line, without its line end. */
export function parseBoardLine(
  line: string,
  checksum: "optional" | "required",
): BoardLine | Unreadable {
  const text = line.trimEnd();
  if (text.startsWith("GONDOLA-LC ")) return parseIdentity(text);
  const start = text.lastIndexOf("#");
  // A line that was joined in its middle begins with the tail of an older one.
  if (start < 0) return { type: "discarded", reason: "noise" };
  const [body = "", sumText, ...rest] = text.slice(start + 1).split("*");
  if (rest.length > 0) return { type: "discarded", reason: "malformed" };
  if (sumText === undefined) {
    if (checksum === "required") return { type: "discarded", reason: "checksum_missing" };
  } else if (!/^[0-9A-Fa-f]{2}$/.test(sumText) || Number.parseInt(sumText, 16) !== xor(body)) {
    return { type: "discarded", reason: "checksum" };
  }
  return parseSample(body);
}

function parseIdentity(text: string): BoardLine | Unreadable {
  const match = /^GONDOLA-LC (\d{1,3}) cells=(\d{1,3}) hz=(\d{1,3}(?:\.\d{1,2})?)$/.exec(text);
  if (match === null) return { type: "discarded", reason: "malformed" };
  const [version, cellCount, sampleRateHz] = match.slice(1).map(Number) as [number, number, number];
  const isPossible = cellCount >= 1 && cellCount <= cellCountMax && sampleRateHz > 0;
  if (!isPossible) return { type: "discarded", reason: "malformed" };
  return { type: "identity", version, cellCount, sampleRateHz };
}

function parseSample(body: string): BoardLine | Unreadable {
  const [numberText = "", ...fields] = body.split(" ");
  const cells = fields.map(parseCell);
  const number = /^\d{1,5}$/.test(numberText) ? Number(numberText) : Number.NaN;
  const isWhole = cells.every((cell) => cell !== undefined);
  if (!(number <= sampleNumberMax) || !isWhole || cells.length < 1 || cells.length > cellCountMax) {
    return { type: "discarded", reason: "malformed" };
  }
  return { type: "sample", number, cells };
}

function parseCell(field: string): CellSample | undefined {
  if (Object.hasOwn(words, field)) {
    return { weightGrams: 0, status: words[field as keyof typeof words] };
  }
  if (!/^[+-]?\d{1,7}(\.\d{1,3})?$/.test(field)) return undefined;
  return { weightGrams: Number(field), status: "ok" };
}

/** A board's line with its line feed, samples with a checksum. */
export function encodeBoardLine(line: BoardLine): Uint8Array {
  if (line.type === "identity") {
    const { version, cellCount, sampleRateHz } = line;
    return Buffer.from(`GONDOLA-LC ${version} cells=${cellCount} hz=${sampleRateHz}\n`, "latin1");
  }
  const fields = line.cells.map(({ weightGrams, status }) => {
    const word = Object.entries(words).find(([, name]) => name === status)?.[0];
    return word ?? String(Math.round(weightGrams * 10) / 10);
  });
  const body = [line.number, ...fields].join(" ");
  const sum = xor(body).toString(16).toUpperCase().padStart(2, "0");
  return Buffer.from(`#${body}*${sum}\n`, "latin1");
}

/** The question as the host sends it. */
export function encodeIdentify(): Uint8Array {
  return Buffer.from(`${identifyLine}\n`, "latin1");
}

/** Whether a host's line asks for the identity. */
export function isIdentify(line: string): boolean {
  return line.trim() === identifyLine;
}

/** NMEA 0183's check: exclusive or of all characters between `#` and `*`. */
function xor(text: string): number {
  let check = 0;
  for (const byte of Buffer.from(text, "latin1")) check ^= byte;
  return check;
}
