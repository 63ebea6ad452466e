// Staff: carry apparel through the portal (and sometimes turn back), receive goods at the back door,
// count a location by scanning every label.

import { between, integerBetween, pickOne } from "../random.ts";
import type { Unit } from "./goods.ts";
import { reachMetres } from "./radio.ts";
import type { Actor } from "./schedule.ts";
import { labelIntervalMs } from "./shopper.ts";
import { type Carried, type Store, sellable } from "./store.ts";

const walkStepMs = 100;
const metresPerSecond = { least: 0.9, most: 1.4 } as const;
/** A walk begins and ends out of the antennas' reach. */
const walkMetres = reachMetres + 0.5;
/** Between two walks the portal rests, so that one is over before the next begins. */
const portalRestMs = 3500;
/** A piece that was brought or received is hung up first. */
const restMs = 8000;
/** Faster than anybody scans, so that a count takes seconds; the scanner is set to take each one. */
const countIntervalMs = 30;

/** A member of staff carries pieces to the floor or back, and sometimes turns round at the door. */
export function* carrier(store: Store): Actor {
  const { random } = store;
  const { deviceId, sideA, sideB } = store.scenario.portal;
  const { unitsMax, turnBackShare, bringBackShare } = store.scenario.carriers;
  if (store.occupied.has(deviceId)) return;
  const isBack = random() < bringBackShare;
  const [from, to] = isBack ? [sideB, sideA] : [sideA, sideB];
  const units = takeSome(store, from.location, integerBetween(random, 1, unitsMax));
  if (units.length === 0) return;
  store.occupied.add(deviceId);
  const beganAtMs = store.nowMs;
  const turns = random() < turnBackShare;
  const speed = between(random, metresPerSecond.least, metresPerSecond.most);
  const side = isBack ? -1 : 1;
  const turnMetres = turns ? between(random, -1.2, 0.1) : walkMetres;
  const goal = turns ? from : to;
  const way = turns ? "turns back at the door" : `carries ${units.length} to ${to.location}`;
  store.note(`staff ${way}`);
  yield* walk(store, units, { from: -walkMetres * side, to: turnMetres * side, speed });
  if (turns) {
    yield between(random, 300, 900);
    yield* walk(store, units, { from: turnMetres * side, to: -walkMetres * side, speed });
  }
  for (const unit of units) {
    unit.restsUntilMs = store.nowMs + restMs;
    store.unitsAt(goal.location).push(unit);
    if (turns) continue;
    const kind = isBack ? "relocating" : "stocking";
    const ends = { from: sellable(from.location), to: sellable(to.location) };
    store.record(unit, { kind, deviceId, ...ends, beganAtMs });
  }
  yield portalRestMs;
  store.occupied.delete(deviceId);
}

function takeSome(store: Store, location: string, count: number): Unit[] {
  const stock = store.unitsAt(location);
  const taken: Unit[] = [];
  while (taken.length < count) {
    const rested = stock.filter((unit) => unit.tag && unit.restsUntilMs <= store.nowMs);
    const unit = pickOne(store.random, rested);
    if (unit === undefined) break;
    stock.splice(stock.indexOf(unit), 1);
    taken.push(unit);
  }
  return taken;
}

function* walk(
  store: Store,
  units: readonly Unit[],
  way: { from: number; to: number; speed: number },
): Actor {
  const stepMetres = (way.speed * walkStepMs) / 1000;
  const stepCount = Math.ceil(Math.abs(way.to - way.from) / stepMetres);
  for (let step = 0; step <= stepCount; step += 1) {
    const metres = way.from + ((way.to - way.from) * step) / stepCount;
    // Pieces hang beside each other, not all in one point.
    store.carry(units.map((unit, index): Carried => ({ unit, metres: metres + index * 0.08 })));
    yield walkStepMs;
  }
  if (Math.abs(way.to) > reachMetres) store.carry([]);
}

/** Goods come in at the back door: new tagged pieces, scanned one by one. */
export function* delivery(store: Store): Actor {
  const { random } = store;
  const { deviceId, location } = store.scenario.backDoor;
  const line = pickOne(
    random,
    store.scenario.opening.filter(({ tagged }) => tagged),
  );
  if (line === undefined || store.occupied.has(deviceId)) return;
  store.occupied.add(deviceId);
  const count = integerBetween(random, 1, store.scenario.deliveries.unitsMax);
  store.note(`the back door receives ${count} ${store.factory.nameOf(line.gtin)}`);
  for (let index = 0; index < count; index += 1) {
    const unit = store.factory.make(line.gtin, true);
    unit.restsUntilMs = store.nowMs + restMs;
    store.scan(deviceId, unit.barcode);
    store.unitsAt(location).push(unit);
    const ends = { from: store.virtual("supplier"), to: sellable(location) };
    store.record(unit, { kind: "receiving", deviceId, ...ends });
    yield between(random, labelIntervalMs.least, labelIntervalMs.most);
  }
  store.occupied.delete(deviceId);
}

/** Staff count the whole store, place by place, by scanning the label of every unit. */
export function* count(store: Store): Actor {
  const { deviceId } = store.scenario.handScanner;
  for (const location of store.locations()) {
    store.scan(deviceId, { data: `GONDOLA:COUNT:${location}`, symbology: "]C0" });
    yield countIntervalMs;
    for (const unit of store.unitsAt(location)) {
      store.scan(deviceId, unit.barcode);
      yield countIntervalMs;
    }
    store.scan(deviceId, { data: "GONDOLA:END", symbology: "]C0" });
    yield countIntervalMs;
  }
}
