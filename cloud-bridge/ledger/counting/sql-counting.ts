// Counting as the rest of the bridge uses it, over the ledger's database.

import { GatewayError } from "../../../contract/errors.ts";
import type { Author } from "../author.ts";
import { type LedgerDatabase, type SqlConnection, StatementError } from "../database.ts";
import { saveAudit } from "../sql-audit.ts";
import type { Posted } from "../types.ts";
import type { CountPolicy } from "./count-policy.ts";
import { itemOf, readItems, readPolicy, saveItems, savePolicy } from "./sql-policy.ts";
import { type RfidReport, readReports, recordTags } from "./sql-rfid.ts";
import {
  type OpenStocktake,
  openOnce,
  type StepOutcome,
  type StocktakeStep,
  takeStep,
} from "./sql-stocktake-steps.ts";
import { loadStocktakeView, readStocktake, readStocktakes } from "./sql-stocktakes.ts";
import { readStoreFacts } from "./sql-store-facts.ts";
import { readDueStores, type Swept, saveGates, saveSweep } from "./sql-sweep.ts";
import type { Stocktake, StocktakeOutcome } from "./stocktake.ts";
import { outdatedLine } from "./stocktake-steps.ts";
import type { StoreFacts } from "./store-facts.ts";

/** Counts that people carry out, and what they are planned and judged by. */
export class SqlCounting {
  readonly #database: LedgerDatabase;

  constructor(database: LedgerDatabase) {
    this.#database = database;
  }

  /** Opens a stocktake, once for its id. */
  open(request: OpenStocktake, nowMs: number): Promise<StocktakeOutcome> {
    return this.#write((connection) => openOnce(connection, request, nowMs));
  }

  /** Takes a stocktake a step on: as a whole or not at all. */
  step(
    about: { storeId: string; countId: string },
    step: StocktakeStep,
    nowMs: number,
  ): Promise<StepOutcome> {
    return this.#write((connection) => takeStep(connection, about, step, nowMs));
  }

  /** Notes the tags that somebody saw as lines of a stocktake. */
  recordTags(
    about: { storeId: string; countId: string },
    request: Parameters<typeof recordTags>[2],
    nowMs: number,
  ) {
    return this.#write((connection) => recordTags(connection, about, request, nowMs));
  }

  /** Counts of tags, the newest first. */
  rfidReports(query: Parameters<typeof readReports>[1]): Promise<RfidReport[]> {
    return readReports(this.#database.reader, query);
  }

  /** A stocktake with its lines as they are now: those whose stock moved since are outdated. */
  async stocktake(storeId: string, countId: string, nowMs: number): Promise<Stocktake | undefined> {
    const connection = this.#database.reader;
    const stocktake = await readStocktake(connection, storeId, countId);
    if (stocktake === undefined || stocktake.phase !== "review") return stocktake;
    const policy = await readPolicy(connection, storeId);
    const about = { storeId, state: stocktake.state, policy, nowMs };
    const view = await loadStocktakeView(connection, about, [], stocktake.lines);
    return { ...stocktake, lines: stocktake.lines.map((line) => outdatedLine(line, view)) };
  }

  /** Stocktakes without their lines, the newest first. */
  stocktakes(query: Parameters<typeof readStocktakes>[1]) {
    return readStocktakes(this.#database.reader, query);
  }

  /** What is known of a store now, for count plan, trust and refill. */
  facts(storeId: string, nowMs: number): Promise<StoreFacts> {
    return readStoreFacts(this.#database.reader, storeId, nowMs);
  }

  /** Looks at the stores that are due; gives what is to be published. Posting goes on between two stores. */
  async sweep(nowMs: number): Promise<Swept> {
    const swept: Swept = { alerts: [], changedItems: [] };
    for (const due of await readDueStores(this.#database.reader, nowMs)) {
      const facts = await this.facts(due.storeId, nowMs);
      const found = await this.#write((connection) => saveSweep(connection, facts, due));
      swept.alerts.push(...found.alerts);
      swept.changedItems.push(...found.changedItems);
    }
    return swept;
  }

  /** What a store demands of its counts. */
  policy(storeId: string): Promise<CountPolicy> {
    return readPolicy(this.#database.reader, storeId);
  }

  /** The same, with class and price of some products. */
  async demands(storeId: string, gtins: readonly string[]) {
    const policy = await readPolicy(this.#database.reader, storeId);
    const items = await readItems(this.#database.reader, storeId, gtins);
    return { policy, itemOf: (gtin: string) => itemOf(items, gtin) };
  }

  /** Takes what a store demands; promises follow at once. Gives the products of which more or less is promised now. */
  async setPolicy(
    storeId: string,
    policy: CountPolicy,
    { by, nowMs }: Author,
  ): Promise<Posted["changedItems"]> {
    await this.#write(async (connection) => {
      await savePolicy(connection, storeId, policy);
      const deed = { act: "count_policy_set", subject: "", by, atMs: nowMs } as const;
      await saveAudit(connection, [{ storeId, ...deed }]);
    });
    const facts = await this.facts(storeId, nowMs);
    return await this.#write((connection) => saveGates(connection, facts));
  }

  /** Takes class and price of products; `*` for every store. */
  setItems(
    storeId: string,
    items: Parameters<typeof saveItems>[2],
    { by, nowMs }: Author,
  ): Promise<void> {
    return this.#write(async (connection) => {
      await saveItems(connection, storeId, items);
      const subject = `${items.length} products`;
      const deed = { act: "count_items_set", subject, by, atMs: nowMs } as const;
      await saveAudit(connection, [{ storeId, ...deed }]);
    });
  }

  /** A statement that the database refuses is the request's fault, not the disk's. */
  #write<T>(work: (connection: SqlConnection) => Promise<T>): Promise<T> {
    return this.#database.write(async (connection) => {
      try {
        return await work(connection);
      } catch (error) {
        if (!(error instanceof StatementError)) throw error;
        throw new GatewayError("LEDGER_RULE", `a count: ${error.message}`, { cause: error });
      }
    });
  }
}
