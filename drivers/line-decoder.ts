// Splits bytes into lines with `@serialport/parser-readline`, gives that parser what it has not (a longest
// line), and hands each line to the device's own reader.

import { ReadlineParser } from "@serialport/parser-readline";
import type { Decoded, StreamDecoder } from "./stream-decoder.ts";

const lineFeed = 0x0a;

/** Why a line is none of the device's. */
export interface Unreadable {
  readonly type: "discarded";
  readonly reason: string;
}

/** How a device's lines are read. */
export interface LineFormat<Line> {
  /** Longest line, without its end. */
  readonly lineLengthMax: number;
  /** A line that pauses this long in its middle will not be finished. */
  readonly idleMs: number;
  /** Reads a line without its line feed; a carriage return may still be there. */
  parse(line: string): Line | Unreadable;
}

/** Finds a device's lines. */
export class LineDecoder<Line extends { readonly type: string }> implements StreamDecoder<Line> {
  readonly idleMs: number;
  readonly #format: LineFormat<Line>;
  #parser = newParser();
  #pendingByteCount = 0;

  constructor(format: LineFormat<Line>) {
    this.#format = format;
    this.idleMs = format.idleMs;
  }

  get pendingByteCount(): number {
    return this.#pendingByteCount;
  }

  push(chunk: Uint8Array): Decoded<Line>[] {
    const found: Decoded<Line>[] = [];
    this.#parser.write(Buffer.from(chunk));
    const lastFeed = chunk.lastIndexOf(lineFeed);
    for (;;) {
      const line: string | null = this.#parser.read();
      if (line === null) break;
      if (line.trimEnd() !== "") found.push(this.#parse(line));
    }
    this.#pendingByteCount =
      chunk.length - lastFeed - 1 + (lastFeed < 0 ? this.#pendingByteCount : 0);
    if (this.#pendingByteCount > this.#format.lineLengthMax)
      found.push(...this.#giveUp("too_long"));
    return found;
  }

  idle(): Decoded<Line>[] {
    return this.#giveUp("incomplete");
  }

  #parse(line: string): Decoded<Line> {
    const byteCount = line.length + 1;
    if (line.length > this.#format.lineLengthMax) {
      return { kind: "discarded", byteCount, reason: "too_long" };
    }
    const parsed = this.#format.parse(line);
    if (isUnreadable(parsed)) return { kind: "discarded", byteCount, reason: parsed.reason };
    return { kind: "frame", frame: parsed };
  }

  #giveUp(reason: string): Decoded<Line>[] {
    const byteCount = this.#pendingByteCount;
    this.#parser.destroy();
    this.#parser = newParser();
    this.#pendingByteCount = 0;
    return byteCount === 0 ? [] : [{ kind: "discarded", byteCount, reason }];
  }
}

function isUnreadable(line: { readonly type: string }): line is Unreadable {
  return line.type === "discarded";
}

function newParser(): ReadlineParser {
  return new ReadlineParser({ delimiter: "\n", encoding: "latin1", readableObjectMode: true });
}
