import { expect, test } from "vitest";
import { seededRandom } from "../../simulators/random.ts";
import { planOf } from "./plan.ts";
import { shrinkPlan, shrinkRunCountMax } from "./shrink.ts";

test("what a failure does not need is taken out, what it needs stays", async () => {
  const drawn = planOf(0, seededRandom(0));
  const pause = { worker: 0, atMs: 1, forMs: 1, isAfterWrite: false };
  const plan = {
    ...drawn,
    pauses: [pause],
    brokerForgetsAtMs: [100, 200, 300],
    intrusionsAtMs: [1, 2, 3, 4, 5],
  };
  const needed = plan.edges[0]!.appends[3]!;
  const fails = async (smaller: typeof plan) =>
    smaller.brokerForgetsAtMs.includes(200) &&
    smaller.intrusionsAtMs.includes(2) &&
    smaller.intrusionsAtMs.includes(5) &&
    smaller.edges[0]!.appends.includes(needed);
  const shrunk = await shrinkPlan(plan, (smaller) => fails(smaller as typeof plan));
  expect(shrunk.plan).toMatchObject({ brokerForgetsAtMs: [200], intrusionsAtMs: [2, 5] });
  expect(shrunk.plan.edges.map(({ appends, deaths }) => ({ appends, deaths }))).toEqual([
    { appends: [needed], deaths: [] },
  ]);
  expect(shrunk.plan).toMatchObject({
    bridgeDeaths: [],
    pauses: [],
    halfOpens: [],
    deathlyAnswerShare: 0,
  });
  expect(shrunk.runCount).toBeLessThan(shrinkRunCountMax);
});
