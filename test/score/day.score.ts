// Trading days with all sensors at once, through the ledger: how many lines of stock are exact in the end, without
// anybody having counted. Beside it, the same lines as tills alone keep them.

import { fileURLToPath } from "node:url";
import { loadPortalScenario } from "../../simulators/rfid-scenario.ts";
import { type ScoreOptions, type ScoreRow, share } from "./card.ts";
import { type DayLines, playTradingDay, tillsAlone } from "./trading-day.ts";
import { weightScenarios } from "./weight.score.ts";

/** Name of a day -> its weight shelf and its portal. */
const days = {
  "day-easy": ["weight-easy", "portal-fitted"],
  "day-normal": ["weight-normal", "portal-fitted"],
  "day-fitted": ["weight-apart", "portal-fitted"],
  "day-normal-portal": ["weight-normal", "portal-normal-beams"],
} as const;

/** A row for each day and method. */
export async function scoreDay({ seeds, isWanted }: ScoreOptions): Promise<ScoreRow[]> {
  const rows: ScoreRow[] = [];
  for (const [name, [shelf, door]] of Object.entries(days)) {
    if (!isWanted(name)) continue;
    const weight = weightScenarios().get(shelf)!;
    const file = new URL(`../../config/scenarios/rfid/${door}.yaml`, import.meta.url);
    const portal = await loadPortalScenario(fileURLToPath(file));
    const played: DayLines[] = [];
    for (const seed of seeds) played.push(await playTradingDay(weight, portal, seed));
    const sum = (figure: (day: DayLines) => number) =>
      played.reduce((total, day) => total + figure(day), 0);
    const tills = seeds.map((seed) => tillsAlone(weight, portal, seed));
    const [shelfLineCount, shelfExactCount, tagCount, tagExactCount] = [
      sum((day) => day.shelfLineCount),
      sum((day) => day.shelfExactCount),
      sum((day) => day.tagCount),
      sum((day) => day.tagExactCount),
    ];
    rows.push({
      scenario: name,
      method: "ours",
      lineAccuracy: share(shelfExactCount + tagExactCount, shelfLineCount + tagCount),
      shelfLineCount,
      shelfLineAccuracy: share(shelfExactCount, shelfLineCount),
      tagCount,
      tagLineAccuracy: share(tagExactCount, tagCount),
      saleCount: sum((day) => day.saleCount),
      uncertainCount: sum((day) => day.uncertainCount),
      unverifiedCount: sum((day) => day.problems.length),
    });
    const tillLines = tills.reduce((total, one) => total + one.shelfLineCount, 0);
    const tillExact = tills.reduce((total, one) => total + one.shelfExactCount, 0);
    rows.push({
      scenario: name,
      method: "tills alone",
      lineAccuracy: share(tillExact, tillLines + tagCount),
      shelfLineCount: tillLines,
      shelfLineAccuracy: share(tillExact, tillLines),
      tagCount,
      tagLineAccuracy: 0,
    });
  }
  return rows;
}
