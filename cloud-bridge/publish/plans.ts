// Plans of stores: configured files go into the ledger when they are newer, and the ledger's plan of
// each store goes out retained, to be kept by the edges; also when the catalogue made another one of it.

import { canonicalJson } from "../../contract/digest.ts";
import type { GivenPlan } from "../../contract/plan.ts";
import { topics } from "../../contract/topics.ts";
import { type Clock, sleep } from "../clock.ts";
import type { Ledger } from "../ledger/types.ts";
import type { OutgoingMessage } from "../link.ts";
import type { Logger } from "../log.ts";

/** Between two looks at what the catalogue changed. */
const refreshIntervalMs = 2000;

/** Puts plans that are newer than what the ledger was given into it. A change without a higher version is told to the log. */
export async function storePlans(
  ledger: Pick<Ledger, "storedPlan" | "setPlan">,
  plans: readonly GivenPlan[],
  { log, nowMs }: { readonly log: Logger; readonly nowMs: number },
): Promise<void> {
  for (const plan of plans) {
    const { storeId } = plan;
    const stored = await ledger.storedPlan(storeId);
    if (stored === undefined || plan.version > stored.given.version) {
      const { plan: stands } = await ledger.setPlan(plan, { by: "config", nowMs });
      const { version } = stands;
      log.info({ storeId, version, replacedVersion: stored?.plan.version }, "plan stored");
    } else if (canonicalJson(plan) !== canonicalJson(stored.given)) {
      const { version } = plan;
      const message = `the ledger has version ${stored.given.version}; give the file a higher one`;
      log.warn({ storeId, version, message }, "plan ignored");
    }
  }
}

/** Keeps plans up to date with the catalogue until `signal` aborts. Rejects once the ledger cannot write. */
export async function runPlanRefresh(
  options: {
    readonly ledger: Pick<Ledger, "refreshPlans">;
    readonly clock: Clock;
    /** False when the broker did not take all of them. */
    readonly publish: (storeIds: readonly string[]) => Promise<boolean>;
  },
  signal: AbortSignal,
): Promise<void> {
  const { ledger, clock, publish } = options;
  const waiting = new Set<string>();
  while (!signal.aborted) {
    for (const storeId of await ledger.refreshPlans(clock.nowMs())) waiting.add(storeId);
    if (waiting.size > 0 && (await publish([...waiting]))) waiting.clear();
    await sleep(clock, refreshIntervalMs, signal);
  }
}

/** Publishes the plan of each store; false when the broker did not take all of them. */
export async function publishPlans(options: {
  ledger: Pick<Ledger, "plan">;
  storeIds: readonly string[];
  publish: (message: OutgoingMessage) => Promise<boolean>;
}): Promise<boolean> {
  for (const storeId of options.storeIds) {
    const plan = await options.ledger.plan(storeId);
    if (plan === undefined) continue;
    const message = { topic: topics.plan(storeId), payload: JSON.stringify(plan), retain: true };
    if (!(await options.publish(message))) return false;
  }
  return true;
}
