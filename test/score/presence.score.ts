// Presence in the score run: the worlds of presence.ts, some hours of each.

import { judgingSeedMin } from "../../simulators/world/physics.ts";
import type { ScoreOptions, ScoreRow } from "./card.ts";
import { judgingSeed, scoreAll, tuningSeed } from "./presence.ts";

/** Tags of a world are about 200: so many hours of each seed that was asked for. */
const hoursPerSeed = 3;

/** A row for each world and rule. */
export function scorePresences({ seeds, isWanted }: ScoreOptions): ScoreRow[] {
  if (!isWanted("presence")) return [];
  const isJudging = seeds.some((seed) => seed >= judgingSeedMin);
  const scores = scoreAll(hoursPerSeed * seeds.length, isJudging ? judgingSeed : tuningSeed);
  return [...scores].map((score) => {
    const { world, rule, ...figures } = score as { world: string; rule: string };
    return { scenario: `presence: ${world}`, method: rule, ...figures };
  });
}
