// What the ledger knows, as the bridge's HTTP interface tells anybody.

import { z } from "zod";
import { GatewayError } from "../../contract/errors.ts";
import { noticeCodes } from "../../contract/event.ts";
import { stockLevelSchema } from "../../contract/stock.ts";
import { accountKey, type Balances } from "../world/truth.ts";
import type { SensingGap } from "./verdict.ts";

const requestTimeoutMs = 5000;
/** One page; a demo's store has a handful of products and gaps. */
const pageCountMax = 1000;

const levelsSchema = z.object({ items: z.array(stockLevelSchema) });
const gapsSchema = z.object({
  items: z.array(
    z.object({
      detail: z.object({
        fromAtMs: z.number(),
        toAtMs: z.number(),
        deviceIds: z.array(z.string()),
      }),
    }),
  ),
});

/** Reads one store's part of a ledger. */
export class LedgerView {
  readonly #base: string;
  readonly #storeId: string;

  constructor(httpPort: number, storeId: string) {
    this.#base = `http://127.0.0.1:${httpPort}/v1`;
    this.#storeId = storeId;
  }

  /** Every account that is not zero. */
  async balances(): Promise<Balances> {
    const { items } = levelsSchema.parse(await this.#get("stock", {}));
    const balances = new Map<string, number>();
    for (const { gtin, balances: accounts } of items) {
      for (const account of accounts) {
        if (account.quantity !== 0) balances.set(accountKey(account, gtin), account.quantity);
      }
    }
    return balances;
  }

  /** The times in which the store's edge declared itself blind, oldest first. */
  async sensingGaps(): Promise<SensingGap[]> {
    const answer = await this.#get("notices", { code: noticeCodes.sensingGap });
    return gapsSchema
      .parse(answer)
      .items.map(({ detail }) => detail)
      .reverse();
  }

  async #get(path: string, query: Record<string, string>): Promise<unknown> {
    const parameters = { store: this.#storeId, limit: String(pageCountMax), ...query };
    const url = `${this.#base}/${path}?${new URLSearchParams(parameters)}`;
    const response = await fetch(url, { signal: AbortSignal.timeout(requestTimeoutMs) });
    if (response.ok) return await response.json();
    const message = `${url} answered ${response.status}: ${await response.text()}`;
    throw new GatewayError("SCENARIO_FAILED", message);
  }
}
