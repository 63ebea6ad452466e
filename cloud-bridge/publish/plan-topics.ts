// Publishes the plan of each store, retained, to be kept by its edges. Only the bridge that holds a store does so, and one
// loop, so that no older plan follows a newer one; the loop asks the ledger, so it does not matter who changed a plan, nor
// whether that one lives on to tell.

import { topics } from "../../contract/topics.ts";
import { type Clock, sleep } from "../clock.ts";
import type { Ledger } from "../ledger/types.ts";
import type { OutgoingMessage } from "../link.ts";

export interface PlanTopicsOptions {
  readonly ledger: Pick<Ledger, "plan" | "planVersions">;
  readonly isHeld: (storeId: string) => boolean;
  readonly link: {
    readonly isOnline: boolean;
    publish(message: OutgoingMessage): Promise<boolean>;
  };
  readonly clock: Clock;
}

/** Between two looks at what changed. */
const lookIntervalMs = 1000;

/** The publisher of plans. */
export class PlanTopics {
  readonly #options: PlanTopicsOptions;
  /** By store, the version that the broker took last. */
  #published = new Map<string, number>();

  constructor(options: PlanTopicsOptions) {
    this.#options = options;
  }

  /** The link came (back) online, or another bridge came or went: the broker may have something older. */
  onOnline(): void {
    this.#published = new Map();
  }

  /** Publishes until `signal` aborts, then what changed since. Rejects when the ledger cannot be read. */
  async run(signal: AbortSignal): Promise<void> {
    while (!signal.aborted) {
      await this.#look();
      await sleep(this.#options.clock, lookIntervalMs, signal);
    }
    await this.#look();
  }

  async #look(): Promise<void> {
    const { ledger, isHeld, link } = this.#options;
    if (!link.isOnline) return;
    const published = this.#published;
    for (const { storeId, version } of await ledger.planVersions()) {
      if (!link.isOnline) return;
      if (!isHeld(storeId)) published.delete(storeId);
      else if (published.get(storeId) !== version) await this.#publish(storeId, published);
    }
  }

  /** Publishes one; the next look sees one again that the broker did not take. */
  async #publish(storeId: string, published: Map<string, number>): Promise<void> {
    const { ledger, isHeld, link } = this.#options;
    const plan = await ledger.plan(storeId);
    // It may have gone to another bridge meanwhile.
    if (plan === undefined || !isHeld(storeId)) return;
    const message = { topic: topics.plan(storeId), payload: JSON.stringify(plan), retain: true };
    if (await link.publish(message)) published.set(storeId, plan.version);
  }
}
