// Plans of stores in the ledger: configured files go into it when they are newer, and what plans leave to the catalogue is
// filled anew when that changes.

import { canonicalJson } from "../../contract/digest.ts";
import type { GivenPlan } from "../../contract/plan.ts";
import { type Clock, sleep } from "../clock.ts";
import type { Ledger } from "../ledger/types.ts";
import type { Logger } from "../log.ts";
import { unlessRefused } from "../unless-refused.ts";

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
  {
    ledger,
    clock,
    count,
  }: {
    readonly ledger: Pick<Ledger, "refreshPlans">;
    readonly clock: Clock;
    readonly count: (name: string) => void;
  },
  signal: AbortSignal,
): Promise<void> {
  while (!signal.aborted) {
    await unlessRefused(() => ledger.refreshPlans(clock.nowMs()), [], count);
    await sleep(clock, refreshIntervalMs, signal);
  }
}
