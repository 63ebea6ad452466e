// A shopper: takes groceries from the weight gondola (and sometimes puts one back), perhaps a piece
// of apparel, walks to the till and pays.

import assert from "node:assert/strict";
import type { Place } from "../../contract/event.ts";
import { between, integerBetween, pickOne } from "../random.ts";
import type { Unit } from "./goods.ts";
import type { Actor } from "./schedule.ts";
import { type Store, sellable } from "./store.ts";

type Cell = Store["scenario"]["gondola"]["cells"][number];

/** Nobody buys the last ones, only looks at them: so the shelf is never quite empty. */
const leftUnitCount = 2;
/** A till keeps this much between two labels; a scanner drops the same label read twice sooner. */
export const labelIntervalMs = { least: 1000, most: 1700 } as const;

/** A unit that somebody carries, and the account it is in as far as the ledger can know. */
interface Taken {
  readonly unit: Unit;
  readonly from: Place;
}

/** One shopper's way through the store. */
export function* shopper(store: Store, name: string): Actor {
  const { random } = store;
  const { cellsMax, apparelShare } = store.scenario.shoppers;
  const basket: Taken[] = [];
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

function* pickFromCell(store: Store, name: string, cell: Cell, basket: Taken[]): Actor {
  const { random } = store;
  const { unitsMax, putBackShare } = store.scenario.shoppers;
  while (store.occupied.has(cell.location)) yield 300;
  const stock = store.unitsAt(cell.location);
  if (stock.length === 0) return;
  const free = stock.length - leftUnitCount;
  const wanted = Math.max(Math.min(integerBetween(random, 1, unitsMax), free), 1);
  store.occupied.add(cell.location);
  store.note(`${name} takes ${wanted} ${store.factory.nameOf(cell.gtin)}`);
  for (let count = 0; count < wanted; count += 1) yield* take(store, cell, basket);
  if (free <= 0 || random() < putBackShare) {
    yield between(random, 3000, 6000);
    store.note(`${name} puts 1 ${store.factory.nameOf(cell.gtin)} back`);
    yield* putBack(store, cell, basket);
  }
  // The next one waits until the shelf is still again, as people do.
  yield between(random, 1500, 2500);
  store.occupied.delete(cell.location);
}

function* take(store: Store, cell: Cell, basket: Taken[]): Actor {
  const { random } = store;
  const beganAtMs = store.nowMs;
  store.touch(cell.cell, between(random, 20, 250));
  yield between(random, 200, 400);
  const unit = store.unitsAt(cell.location).pop();
  assert(unit !== undefined, `${cell.location} was seen to have stock`);
  store.touch(cell.cell, between(random, -30, 60));
  yield between(random, 100, 300);
  store.touch(cell.cell, 0);
  const to = store.virtual("basket");
  basket.push({ unit, from: to });
  const { deviceId } = store.scenario.gondola;
  const from = sellable(cell.location);
  store.record(unit, { kind: "customer_pick", deviceId, from, to, beganAtMs });
  yield between(random, 100, 400);
}

function* putBack(store: Store, cell: Cell, basket: Taken[]): Actor {
  const { random } = store;
  const beganAtMs = store.nowMs;
  const { unit } = basket.pop() ?? {};
  assert(unit?.gtin === cell.gtin, "the last piece in the basket comes from this cell");
  store.touch(cell.cell, between(random, 20, 250));
  yield between(random, 200, 400);
  store.unitsAt(cell.location).push(unit);
  store.touch(cell.cell, between(random, -30, 60));
  yield between(random, 100, 300);
  store.touch(cell.cell, 0);
  const { deviceId } = store.scenario.gondola;
  const ends = { from: store.virtual("basket"), to: sellable(cell.location) };
  store.record(unit, { kind: "customer_putback", deviceId, ...ends, beganAtMs });
}

// Nothing senses a pick from a rail: as far as anybody can know the piece is there until it is paid.
function pickApparel(store: Store, name: string, basket: Taken[]): void {
  const { location } = store.scenario.portal.sideB;
  const stock = store.unitsAt(location);
  const unit = pickOne(
    store.random,
    stock.filter(({ restsUntilMs }) => restsUntilMs <= store.nowMs),
  );
  if (unit === undefined) return;
  stock.splice(stock.indexOf(unit), 1);
  basket.push({ unit, from: sellable(location) });
  store.note(`${name} takes 1 ${store.factory.nameOf(unit.gtin)}`);
}

function* payAtTill(store: Store, name: string, basket: readonly Taken[]): Actor {
  const { deviceId } = store.scenario.till;
  while (store.occupied.has(deviceId)) yield 300;
  store.occupied.add(deviceId);
  store.note(`${name} pays for ${basket.length}`);
  for (const { unit, from } of basket) {
    store.scan(deviceId, unit.barcode);
    store.record(unit, { kind: "retail_selling", deviceId, from, to: store.virtual("customer") });
    yield between(store.random, labelIntervalMs.least, labelIntervalMs.most);
  }
  store.occupied.delete(deviceId);
}
