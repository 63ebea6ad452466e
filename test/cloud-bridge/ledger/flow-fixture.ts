// Hours of a shop on a real ledger: what shelf, till and exit say, and steps of orders, posted in any order.

import { expect } from "vitest";
import { countDifference } from "../../../cloud-bridge/ledger/anchors.ts";
import { isFlowRule } from "../../../cloud-bridge/ledger/flow.ts";
import type { SqlLedger } from "../../../cloud-bridge/ledger/sql-ledger.ts";
import type { SqliteLedger } from "../../../cloud-bridge/ledger/sqlite-ledger.ts";
import { planSchema } from "../../../contract/plan.ts";
import type { Entry } from "../../../contract/stock.ts";
import { reserve } from "./claims-fixture.ts";
import { balancesOf, isOnPostgres, openLedger, plan } from "./edge-fixture.ts";
import { coffee, FakeEdge, moved, place, startAtMs } from "./fake-edge.ts";

export const minuteMs = 60_000;
export const hourMs = 60 * minuteMs;
export const shelf = "floor/gondola-1/c1";

export type Fields = Record<string, unknown>;
export type Fact = (storeId: string) => Fields;
/** A step of an order for one unit, as staff carry it out. */
export interface Step {
  readonly order: number;
  readonly step: "pick" | "hand_over" | "release";
  readonly afterMs: number;
}
export const at = (afterMs: number) => ({ occurredAtMs: startAtMs + afterMs });

export function fact(
  step: string,
  afterMs: number,
  from?: string,
  to?: string,
  more: Fields = {},
): Fact {
  return (storeId) =>
    moved(step, coffee, {
      ...at(afterMs),
      ...(from === undefined ? {} : { from: place(`${storeId}/${from}`) }),
      ...(to === undefined ? {} : { to: place(`${storeId}/${to}`) }),
      ...more,
    });
}
export const stock = fact("receiving", 0, undefined, shelf, { quantity: 5 });
export const pick = (afterMs: number, more?: Fields) =>
  fact("customer_pick", afterMs, shelf, undefined, more);
export const putback = (afterMs: number) => fact("customer_putback", afterMs, undefined, shelf);
export const sale = (afterMs: number, more?: Fields) =>
  fact("retail_selling", afterMs, undefined, undefined, more);
export const exit = (afterMs: number, more?: Fields) =>
  fact("departing", afterMs, shelf, "@exit", more);
export const serial = (name: string) => ({ item: { gtin: coffee, serial: name } });

export function permutations<T>(list: readonly T[]): T[][] {
  if (list.length === 0) return [[]];
  return list.flatMap((one, index) =>
    permutations([...list.slice(0, index), ...list.slice(index + 1)]).map((rest) => [one, ...rest]),
  );
}

/** All orders of a few facts; of more, some from each part of the list. What crosses a socket takes its time. */
export function ordersOf<T>(facts: readonly T[]): T[][] {
  const orders = permutations(facts);
  const step = Math.ceil(orders.length / (isOnPostgres ? 6 : 60));
  return orders.filter((_order, index) => index % step === 0);
}

export async function settleAll(ledger: SqliteLedger): Promise<string[]> {
  const codes: string[] = [];
  for (;;) {
    const { itemCount, alerts } = await ledger.settle(startAtMs);
    codes.push(...alerts.map(({ code }) => code));
    if (itemCount === 0) return codes;
  }
}

/** Days of a property in one ledger: each settlement looks at the edges of all of them. */
const dayCountMax = 100;

/** Ledgers for the days of a property, each verified in the end. */
export async function ledgersInTurn() {
  let ledger = await openLedger();
  let dayCount = 0;
  const verify = async () => expect((await ledger.verify()).problems).toEqual([]);
  const next = async () => {
    dayCount += 1;
    if (dayCount % dayCountMax === 0) {
      await verify();
      ledger = await openLedger();
    }
    return ledger;
  };
  return { next, verify };
}

let storeNumber = 0;

/** Until when every edge has told everything in the end. */
const endMs = startAtMs + 30 * 24 * hourMs;

/**
 * Posts facts in this order, each by an edge of its own, in a new store; then a month passes. Orders are of the first one.
 * `throughMsAt`: until when all edges so far have told everything once a fact is posted.
 */
