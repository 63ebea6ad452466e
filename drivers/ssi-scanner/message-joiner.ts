// Scans in the packets of one run: a long one comes in several, and a packet whose acknowledgement was
// lost comes again, marked as such.

import { splitIdentifier } from "../../contract/gs1/aim.ts";
import { upcAOf } from "../../contract/gs1/gtin.ts";
import { decodeText, type Scan } from "../serial-scanner/codec.ts";
import type { Packet } from "./codec.ts";
import { aimOf, upcE } from "./tables.ts";

/** What became of a packet. */
export type Joined =
  | { readonly type: "scan"; readonly scan: Scan }
  | { readonly type: "continued" | "duplicate" }
  | { readonly type: "discarded"; readonly reason: string };

/**
 * A scanner waits 2 s for an acknowledgement. What is sent again later than this after the same packet was
 * seen is another scan of the same item, whose first sending was lost.
 */
const repeatMsMax = 5000;

/** Joins the packets of scans. */
export class MessageJoiner {
  readonly #limits: { readonly dataLengthMax: number; readonly prefix: "none" | "aim" };
  #pieces: Uint8Array[] = [];
  #length = 0;
  #last: Uint8Array | undefined;
  #lastAtMs = 0;

  constructor(limits: { readonly dataLengthMax: number; readonly prefix: "none" | "aim" }) {
    this.#limits = limits;
  }

  /** A packet came damaged: the next one that is sent again may be that one, and is new. */
  damaged(): void {
    this.#last = undefined;
  }

  /** Takes a DECODE_DATA packet: code type and data. */
  take({ data, isContinued, isRetransmission }: Packet, nowMs: number): Joined {
    const isSame = this.#last !== undefined && Buffer.compare(data, this.#last) === 0;
    const isRecent = nowMs - this.#lastAtMs <= repeatMsMax;
    // A message whose end was lost is not joined to the next one.
    if (!isRecent) this.#drop();
    this.#last = data;
    this.#lastAtMs = nowMs;
    if (isRetransmission && isSame && isRecent) return { type: "duplicate" };
    const [type] = data;
    if (type === undefined) return { type: "discarded", reason: "empty" };
    this.#length += data.length - 1;
    // What is over the limit is not kept, only counted, until the message ends.
    if (this.#length <= this.#limits.dataLengthMax) this.#pieces.push(data.subarray(1));
    if (isContinued) return { type: "continued" };
    const text = decodeText(Buffer.concat(this.#pieces));
    const isWhole = this.#length <= this.#limits.dataLengthMax;
    this.#drop();
    if (!isWhole) return { type: "discarded", reason: "too_long" };
    return this.#open(type, text);
  }

  #drop(): void {
    this.#pieces = [];
    this.#length = 0;
  }

  #open(type: number, text: string): Joined {
    const scan = this.#limits.prefix === "aim" ? splitIdentifier(text) : { data: text };
    const { data, symbology = aimOf(type) } = scan;
    if (data === "") return { type: "discarded", reason: "empty" };
    return { type: "scan", scan: { symbology, data: type === upcE ? expanded(data) : data } };
  }
}

// Only the eight-digit form, with number system and check digit, is expanded: a shorter one may be another number.
function expanded(data: string): string {
  return data.length === 8 ? (upcAOf(data) ?? data) : data;
}
