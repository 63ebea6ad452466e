// What a serial or CDC bar-code scanner sends: prefix, data, suffix, as the scanner is set. Both
// directions. GS1's FNC1 arrives as GS (1D hex); AIM identifiers are those of ISO/IEC 15424.

import { z } from "zod";
import { splitIdentifier } from "../../contract/gs1/aim.ts";
import type { Decoded, StreamDecoder } from "../stream-decoder.ts";

/** How the scanner is set: what it puts before and after the data. */
export const scanFormatSchema = z.strictObject({
  /** `aim`: an AIM identifier like `]C1`; `stx`: 02 hex; a text, as some makers' own code ids. */
  prefix: z
    .union([z.enum(["none", "aim", "stx"]), z.strictObject({ text: z.string().min(1).max(32) })])
    .default("none"),
  /** `none`: a pause ends the scan. */
  suffix: z.enum(["cr", "crlf", "tab", "etx", "none"]).default("cr"),
  /** Bytes of data in one scan; a longer one is discarded whole. */
  dataLengthMax: z.int().min(1).max(4096).default(512),
  /** The pause that ends a scan without suffix. */
  pauseMs: z.int().min(5).max(2000).default(50),
  /** What the scanner sends when it could not read, like `NR`. */
  noReadText: z.string().min(1).max(32).optional(),
});
export type ScanFormat = z.infer<typeof scanFormatSchema>;

/** One scan. */
export interface Scan {
  /** AIM identifier with its bracket. */
  readonly symbology?: string;
  readonly data: string;
}

const suffixes = { cr: [0x0d], crlf: [0x0d, 0x0a], tab: [0x09], etx: [0x03], none: [] } as const;
const stx = 0x02;
/** A scan with a suffix that pauses this long in its middle lost its end. */
const incompleteMs = 500;
/** AIM identifier and the longest prefix text. */
const prefixLengthMax = 32;

/** A scan as the scanner sends it. */
export function encodeScan(format: ScanFormat, scan: Scan): Uint8Array {
  const { prefix } = format;
  const before =
    prefix === "aim" ? (scan.symbology ?? "") : typeof prefix === "object" ? prefix.text : "";
  const start = prefix === "stx" ? [stx] : [];
  return Buffer.from([...start, ...Buffer.from(before + scan.data), ...suffixes[format.suffix]]);
}

/** Finds scans in what a scanner sends. */
export class ScanDecoder implements StreamDecoder<Scan> {
  readonly idleMs: number;
  readonly #format: ScanFormat;
  readonly #suffix: readonly number[];
  #buffer: number[] = [];
  /** The rest of a scan that was too long is no scan of its own. */
  #isSkipping = false;

  constructor(format: ScanFormat) {
    this.#format = format;
    this.#suffix = suffixes[format.suffix];
    this.idleMs = format.suffix === "none" ? format.pauseMs : incompleteMs;
  }

  get pendingByteCount(): number {
    return this.#isSkipping ? 1 : this.#buffer.length;
  }

  push(chunk: Uint8Array): Decoded<Scan>[] {
    const found: Decoded<Scan>[] = [];
    for (const byte of chunk) {
      this.#buffer.push(byte);
      if (this.#endsWithSuffix()) found.push(...this.#finish(this.#suffix.length));
      else if (this.#buffer.length > this.#format.dataLengthMax + prefixLengthMax) {
        found.push(this.#discard("too_long"));
        this.#isSkipping = true;
      }
    }
    return found;
  }

  idle(): Decoded<Scan>[] {
    if (this.#format.suffix === "none") return this.#finish(0);
    const found = this.#buffer.length === 0 ? [] : [this.#discard("incomplete")];
    this.#isSkipping = false;
    return found;
  }

  #endsWithSuffix(): boolean {
    const { length } = this.#suffix;
    if (length === 0) return false;
    return this.#suffix.every((byte, index) => this.#buffer.at(index - length) === byte);
  }

  #finish(suffixLength: number): Decoded<Scan>[] {
    if (this.#isSkipping) {
      this.#isSkipping = false;
      return this.#buffer.length === 0 ? [] : [this.#discard("too_long")];
    }
    const bytes = Uint8Array.from(this.#buffer.slice(0, this.#buffer.length - suffixLength));
    // A scanner set to CR LF behind a driver set to CR leaves its LF before the next scan.
    const content = bytes[0] === 0x0a || bytes[0] === 0x0d ? bytes.subarray(1) : bytes;
    const scan = content.length === 0 ? undefined : openScan(this.#format, content);
    if (scan === undefined || typeof scan === "string") return [this.#discard(scan ?? "empty")];
    this.#buffer = [];
    return [{ kind: "frame", frame: scan }];
  }

  #discard(reason: string): Decoded<Scan> {
    const byteCount = this.#buffer.length;
    this.#buffer = [];
    return { kind: "discarded", byteCount, reason };
  }
}

// The scan in a prefix and its data, or why it is none.
function openScan(format: ScanFormat, bytes: Uint8Array): Scan | string {
  const { prefix } = format;
  // What stands before STX is noise of the line; a missing one means that the beginning was lost.
  const start = prefix === "stx" ? bytes.lastIndexOf(stx) + 1 : 0;
  if (prefix === "stx" && start === 0) return "prefix";
  let text = decodeText(bytes.subarray(start));
  if (typeof prefix === "object") {
    if (!text.startsWith(prefix.text)) return "prefix";
    text = text.slice(prefix.text.length);
  }
  const scan = prefix === "aim" ? splitIdentifier(text) : { data: text };
  const { data } = scan;
  if (data === "" || Buffer.byteLength(data) > format.dataLengthMax) {
    return data === "" ? "empty" : "too_long";
  }
  if (hasControlCharacter(data)) return "noise";
  return scan;
}

// Of the control characters only those of GS1 and ISO/IEC 15434 (EOT, FS, GS, RS, US) are data; a
// wrong line speed gives the others, in the lower and the upper range.
function hasControlCharacter(data: string): boolean {
  return [...data].some((character) => {
    const code = character.charCodeAt(0);
    return (code < 0x1c && code !== 0x04) || (code >= 0x7f && code <= 0x9f);
  });
}

/** UTF-8 where it is valid, else Latin-1: scanners send bytes as the code holds them. */
export function decodeText(bytes: Uint8Array): string {
  try {
    return new TextDecoder("utf-8", { fatal: true }).decode(bytes);
  } catch {
    return Buffer.from(bytes).toString("latin1");
  }
}
