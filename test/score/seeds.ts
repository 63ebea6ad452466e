// Which seeds are for what. Models and settings are fitted on tuning seeds alone; what is reported and
// promised is measured on judging seeds, whose physics comes from other ranges (simulators/world/physics.ts).

import { judgingSeedMin } from "../../simulators/world/physics.ts";

/** The first `count` seeds for tuning: 1 and on. */
export function tuningSeeds(count: number): number[] {
  return Array.from({ length: count }, (_, index) => 1 + index);
}

/** The first `count` seeds for judging: 100,001 and on. */
export function judgingSeeds(count: number): number[] {
  return Array.from({ length: count }, (_, index) => judgingSeedMin + 1 + index);
}
