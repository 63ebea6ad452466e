// How much goes into one batch. A refused batch is halved down to the single event, so that what
// cannot be read is found and stops nothing else; accepted batches let the size grow again.

import { batchEventCountMax, type Refusal } from "../contract/delivery.ts";
import type { UplinkMessage } from "./uplink-batch.ts";

/** A single event is given up after this many refusals. */
const refusalCountMax = 3;

/** What to do after a refusal; `stuck`: what was refused has no smaller or other form. */
export type RefusalVerdict = "again" | "wait" | "set aside" | "stuck";

/** The size of the next batch. */
export class BatchLimit {
  countMax = batchEventCountMax;
  compress = true;
  #alone = { sequence: 0, count: 0 };

  /** A batch was refused: try plain, then half, then wait; a single event three times is set aside. */
  refused(message: UplinkMessage, code: Refusal["code"]): RefusalVerdict {
    if (message.compressed && code === "BATCH_UNREADABLE") {
      this.compress = false;
      return "again";
    }
    const [row, ...others] = message.rows;
    if (row === undefined) return "stuck";
    if (others.length > 0) {
      this.countMax = Math.floor(message.rows.length / 2);
      return "again";
    }
    const sequence = row.firstSequence;
    const before = this.#alone.sequence === sequence ? this.#alone.count : 0;
    this.#alone = { sequence, count: (before + 1) % refusalCountMax };
    if (this.#alone.count > 0) return "wait";
    return isGap(row.text) ? "stuck" : "set aside";
  }

  /** A batch was accepted. */
  grow(): void {
    this.countMax = Math.min(batchEventCountMax, this.countMax * 2);
    if (this.countMax === batchEventCountMax) this.compress = true;
  }
}

function isGap(text: string): boolean {
  try {
    return (JSON.parse(text) as { type?: unknown } | null)?.type === "gap";
  } catch {
    // What is no JSON is no gap of ours either, and may well be why the batch was refused.
    return false;
  }
}
