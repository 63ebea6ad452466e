// Many seeds of the delivery simulation; of each that fails, the smallest schedule that still does.

import { seededRandom } from "../../simulators/random.ts";
import { planOf } from "../simulation/plan.ts";
import { shrinkPlan } from "../simulation/shrink.ts";
import { runWorld } from "../simulation/world.ts";

/** Runs `seedCount` seeds from `firstSeed` on, each failure told with its schedule; how many failed. */
export async function playSeeds(
  { firstSeed, seedCount }: { firstSeed: number; seedCount: number },
  tell: (line: object) => void,
): Promise<number> {
  let failedCount = 0;
  let acceptedCount = 0;
  const startedMs = performance.now();
  for (let seed = firstSeed; seed < firstSeed + seedCount; seed += 1) {
    const outcome = await runWorld(seed);
    acceptedCount += outcome.acceptedCount;
    if (outcome.problems.length === 0) continue;
    failedCount += 1;
    const fails = async (plan: ReturnType<typeof planOf>) =>
      (await runWorld(seed, undefined, plan)).problems.length > 0;
    const { plan, runCount } = await shrinkPlan(planOf(seed, seededRandom(seed)), fails);
    tell({ seed, problems: outcome.problems, schedule: plan, runCount });
  }
  const tookMs = Math.round(performance.now() - startedMs);
  tell({ firstSeed, seedCount, failedCount, acceptedCount, tookMs });
  return failedCount;
}