export async function day(
  ledger: SqliteLedger,
  facts: readonly (Fact | Step)[],
  settleAt: (position: number) => boolean = () => true,
  throughMsAt: (position: number) => number = () => 0,
) {
  storeNumber += 1;
  const storeId = `s${storeNumber}`;
  const inStore = JSON.parse(JSON.stringify(plan).replaceAll("s0042/", `${storeId}/`));
  await ledger.setPlan(planSchema.parse({ ...inStore, storeId }));
  const edges: FakeEdge[] = [];
  const claims = new Map<number, string>();
  for (const [position, each] of facts.entries()) {
    if (typeof each === "function") {
      const name = `0a0a0a0a-${String(position).padStart(4, "0")}`;
      const edge = new FakeEdge(name, `e${position}`, storeId).append(each(storeId));
      const completeThroughAtMs = startAtMs + throughMsAt(position);
      await ledger.post([edge.batch(1, edge.lastSequence, { completeThroughAtMs })], startAtMs);
      await tellThrough(ledger, edges, completeThroughAtMs);
      edges.push(edge);
    } else {
      const { order, step, afterMs } = each;
      const id = claims.get(order)!;
      const nowMs = startAtMs + afterMs;
      expect(await ledger.decideClaim({ step, claimId: id, by: "ada" }, nowMs)).toMatchObject({
        ok: true,
      });
    }
    if (settleAt(position)) await settleAll(ledger);
    if (position > 0) continue;
    for (const order of new Set(facts.flatMap((one) => ("order" in one ? [one.order] : [])))) {
      const asked = reserve({ storeId, expiresAtMs: startAtMs + 24 * hourMs });
      expect(await ledger.decideClaim(asked, startAtMs)).toMatchObject({ ok: true });
      claims.set(order, asked.claimId);
    }
  }
  await settleAll(ledger);
  const soon = await shortBalances(ledger, storeId);
  await tellThrough(ledger, edges, endMs);
  const codes = await settleAll(ledger);
  return { storeId, codes, soon, balances: await shortBalances(ledger, storeId) };
}

async function tellThrough(
  ledger: SqliteLedger,
  edges: readonly FakeEdge[],
  completeThroughAtMs: number,
): Promise<void> {
  if (completeThroughAtMs === startAtMs) return;
  const hellos = edges.map((edge) => edge.hello(edge.lastSequence + 1, { completeThroughAtMs }));
  await ledger.post(hellos, startAtMs);
}

async function shortBalances(ledger: SqliteLedger, storeId: string) {
  const balances = await balancesOf(ledger, coffee, storeId);
  const short = Object.entries(balances).map(([name, quantity]) => [
    name.replace(" sellable", ""),
    quantity,
  ]);
  return Object.fromEntries(short) as Record<string, number>;
}

/** Minutes of the facts beside which something stands, by its rule. */
export async function standing(
  ledger: SqlLedger,
  storeId: string,
): Promise<Record<string, number[]>> {
  const entries = await ledger.entries({ storeId, afterEntryNumber: 0, countMax: 999 });
  const nameOf = ({ edgeId, sequence }: Entry) => `${edgeId}/${sequence}`;
  const facts = new Map<string, Entry>();
  const beside = new Map<string, Entry[]>();
  for (const entry of entries) {
    const { reason } = entry;
    const key = `${reason} ${nameOf(entry)}`;
    if (isFlowRule(reason)) beside.set(key, [...(beside.get(key) ?? []), entry]);
    else if (reason !== countDifference) facts.set(nameOf(entry), entry);
  }
  const minutes: Record<string, number[]> = {};
  for (const [key, posted] of beside) {
    // What is taken back goes the other way.
    const forward = posted.filter(({ from }) => from.location === posted[0]!.from.location);
    if (2 * forward.length === posted.length) continue;
    const [rule, name] = key.split(" ") as [string, string];
    const minute = (facts.get(name)!.occurredAtMs - startAtMs) / minuteMs;
    minutes[rule] = [...(minutes[rule] ?? []), minute].sort((a, b) => a - b);
  }
  return minutes;
}
