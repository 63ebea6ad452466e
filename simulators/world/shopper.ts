// A shopper: takes groceries from the weight gondola (and sometimes puts one back), perhaps a piece
// of apparel, walks to the till and pays.

import assert from "node:assert/strict";
import { between, integerBetween, pickOne } from "../random.ts";
import type { Unit } from "./goods.ts";
import type { Actor } from "./schedule.ts";
import { type Store, sellable } from "./store.ts";

type Cell = Store["scenario"]["gondola"]["cells"][number];

/** A till keeps this much between two labels; a scanner drops the same label read twice sooner. */
export const labelIntervalMs = { least: 1000, most: 1700 } as const;

/** One shopper's way through the store. */
export function* shopper(store: Store, name: string): Actor {
  const { random } = store;
  const { cellsMax, apparelShare } = store.scenario.shoppers;
  const basket: Unit[] = [];
  const cells = [...store.scenario.gondola.cells];
  for (let visit = integerBetween(random, 1, cellsMax); visit > 0; visit -= 1) {
    const cell = pickOne(random, cells);
    if (cell === undefined) break;
    cells.splice(cells.indexOf(cell), 1);
    yield between(random, 800, 2500);
    yield* pickFromCell(store, name, cell, basket);
  }
  if (random() < apparelShare) {
    yield between(random, 1500, 4000);
    pickApparel(store, name, basket);
  }
  if (basket.length === 0) return;
  yield between(random, 4000, 8000);
  yield* payAtTill(store, name, basket);
}

function* pickFromCell(store: Store, name: string, cell: Cell, basket: Unit[]): Actor {
  const { random } = store;
  const { unitsMax, putBackShare } = store.scenario.shoppers;
  while (store.occupied.has(cell.location)) yield 300;
  const stock = store.unitsAt(cell.location);
  if (stock.length === 0) return;
  const wanted = Math.min(integerBetween(random, 1, unitsMax), stock.length);
  store.occupied.add(cell.location);
  store.note(`${name} takes ${wanted} ${store.factory.nameOf(cell.gtin)}`);
  for (let count = 0; count < wanted; count += 1) yield* take(store, cell, basket);
  if (random() < putBackShare) {
    yield between(random, 3000, 6000);
    store.note(`${name} puts 1 ${store.factory.nameOf(cell.gtin)} back`);
    yield* putBack(store, cell, basket);
  }
  // The next one waits until the shelf is still again, as people do.
  yield between(random, 1500, 2500);
  store.occupied.delete(cell.location);
}

function* take(store: Store, cell: Cell, basket: Unit[]): Actor {
  const { random } = store;
  const beganAtMs = store.nowMs;
  store.touch(cell.cell, between(random, 20, 250));
  yield between(random, 200, 400);
  const unit = store.unitsAt(cell.location).pop();
  assert(unit !== undefined, `${cell.location} was seen to have stock`);
  store.touch(cell.cell, between(random, -30, 60));
  yield between(random, 100, 300);
  store.touch(cell.cell, 0);
  basket.push(unit);
  store.record("customer_pick", unit, sellable(cell.location), store.virtual("basket"), beganAtMs);
  yield between(random, 100, 400);
}

function* putBack(store: Store, cell: Cell, basket: Unit[]): Actor {
  const { random } = store;
  const beganAtMs = store.nowMs;
  const unit = basket.pop();
  assert(unit?.gtin === cell.gtin, "the last piece in the basket comes from this cell");
  store.touch(cell.cell, between(random, 20, 250));
  yield between(random, 200, 400);
  store.unitsAt(cell.location).push(unit);
  store.touch(cell.cell, between(random, -30, 60));
  yield between(random, 100, 300);
  store.touch(cell.cell, 0);
  const to = sellable(cell.location);
  store.record("customer_putback", unit, store.virtual("basket"), to, beganAtMs);
}

function pickApparel(store: Store, name: string, basket: Unit[]): void {
  const { location } = store.scenario.portal.sideB;
  const stock = store.unitsAt(location);
  const unit = pickOne(
    store.random,
    stock.filter(({ restsUntilMs }) => restsUntilMs <= store.nowMs),
  );
  if (unit === undefined) return;
  stock.splice(stock.indexOf(unit), 1);
  basket.push(unit);
  store.note(`${name} takes 1 ${store.factory.nameOf(unit.gtin)}`);
  store.record("customer_pick", unit, sellable(location), store.virtual("basket"));
}

function* payAtTill(store: Store, name: string, basket: readonly Unit[]): Actor {
  const { deviceId } = store.scenario.till;
  while (store.occupied.has(deviceId)) yield 300;
  store.occupied.add(deviceId);
  store.note(`${name} pays for ${basket.length}`);
  for (const unit of basket) {
    store.scan(deviceId, unit.barcode);
    store.record("retail_selling", unit, store.virtual("basket"), store.virtual("customer"));
    yield between(store.random, labelIntervalMs.least, labelIntervalMs.most);
  }
  store.occupied.delete(deviceId);
}
