// The smallest schedule with which a seed still fails: faults are taken out, then edges, then what the
// edges hand in, for as long as the world goes on failing (delta debugging).

import type { Plan } from "./plan.ts";

/** Runs that one search may take; beyond, what was found so far is the answer. */
export const shrinkRunCountMax = 300;

/** Lists from which members can be taken, in the order in which that is tried. */
const lists: readonly ((plan: Plan, keep: <T>(list: readonly T[]) => readonly T[]) => Plan)[] = [
  (plan, keep) => ({ ...plan, bridgeDeaths: keep(plan.bridgeDeaths) }),
  (plan, keep) => ({ ...plan, pauses: keep(plan.pauses) }),
  (plan, keep) => ({ ...plan, brokerForgetsAtMs: keep(plan.brokerForgetsAtMs) }),
  (plan, keep) => ({ ...plan, halfOpens: keep(plan.halfOpens) }),
  (plan, keep) => ({ ...plan, intrusionsAtMs: keep(plan.intrusionsAtMs) }),
  ...[0, 1, 2].flatMap((index) => [
    ofEdge(index, (edge, keep) => ({ ...edge, deaths: keep(edge.deaths) })),
    ofEdge(index, (edge, keep) => ({ ...edge, jumps: keep(edge.jumps) })),
  ]),
  // The first edge is the one whose card is copied; the others keep their places, so edges go from the end.
  (plan, keep) => ({ ...plan, edges: plan.edges.slice(0, 1 + keep(plan.edges.slice(1)).length) }),
  ...[0, 1, 2].map((index) =>
    ofEdge(index, (edge, keep) => ({ ...edge, appends: keep(edge.appends) })),
  ),
];

type Keep = <T>(list: readonly T[]) => readonly T[];
type Edge = Plan["edges"][number];

function ofEdge(index: number, change: (edge: Edge, keep: Keep) => Edge) {
  return (plan: Plan, keep: Keep): Plan => ({
    ...plan,
    edges: plan.edges.map((edge, at) => (at === index ? change(edge, keep) : edge)),
  });
}

const noLinkFaults = ["dropShare", "repeatShare", "lateShare"] as const;

/** The smallest plan found for which `fails` still holds; it holds for `plan`. */
export async function shrinkPlan(
  plan: Plan,
  fails: (plan: Plan) => Promise<boolean>,
): Promise<{ plan: Plan; runCount: number }> {
  let smallest = plan;
  let runCount = 0;
  const attempt = async (smaller: Plan): Promise<boolean> => {
    if (runCount >= shrinkRunCountMax) return false;
    runCount += 1;
    if (!(await fails(smaller))) return false;
    smallest = smaller;
    return true;
  };
  await attempt({ ...smallest, deathlyAnswerShare: 0 });
  for (const name of noLinkFaults) {
    await attempt({ ...smallest, faults: { ...smallest.faults, [name]: 0 } });
  }
  for (const reduce of lists) await shrinkList(reduce);
  return { plan: smallest, runCount };

  async function shrinkList(reduce: (plan: Plan, keep: Keep) => Plan): Promise<void> {
    let length = 0;
    reduce(smallest, (list) => {
      length = list.length;
      return list;
    });
    for (let size = length; size >= 1; size = Math.floor(size / 2)) {
      for (let first = 0; first < length; ) {
        const without = reduce(smallest, (list) =>
          list.filter((_, at) => at < first || at >= first + size),
        );
        if (await attempt(without)) length -= Math.min(size, length - first);
        else first += size;
      }
    }
  }
}
