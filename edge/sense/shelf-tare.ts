// The tare of a shelf's cells, set while it runs: what they show at rest, with nothing on them. It is kept with the cell's
// state and holds while the configuration says what it said then: a technician who calibrates anew goes first, and a
// configuration that is left again takes nothing along.

import { z } from "zod";
import type { NoticedConclusion } from "../../contract/event.ts";
import { type CountableCell, unrestOf } from "./shelf-count.ts";

/** As it is stored, beside what the configuration said: null for nothing. */
export const storedTareSchema = z.strictObject({
  tareGrams: z.number(),
  configuredGrams: z.number().nullable(),
});
export type StoredTare = z.infer<typeof storedTareSchema>;

/** What became of one cell. */
export interface Tared {
  readonly cell: number;
  /** Undefined: it had none. */
  readonly beforeGrams: number | undefined;
  readonly afterGrams: number;
}

/** The tares that cells show now; a text says why not. All of them or none. */
export function tareCells(places: readonly CountableCell[]): readonly Tared[] | string {
  const tared: Tared[] = [];
  for (const place of places) {
    const { cell, tareGrams, scale } = place;
    const reason = unrestOf(place);
    if (reason !== undefined || scale.restGrams === undefined) return reason ?? "";
    tared.push({ cell, beforeGrams: tareGrams, afterGrams: Math.round(scale.restGrams * 10) / 10 });
  }
  return tared;
}

/** For whoever wonders later why a count is another one. */
export function tareNotice(
  { cell, beforeGrams, afterGrams }: Tared,
  { location }: CountableCell,
  deviceId: string,
  occurredAtMs: number,
): NoticedConclusion {
  const detail = { cell, location, beforeGrams: beforeGrams ?? null, afterGrams };
  return { type: "noticed", occurredAtMs, deviceId, code: "shelf_tared", severity: "info", detail };
}
