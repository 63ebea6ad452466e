// Plans of stores: configured files go into the ledger when they are newer, and the ledger's plan of
// each store goes out retained, to be kept by the edges.

import { canonicalJson } from "../../contract/digest.ts";
import type { Plan } from "../../contract/plan.ts";
import { topics } from "../../contract/topics.ts";
import type { Ledger } from "../ledger/types.ts";
import type { OutgoingMessage } from "../link.ts";
import type { Logger } from "../log.ts";

/** Puts plans that are newer than the ledger's into it. A change without a higher version is told to the log. */
export async function storePlans(
  ledger: Pick<Ledger, "plan" | "setPlan">,
  plans: readonly Plan[],
  { log, nowMs }: { readonly log: Logger; readonly nowMs: number },
): Promise<void> {
  for (const plan of plans) {
    const { storeId, version } = plan;
    const stored = await ledger.plan(storeId);
    if (stored === undefined || version > stored.version) {
      await ledger.setPlan(plan, { by: "config", nowMs });
      log.info({ storeId, version, replacedVersion: stored?.version }, "plan stored");
    } else if (canonicalJson(plan) !== canonicalJson(stored)) {
      const message = `the ledger has version ${stored.version}; give the file a higher one`;
      log.warn({ storeId, version, message }, "plan ignored");
    }
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
