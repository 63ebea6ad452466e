// LLRP messages in a TCP stream: 3 reserved bits, 3 version bits, 10 type bits; u32 length with this header;
// u32 id; content (17.1). A message may be larger than a megabyte, and comes in pieces of any size.

import assert from "node:assert/strict";
import type { Decoded, StreamDecoder } from "../stream-decoder.ts";
import { messageName, messageTypes } from "./tables.ts";

/** 1 is LLRP 1.0.1, 2 is LLRP 1.1. */
export type LlrpVersion = 1 | 2;

/** One message, its header read and its content not. */
export interface Message {
  readonly version: LlrpVersion;
  readonly type: number;
  /** Chosen by the asker; an answer has the same. */
  readonly id: number;
  /** A view of the received bytes: to be read before more are pushed, or copied. */
  readonly content: Uint8Array;
}

const headerSizeBytes = 10;
/** Longest message that is taken. The longest known of a real reader has 1.4 MB. */
export const messageSizeBytesMax = 16 * 1024 * 1024;
/** Longest of all other types: what a reader lists may be long, its events are not. */
const shortMessageSizeBytesMax = 64 * 1024;
const longTypes: ReadonlySet<number> = new Set([
  messageTypes.GET_READER_CAPABILITIES_RESPONSE,
  messageTypes.GET_READER_CONFIG_RESPONSE,
  messageTypes.SET_READER_CONFIG,
  messageTypes.ADD_ROSPEC,
  messageTypes.GET_ROSPECS_RESPONSE,
  messageTypes.GET_ACCESSSPECS_RESPONSE,
  messageTypes.RO_ACCESS_REPORT,
  messageTypes.CUSTOM_MESSAGE,
]);
/** Room that is made when a message does not fit the rest of the buffer. */
const roomSizeBytesMin = 64 * 1024;

/** Puts a message behind its header. */
export function encodeMessage(message: Message): Uint8Array {
  const { version, type, id, content } = message;
  const bytes = new Uint8Array(headerSizeBytes + content.length);
  const view = new DataView(bytes.buffer);
  assert(type >= 0 && type < 1024, "a message type has 10 bits");
  view.setUint16(0, (version << 10) | type);
  view.setUint32(2, bytes.length);
  view.setUint32(6, id);
  bytes.set(content, headerSizeBytes);
  return bytes;
}

/**
 * Finds messages by their headers. Each byte is copied once at most, however small the pieces are, and no
 * room is made for what was only announced. A message that stays incomplete is given up byte by byte.
 */
export class MessageDecoder implements StreamDecoder<Message> {
  readonly idleMs = 5_000;
  #bytes = new Uint8Array(0);
  /** Whether the buffer was made here, so that more may be written behind `#to`. */
  #isOwn = false;
  #from = 0;
  #to = 0;

  get pendingByteCount(): number {
    return this.#to - this.#from;
  }

  push(chunk: Uint8Array): Decoded<Message>[] {
    this.#append(chunk);
    return this.#scan();
  }

  idle(): Decoded<Message>[] {
    if (this.pendingByteCount === 0) return [];
    this.#from += 1;
    return [{ kind: "discarded", byteCount: 1, reason: "incomplete" }, ...this.#scan()];
  }

  // Messages handed out before are views of older bytes, so what is written is always behind them.
  #append(chunk: Uint8Array): void {
    const pending = this.#bytes.subarray(this.#from, this.#to);
    const needed = pending.length + chunk.length;
    if (pending.length === 0) {
      this.#bytes = chunk as Uint8Array<ArrayBuffer>;
      this.#isOwn = false;
      this.#from = 0;
      this.#to = chunk.length;
      return;
    }
    if (!this.#isOwn || this.#to + chunk.length > this.#bytes.length) {
      const room = new Uint8Array(Math.max(roomSizeBytesMin, 2 * needed));
      room.set(pending);
      this.#bytes = room;
      this.#isOwn = true;
      this.#from = 0;
      this.#to = pending.length;
    }
    this.#bytes.set(chunk, this.#to);
    this.#to += chunk.length;
  }

  #scan(): Decoded<Message>[] {
    const found: Decoded<Message>[] = [];
    const bytes = this.#bytes;
    const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    let at = this.#from;
    let noiseFrom = at;
    const noiseUntil = (end: number) => {
      const byteCount = end - noiseFrom;
      if (byteCount > 0) found.push({ kind: "discarded", byteCount, reason: "noise" });
    };
    while (at < this.#to) {
      const length = lengthAt(view, at, this.#to);
      if (length === 0) {
        at += 1;
        continue;
      }
      if (length === undefined || at + length > this.#to) break;
      noiseUntil(at);
      found.push({ kind: "frame", frame: openMessage(bytes, view, at, length) });
      at += length;
      noiseFrom = at;
    }
    noiseUntil(at);
    this.#from = at;
    return found;
  }
}

// The length of the message that begins at `at`; 0 where none does, undefined where more bytes must tell.
function lengthAt(view: DataView, at: number, end: number): number | undefined {
  const first = view.getUint8(at);
  const version = first >> 2;
  if (version !== 1 && version !== 2) return 0;
  if (end - at < 2) return undefined;
  const type = view.getUint16(at) & 0x3ff;
  if (messageName(type) === undefined) return 0;
  if (end - at < 6) return undefined;
  const length = view.getUint32(at + 2);
  const max = longTypes.has(type) ? messageSizeBytesMax : shortMessageSizeBytesMax;
  return length < headerSizeBytes || length > max ? 0 : length;
}

function openMessage(bytes: Uint8Array, view: DataView, at: number, length: number): Message {
  const head = view.getUint16(at);
  return {
    version: (head >> 10) as LlrpVersion,
    type: head & 0x3ff,
    id: view.getUint32(at + 6),
    content: bytes.subarray(at + headerSizeBytes, at + length),
  };
}
