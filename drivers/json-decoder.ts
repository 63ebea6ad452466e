// Finds JSON objects in a stream: a line each, in an array, or back to back, as readers that publish events
// send them. A record separator (RFC 7464) ends whatever was begun, so messages cannot run into each other.
// Of an object that is none only the beginning is given up: a whole one inside a cut one is found.

import type { Decoded, StreamDecoder } from "./stream-decoder.ts";

/** Longest object. Readers that collect events for a report are set to send smaller ones. */
export const objectSizeBytesMax = 256 * 1024;
/** The byte that stands before each message where a transport knows its borders. */
export const recordSeparator = 0x1e;
/** Deeper than any event is nested. */
const depthMax = 32;
/** An object that pauses this long in its middle will not be finished. */
const splitMs = 5_000;

const code = (character: string) => character.charCodeAt(0);
const [openBrace, closeBrace, openBracket, closeBracket] = [..."{}[]"].map(code);
const [quote, backslash, comma, colon] = ['"', "\\", ",", ":"].map(code);
/** What may stand between objects: white space, an array's own characters, the separator. */
const between = new Set([
  0x09,
  0x0a,
  0x0d,
  0x20,
  recordSeparator,
  openBracket,
  closeBracket,
  comma,
]);

/** A decoder of JSON objects. Blanks, commas and brackets between objects are counted neither as frames nor as discarded. */
export class JsonDecoder implements StreamDecoder<object> {
  readonly idleMs = splitMs;
  /** An object that was begun, from its first byte on. */
  #begun: Uint8Array = new Uint8Array(0);
  /** Where in it the walk goes on. */
  #at = 0;
  #walk = new ObjectWalk();

  get pendingByteCount(): number {
    return this.#begun.length;
  }

  push(chunk: Uint8Array): Decoded<object>[] {
    const bytes = this.#begun.length === 0 ? chunk : Buffer.concat([this.#begun, chunk]);
    return this.#scan(bytes, this.#at);
  }

  idle(): Decoded<object>[] {
    if (this.#begun.length === 0) return [];
    const bytes = this.#begun;
    const next = nextObject(bytes, 1, bytes.length);
    this.#walk = new ObjectWalk();
    return [
      { kind: "discarded", byteCount: next, reason: "incomplete" },
      ...this.#scan(bytes.subarray(next), 0),
    ];
  }

  #scan(bytes: Uint8Array, from: number): Decoded<object>[] {
    const found: Decoded<object>[] = [];
    const discard = (byteCount: number, reason: string) => {
      if (byteCount > 0) found.push({ kind: "discarded", byteCount, reason });
    };
    let start = 0;
    let at = from;
    while (at < bytes.length) {
      const byte = bytes[at]!;
      if (!this.#walk.isInside && byte !== openBrace) {
        if (between.has(byte)) {
          discard(at - start, "noise");
          start = at + 1;
        }
        at += 1;
        continue;
      }
      if (!this.#walk.isInside) {
        discard(at - start, "noise");
        start = at;
      }
      const isWhole = this.#walk.step(byte);
      at += 1;
      if (isWhole === undefined && at - start < objectSizeBytesMax) continue;
      const value = isWhole === true ? parsed(bytes.subarray(start, at)) : undefined;
      if (value === undefined) {
        // A separator that cut the object stays one.
        const end = byte === recordSeparator ? at - 1 : at;
        const next = nextObject(bytes, start + 1, end);
        discard(next - start, isWhole === undefined ? "too_long" : "json");
        at = next;
      } else found.push({ kind: "frame", frame: value });
      start = at;
      this.#walk = new ObjectWalk();
    }
    if (!this.#walk.isInside) {
      discard(at - start, "noise");
      start = at;
    }
    this.#begun = bytes.slice(start);
    this.#at = this.#begun.length;
    return found;
  }
}

/** How far an object has come. */
class ObjectWalk {
  readonly #containers: number[] = [];
  #isInString = false;
  #isEscaped = false;
  /** The last byte that was no blank. */
  #last = 0;

  get isInside(): boolean {
    return this.#containers.length > 0;
  }

  /** Takes a byte: true where the object ends, false where it cannot be one, undefined where it goes on. */
  step(byte: number): boolean | undefined {
    if (this.#isInString) return this.#inString(byte);
    if (byte < 0x20 && byte !== 0x09 && byte !== 0x0a && byte !== 0x0d) return false;
    if (byte <= 0x20) return undefined;
    const last = this.#last;
    this.#last = byte;
    const container = this.#containers.at(-1);
    switch (byte) {
      case quote:
        this.#isInString = true;
        return undefined;
      case openBrace:
      case openBracket: {
        const isElement = container === openBracket && (last === openBracket || last === comma);
        if (container !== undefined && last !== colon && !isElement) return false;
        this.#containers.push(byte);
        return this.#containers.length > depthMax ? false : undefined;
      }
      case closeBrace:
      case closeBracket:
        if (this.#containers.pop() !== (byte === closeBrace ? openBrace : openBracket))
          return false;
        return this.#containers.length === 0 ? true : undefined;
      default:
        return undefined;
    }
  }

  // A control character in a string means that its end was lost (RFC 8259, 7).
  #inString(byte: number): boolean | undefined {
    if (byte < 0x20) return false;
    if (this.#isEscaped) this.#isEscaped = false;
    else if (byte === backslash) this.#isEscaped = true;
    else if (byte === quote) this.#isInString = false;
    return undefined;
  }
}

function nextObject(bytes: Uint8Array, from: number, end: number): number {
  const at = bytes.indexOf(openBrace!, from);
  return at < 0 || at > end ? end : at;
}

function parsed(bytes: Uint8Array): object | undefined {
  try {
    return JSON.parse(Buffer.from(bytes).toString("utf8")) as object;
  } catch {
    return undefined;
  }
}
