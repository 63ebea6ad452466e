// A count that somebody asked for, by message: every place at a location or below it that can be counted is.

import { isWithin } from "../../contract/units.ts";
import { type Machine, type Output, warning } from "./machine.ts";

/** What became of it. */
export interface CountAnswer {
  readonly countedLocations: readonly string[];
  /** Of places that could not be counted. */
  readonly refusals: readonly { readonly location: string; readonly reason: string }[];
}

/** Has the machines count at `location` and below; what cannot be counted now is noticed with its reason. */
export function countAt(
  machines: readonly Machine[],
  location: string,
  atMs: number,
  output: Output,
): CountAnswer {
  const countedLocations: string[] = [];
  const refusals: { location: string; reason: string }[] = [];
  for (const machine of machines) {
    for (const place of machine.countablePlaces?.() ?? []) {
      if (!isWithin(place, location)) continue;
      const reason = machine.countPlace?.(place, atMs, output);
      if (reason === undefined) countedLocations.push(place);
      else {
        const deviceId = machine.deviceIds[0] ?? "";
        refusals.push({ location: place, reason });
        output.conclusions.push(
          warning(deviceId, "count_refused", atMs, { location: place, reason }),
        );
      }
    }
  }
  return { countedLocations, refusals };
}
