// What was sold and may be on its way out. Sales of this edge's tills are durable, as they are committed with their
// event: a restart rings at nobody who has paid.

import { z } from "zod";
import type { MovedConclusion } from "../../contract/event.ts";
import { serialKey } from "../../contract/gs1/digital-link.ts";
import type { Sold } from "../../contract/sold.ts";
import { type Gtin, gtinSchema } from "../../contract/units.ts";
import type { ExitConfig } from "./exit-config.ts";
import type { Count, Output } from "./machine.ts";
import { readStored } from "./stored.ts";

/** Serials of own sales that are remembered; the oldest are forgotten first. */
export const serialCountMax = 20_000;
/** Sales of one GTIN that are remembered. */
export const saleCountMax = 60;
const serialPrefix = "exit/serial/";
const unitsPrefix = "exit/units/";

const soldAtMsSchema = z.number();
/** Sold at, how many, how many of them have left. */
const salesSchema = z.array(z.tuple([z.number(), z.int(), z.int()])).max(saleCountMax);
interface Sale {
  soldAtMs: number;
  quantity: number;
  leftCount: number;
}

/** Sold units by serial and by GTIN. */
export class SoldUnits {
  readonly #config: ExitConfig;
  readonly #count: Count;
  readonly #serials = new Map<string, number>();
  readonly #sales = new Map<Gtin, Sale[]>();
  #listed: ReadonlySet<string> = new Set();

  constructor(config: ExitConfig, count: Count) {
    this.#config = config;
    this.#count = count;
  }

  restore(stored: ReadonlyMap<string, string>): void {
    for (const [key, text] of stored) {
      if (key.startsWith(serialPrefix)) {
        const soldAtMs = readStored(soldAtMsSchema, text);
        if (soldAtMs !== undefined) this.#serials.set(key.slice(serialPrefix.length), soldAtMs);
      } else if (key.startsWith(unitsPrefix)) {
        const gtin = gtinSchema.safeParse(key.slice(unitsPrefix.length)).data;
        const sales = readStored(salesSchema, text) ?? [];
        if (gtin === undefined) continue;
        this.#sales.set(
          gtin,
          sales.map(([soldAtMs, quantity, leftCount]) => ({ soldAtMs, quantity, leftCount })),
        );
      }
    }
  }

  /** An own till sold it. */
  add({ item, quantity, occurredAtMs }: MovedConclusion, output: Output): void {
    const { gtin, serial } = item;
    if (gtin === undefined) return;
    this.#forget(occurredAtMs, output);
    if (serial === undefined) {
      this.#addSale(gtin, occurredAtMs, quantity);
      this.#storeSales(gtin, output);
      return;
    }
    const key = serialKey(gtin, serial);
    this.#serials.delete(key);
    this.#serials.set(key, occurredAtMs);
    output.state.push({ key: serialPrefix + key, value: String(occurredAtMs) });
    const [oldest] = this.#serials.keys();
    if (this.#serials.size <= serialCountMax || oldest === undefined) return;
    this.#count("exit_serials_dropped");
    this.#drop(oldest, output);
  }

  /** It came back. */
  remove({ item: { gtin, serial } }: MovedConclusion, output: Output): void {
    if (gtin === undefined || serial === undefined) return;
    const key = serialKey(gtin, serial);
    if (this.#serials.has(key)) this.#drop(key, output);
  }

  /** Takes what the ledger has settled; sales of own tills are in it again. */
  takeList({ serials, units }: Sold): void {
    this.#listed = new Set(serials.map(({ key }) => key));
    for (const { gtin, soldAtMs, quantity } of units) {
      const known = this.#sales.get(gtin)?.some((sale) => sale.soldAtMs === soldAtMs);
      if (known !== true) this.#addSale(gtin, soldAtMs, quantity);
    }
  }

  /** Whether a unit that leaves was sold. A sale by GTIN lets as many units out as were sold. */
  isSold({ item: { gtin, serial }, occurredAtMs }: MovedConclusion, output: Output): boolean {
    if (gtin === undefined) return false;
    const key = serial === undefined ? undefined : serialKey(gtin, serial);
    if (key !== undefined && (this.#serials.has(key) || this.#listed.has(key))) return true;
    const sale = this.#sales
      .get(gtin)
      ?.find(
        ({ soldAtMs, quantity, leftCount }) =>
          leftCount < quantity && occurredAtMs - soldAtMs <= this.#config.unitWindowMs,
      );
    if (sale === undefined) return false;
    sale.leftCount += 1;
    this.#storeSales(gtin, output);
    return true;
  }

  shiftTime(byMs: number): void {
    for (const [key, soldAtMs] of this.#serials) this.#serials.set(key, soldAtMs + byMs);
    for (const sale of [...this.#sales.values()].flat()) sale.soldAtMs += byMs;
  }

  #addSale(gtin: Gtin, soldAtMs: number, quantity: number): void {
    const sales = [...(this.#sales.get(gtin) ?? []), { soldAtMs, quantity, leftCount: 0 }];
    this.#sales.set(gtin, sales.slice(-saleCountMax));
  }

  // Serials in the order of their sales: those behind the first one that still counts are newer.
  #forget(nowMs: number, output: Output): void {
    for (const [key, soldAtMs] of this.#serials) {
      if (nowMs - soldAtMs <= this.#config.serialWindowMs) break;
      this.#drop(key, output);
    }
    for (const [gtin, sales] of this.#sales) {
      const isOver = sales.every(({ soldAtMs }) => nowMs - soldAtMs > this.#config.unitWindowMs);
      if (!isOver) continue;
      this.#sales.delete(gtin);
      output.state.push({ key: unitsPrefix + gtin, value: null });
    }
  }

  #drop(key: string, output: Output): void {
    this.#serials.delete(key);
    output.state.push({ key: serialPrefix + key, value: null });
  }

  #storeSales(gtin: Gtin, output: Output): void {
    const sales = this.#sales.get(gtin) ?? [];
    const value = sales.map(({ soldAtMs, quantity, leftCount }) => [soldAtMs, quantity, leftCount]);
    output.state.push({ key: unitsPrefix + gtin, value: JSON.stringify(value) });
  }
}
