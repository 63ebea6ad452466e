// What presence remembers over a restart: where each tag is, and where those went that have left. Written
// with the event that says so, and at no other time; when a tag was last read is not written at all.

import { z } from "zod";
import { type EpcHex, epcHexSchema, locationSchema } from "../../contract/units.ts";
import type { Output } from "./machine.ts";
import { readStored } from "./stored.ts";

const departedSchema = z.strictObject({
  leftZone: locationSchema,
  atMs: z.number(),
  /** Where it was said to have gone; absent where that was not known, or no movement was said. */
  to: locationSchema.optional(),
  /** No movement was said: the ledger has it where it was. */
  isNoticeOnly: z.boolean(),
});
/** A tag that has left. */
export type Departed = z.infer<typeof departedSchema>;
const presentSchema = z.strictObject({ zone: locationSchema });

/** What was stored of one presence. */
export class PresenceMemory {
  readonly #prefix: string;
  /** In the order in which they left. */
  readonly #departed = new Map<EpcHex, Departed>();

  constructor(id: string) {
    this.#prefix = `presence/${id}/`;
  }

  /** How many have left and are remembered. */
  get departedCount(): number {
    return this.#departed.size;
  }

  /** A tag is here; gives where it had gone, if it was away. */
  arrived(epc: EpcHex, zone: string, output: Output): Departed | undefined {
    output.state.push({ key: this.#prefix + epc, value: JSON.stringify({ zone }) });
    const departed = this.#departed.get(epc);
    this.#departed.delete(epc);
    return departed;
  }

  /** A tag has left. Forgets whoever left before `forgetBeforeMs`, and the oldest beyond `countMax`. */
  left(
    epc: EpcHex,
    departed: Departed,
    limits: { readonly forgetBeforeMs: number; readonly countMax: number },
    output: Output,
  ): void {
    output.state.push({ key: this.#prefix + epc, value: JSON.stringify(departed) });
    this.#departed.set(epc, departed);
    for (const [oldest, { atMs }] of this.#departed) {
      if (atMs >= limits.forgetBeforeMs && this.#departed.size <= limits.countMax) break;
      this.#departed.delete(oldest);
      output.state.push({ key: this.#prefix + oldest, value: null });
    }
  }

  /** Reads what was stored; `place` takes the tags that are present and says whether it could. Gives how many rows it could not use. */
  restore(
    stored: ReadonlyMap<string, string>,
    place: (epc: EpcHex, zone: string) => boolean,
  ): number {
    let unusableCount = 0;
    const departed: [EpcHex, Departed][] = [];
    for (const [key, text] of stored) {
      if (!key.startsWith(this.#prefix)) continue;
      const epc = epcHexSchema.safeParse(key.slice(this.#prefix.length));
      const present = readStored(presentSchema, text);
      const gone = readStored(departedSchema, text);
      if (epc.success && gone !== undefined) departed.push([epc.data, gone]);
      else if (!epc.success || present === undefined || !place(epc.data, present.zone)) {
        unusableCount += 1;
      }
    }
    departed.sort(([, one], [, other]) => one.atMs - other.atMs);
    for (const [epc, gone] of departed) this.#departed.set(epc, gone);
    return unusableCount;
  }

  /** Moves all times. */
  shiftTime(byMs: number): void {
    for (const departed of this.#departed.values()) departed.atMs += byMs;
  }
}
