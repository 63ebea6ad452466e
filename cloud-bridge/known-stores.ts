// Which stores there are: those with a configured plan and those with an edge that reported.

import type { Ledger } from "./ledger/types.ts";

/** The stores of a ledger. */
export class KnownStores {
  readonly #ledger: Pick<Ledger, "positions">;
  readonly #storeIds: Set<string>;

  constructor(ledger: Pick<Ledger, "positions">, planStoreIds: readonly string[]) {
    this.#ledger = ledger;
    this.#storeIds = new Set(planStoreIds);
  }

  /** Those that these plans are for, and those that the ledger hears of. */
  static of(
    ledger: Pick<Ledger, "positions">,
    plans: readonly { readonly storeId: string }[],
  ): KnownStores {
    return new KnownStores(
      ledger,
      plans.map(({ storeId }) => storeId),
    );
  }

  /** All of them, in order. */
  async list(): Promise<string[]> {
    for (const { storeId } of await this.#ledger.positions()) this.#storeIds.add(storeId);
    return [...this.#storeIds].sort();
  }

  async has(storeId: string): Promise<boolean> {
    return this.#storeIds.has(storeId) || (await this.list()).includes(storeId);
  }
}
