// What the bridge itself posts because a person decided it over HTTP: through the queue of facts, under a source that is
// the ledger's own, each step once however often it is asked for.

import { createHash } from "node:crypto";
import type { Fact, ownSourceIds } from "../ledger/facts.ts";
import type { Ledger, Posted } from "../ledger/types.ts";
import { ProblemError } from "./problem.ts";

/** What posting takes. */
export interface OwnFactsOptions {
  readonly ledger: Pick<Ledger, "facts">;
  readonly nowMs: () => number;
  readonly onPosted: (posted: Posted) => void;
}

/** Posts a step's facts; `key` names the step. A problem while too many facts wait: the request may come again. */
export async function postOwnFacts(
  { ledger, nowMs, onPosted }: OwnFactsOptions,
  step: {
    readonly storeId: string;
    readonly sourceId: keyof typeof ownSourceIds;
    readonly key: string;
    readonly facts: readonly Fact[];
    readonly by: string | undefined;
  },
): Promise<void> {
  const digest = createHash("sha256").update(step.key).digest("hex");
  const outcome = await ledger.facts.take({ ...step, digest }, nowMs());
  if (!outcome.ok) throw new ProblemError("facts_busy", outcome.message, { code: outcome.code });
  if (outcome.posted !== undefined) onPosted(outcome.posted);
}
