// Splits the board's bytes into lines with `@serialport/parser-readline` and gives that parser what
// it has not: a longest line.

import { ReadlineParser } from "@serialport/parser-readline";
import type { Decoded, StreamDecoder } from "../stream-decoder.ts";
import { type BoardLine, lineLengthMax, parseBoardLine } from "./codec.ts";

const lineFeed = 0x0a;

/** Finds the board's lines. */
export class BoardLineDecoder implements StreamDecoder<BoardLine> {
  /** A line that pauses this long in its middle will not be finished. */
  readonly idleMs = 1000;
  readonly #checksum: "optional" | "required";
  #parser = newParser();
  #pendingByteCount = 0;

  constructor(checksum: "optional" | "required") {
    this.#checksum = checksum;
  }

  get pendingByteCount(): number {
    return this.#pendingByteCount;
  }

  push(chunk: Uint8Array): Decoded<BoardLine>[] {
    const found: Decoded<BoardLine>[] = [];
    this.#parser.write(Buffer.from(chunk));
    const lastFeed = chunk.lastIndexOf(lineFeed);
    for (;;) {
      const line: string | null = this.#parser.read();
      if (line === null) break;
      if (line.trimEnd() !== "") found.push(this.#parse(line));
    }
    this.#pendingByteCount =
      chunk.length - lastFeed - 1 + (lastFeed < 0 ? this.#pendingByteCount : 0);
    if (this.#pendingByteCount > lineLengthMax) found.push(...this.#giveUp("too_long"));
    return found;
  }

  idle(): Decoded<BoardLine>[] {
    return this.#giveUp("incomplete");
  }

  #parse(line: string): Decoded<BoardLine> {
    const isTooLong = line.length > lineLengthMax;
    const parsed = isTooLong ? undefined : parseBoardLine(line, this.#checksum);
    if (parsed !== undefined && parsed.type !== "discarded")
      return { kind: "frame", frame: parsed };
    return { kind: "discarded", byteCount: line.length + 1, reason: parsed?.reason ?? "too_long" };
  }

  #giveUp(reason: string): Decoded<BoardLine>[] {
    const byteCount = this.#pendingByteCount;
    this.#parser.destroy();
    this.#parser = newParser();
    this.#pendingByteCount = 0;
    return byteCount === 0 ? [] : [{ kind: "discarded", byteCount, reason }];
  }
}

function newParser(): ReadlineParser {
  return new ReadlineParser({ delimiter: "\n", encoding: "latin1", readableObjectMode: true });
}
