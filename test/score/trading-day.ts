// A trading day with all sensors at once: shoppers at a weight shelf, tills that sell what they took, goods through a
// portal between stockroom and floor; one pipeline, one ledger, and what each line of stock really was in the end.

import { rmSync } from "node:fs";
import { mkdtemp } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { SqliteLedger } from "../../cloud-bridge/ledger/sqlite-ledger.ts";
import type { Conclusion } from "../../contract/event.ts";
import { serialKey } from "../../contract/gs1/digital-link.ts";
import { identifyTag } from "../../contract/gs1/identify.ts";
import type { Reading, ScanReading, WeightReading } from "../../contract/reading.ts";
import type { EpcHex } from "../../contract/units.ts";
import { buildPipeline, senseConfigSchema } from "../../edge/sense/build-machines.ts";
import { integerBetween, type Random, seededRandom } from "../../simulators/random.ts";
import type { PortalScenario } from "../../simulators/rfid-scenario.ts";
import type { ShelfScenario } from "../../simulators/weight-scenario.ts";
import { type PortalDay, playPortal } from "../../simulators/world/portal-scene.ts";
import { columnLocation, type ShelfDay } from "../../simulators/world/shelf-day.ts";
import { bootId, FakeEdge, moved, place } from "../cloud-bridge/ledger/fake-edge.ts";
import { playWeight } from "./weight.score.ts";

const storeId = "s0042";
const edgeId = "edge-1";
const dayMs = 86_400_000;
/** From the shelf to the till. */
const toTillMs = [60_000, 600_000] as const;
/** How often the shelf weighs what it holds as a whole. */
const shelfCountEveryMs = 900_000;
/** The next morning, when what nobody paid for has gone back, the shelf is still there. */
const nightMs = 1.5 * dayMs;
const morningMs = 60_000;
const batchEventCountMax = 400;

/** Lines of stock at the end of a day: how many there were, and how many the ledger had right. */
export interface DayLines {
  readonly shelfLineCount: number;
  readonly shelfExactCount: number;
  readonly tagCount: number;
  readonly tagExactCount: number;
  readonly saleCount: number;
  readonly uncertainCount: number;
  readonly problems: readonly string[];
}

/** What happens, and what is said of it. */
interface World {
  readonly shelf: ShelfDay;
  /** Units that staff brought to the shelf, by GTIN: they were in the stockroom. */
  readonly restocked: ReadonlyMap<string, number>;
  readonly portal: PortalDay;
  readonly readings: Iterable<Reading>;
  readonly sales: readonly ScanReading[];
  readonly endAtMs: number;
}

/** Plays a day, and looks into the ledger two days later, when everything has been settled. */
export async function playTradingDay(
  weight: ShelfScenario,
  portal: PortalScenario,
  seed: number,
): Promise<DayLines> {
  const world = createWorld(weight, portal, seed);
  const conclusions = sense(world, weight, portal);
  const folder = await mkdtemp(join(tmpdir(), "gondola-day-"));
  const ledger = await SqliteLedger.open({
    ...{ path: join(folder, "ledger.db"), nowMs: world.endAtMs, synchronous: "OFF" },
  });
  try {
    await ledger.setPlan(world.shelf.plan);
    await post(ledger, world, portal, conclusions);
    return await judge(ledger, world, portal, conclusions);
  } finally {
    await ledger.close();
    rmSync(folder, { recursive: true, force: true });
  }
}

/** The same lines as tills alone keep them: sold from where the plan has its place; tags stay where they were. */
export function tillsAlone(weight: ShelfScenario, portal: PortalScenario, seed: number) {
  const { shelf, sales } = createWorld(weight, portal, seed);
  const counts = new Map(shelf.before);
  const columnOf = new Map(
    shelf.plan.facings.map(({ gtin, location }) => [gtin as string, /c(\d+)$/.exec(location)![1]]),
  );
  for (const { data } of sales) {
    const gtin = `0${data}`;
    const key = `${columnOf.get(gtin)}/${gtin}`;
    counts.set(key, (counts.get(key) ?? 0) - 1);
  }
  const keys = keysOf(counts, shelf.after);
  const isExact = (key: string) => (counts.get(key) ?? 0) === (shelf.after.get(key) ?? 0);
  return { shelfLineCount: keys.length, shelfExactCount: keys.filter(isExact).length };
}

function createWorld(weight: ShelfScenario, portal: PortalScenario, seed: number): World {
  const { day: shelf, readings: weights } = playWeight(weight, seed);
  const portalDay = playPortal(portal, seed);
  const { sales, restocked } = tradeOf(shelf, seededRandom(seed + 7));
  const endAtMs = Math.max(shelf.endMs, portalDay.endAtMs, sales.at(-1)?.receivedAtMs ?? 0);
  const readings = merged(weights, merged(portalDay.readings, sales));
  return { shelf, restocked, portal: portalDay, readings, sales, endAtMs };
}

// Whatever was taken and not put back is sold; of several the one taken last is put back.
function tradeOf(shelf: ShelfDay, random: Random) {
  const restocked = new Map<string, number>();
  const taken = new Map<string, number[]>();
  for (const { gtin, quantity, endMs } of [...shelf.truth].sort((a, b) => a.atMs - b.atMs)) {
    const times = taken.get(gtin) ?? [];
    taken.set(gtin, times);
    for (let index = 0; index < -quantity; index += 1) times.push(endMs);
    // Shoppers put back one at a time, staff stock three at least.
    if (quantity === 1) times.pop();
    else if (quantity > 1) restocked.set(gtin, (restocked.get(gtin) ?? 0) + quantity);
  }
  const scans = [...taken].flatMap(([gtin, times]) =>
    times.map((atMs): ScanReading => {
      const receivedAtMs = Math.round(atMs) + integerBetween(random, ...toTillMs);
      return {
        kind: "scan",
        deviceId: "till-1",
        symbology: "]E0",
        data: gtin.slice(1),
        receivedAtMs,
      };
    }),
  );
  const sales = scans.sort((one, other) => one.receivedAtMs - other.receivedAtMs);
  return { sales, restocked };
}

function* merged(one: Iterable<Reading>, other: Iterable<Reading>): Generator<Reading> {
  const [left, right] = [one[Symbol.iterator](), other[Symbol.iterator]()];
  let [a, b] = [left.next(), right.next()];
  while (a.done !== true || b.done !== true) {
    const isLeft =
      b.done === true || (a.done !== true && a.value.receivedAtMs <= b.value.receivedAtMs);
    if (isLeft) {
      yield a.value as Reading;
      a = left.next();
    } else {
      yield b.value as Reading;
      b = right.next();
    }
  }
}

function sense(world: World, weight: ShelfScenario, { portal }: PortalScenario): Conclusion[] {
  const cells = Array.from({ length: weight.use.columnCount }, (_, at) => ({
    ...{ cell: at + 1, location: columnLocation(at + 1), tareGrams: 0 },
  }));
  const config = senseConfigSchema.parse({
    portals: [portal],
    // By itself, of its whole weight: nobody counts.
    shelves: [{ deviceId: "shelf-1", cells, countEveryMs: shelfCountEveryMs, ...weight.shelf }],
    // Two of the same are scanned one after the other.
    scanners: [{ deviceId: "till-1", workflow: "sell", location: storeId, repeatMs: 0 }],
  });
  const pipeline = buildPipeline({ ...config, storeId, edgeId });
  pipeline.setPlan(world.shelf.plan);
  const conclusions: Conclusion[] = [];
  const take = (reading: Reading) => conclusions.push(...pipeline.push(reading).conclusions);
  const resting = new Map<number, WeightReading>();
  for (const reading of world.readings) {
    take(reading);
    if (reading.kind === "weight") resting.set(reading.cell, reading);
  }
  for (let atMs = 0; atMs < morningMs; atMs += 100) {
    const receivedAtMs = world.endAtMs + nightMs + atMs;
    for (const reading of resting.values()) take({ ...reading, receivedAtMs });
  }
  return conclusions;
}

async function post(
  ledger: SqliteLedger,
  { shelf, restocked, portal, endAtMs }: World,
  scenario: PortalScenario,
  conclusions: readonly Conclusion[],
): Promise<void> {
  const occurredAtMs = portal.startAtMs - dayMs;
  const onShelf = [...shelf.before].map(([key, quantity]) => {
    const [column, gtin] = key.split("/");
    const to = place(columnLocation(Number(column)));
    return moved("receiving", gtin!, { occurredAtMs, quantity, to });
  });
  const inStockroom = [...restocked].map(([gtin, quantity]) => {
    const to = place(`${storeId}/stockroom`);
    return moved("receiving", gtin, { occurredAtMs, quantity, to });
  });
  const tagged = portal.passages.flatMap(({ epc, kind }) => {
    if (kind !== "in" && kind !== "out") return [];
    const side = kind === "in" ? scenario.portal.sideA : scenario.portal.sideB;
    const { item } = itemOf(epc);
    return [
      { ...moved("receiving", item.gtin!, { occurredAtMs, to: place(side.location) }), item },
    ];
  });
  const stamp = { bootId, uptimeMs: 5000, clockSynced: true };
  const edge = new FakeEdge("0a0a0a0a-1111", edgeId, storeId);
  edge.append(
    ...onShelf,
    ...inStockroom,
    ...tagged,
    ...conclusions.map((one) => ({ ...one, ...stamp })),
  );
  for (let first = 1; first <= edge.lastSequence; first += batchEventCountMax) {
    const last = Math.min(edge.lastSequence, first + batchEventCountMax - 1);
    const isLast = last === edge.lastSequence;
    const complete = { completeThroughAtMs: isLast ? endAtMs + 3 * dayMs : occurredAtMs };
    await ledger.post([edge.batch(first, last, complete)], endAtMs);
  }
  while ((await ledger.settle(endAtMs + 3 * dayMs)).itemCount > 0);
}

function itemOf(epc: string) {
  const identity = identifyTag(epc as EpcHex);
  if (!identity.ok) throw new RangeError(`${epc} is no item`);
  return identity;
}

async function judge(
  ledger: SqliteLedger,
  { shelf, portal, sales }: World,
  scenario: PortalScenario,
  conclusions: readonly Conclusion[],
): Promise<DayLines> {
  const counts = new Map<string, number>();
  for (const { gtin, balances } of await ledger.stockLevels({
    storeId,
    countMax: 1000,
    nowMs: 0,
  })) {
    for (const { location, quantity } of balances) {
      const column = /gondola-1\/c(\d+)$/.exec(location)?.[1];
      if (column !== undefined && quantity !== 0) counts.set(`${column}/${gtin}`, quantity);
    }
  }
  const keys = keysOf(counts, shelf.after);
  const isExact = (key: string) => (counts.get(key) ?? 0) === (shelf.after.get(key) ?? 0);
  const placeOf = await placesOfSerials(ledger);
  const crossed = portal.passages.filter(({ kind }) => kind === "in" || kind === "out");
  const isRight = ({ epc, kind }: (typeof crossed)[number]) => {
    const { gtin, serial } = itemOf(epc).item;
    const { sideA, sideB } = scenario.portal;
    const at = placeOf.get(serialKey(gtin!, serial!));
    return at === (kind === "in" ? sideB : sideA).location;
  };
  const uncertain = /^(passage_uncertain|shelf_ambiguous|shelf_unexplained)$/;
  const { problems } = await ledger.verify();
  return {
    shelfLineCount: keys.length,
    shelfExactCount: keys.filter(isExact).length,
    tagCount: crossed.length,
    tagExactCount: crossed.filter(isRight).length,
    saleCount: sales.length,
    uncertainCount: conclusions.filter((one) => one.type === "noticed" && uncertain.test(one.code))
      .length,
    problems: problems.map(({ message }) => message),
  };
}

async function placesOfSerials(ledger: SqliteLedger): Promise<Map<string, string>> {
  const places = new Map<string, string>();
  for (let afterEntryNumber = 0; ; ) {
    const entries = await ledger.entries({ storeId, afterEntryNumber, countMax: 1000 });
    for (const { item, serial, to } of entries) {
      if (serial !== undefined) places.set(serialKey(item as never, serial), to.location);
    }
    const last = entries.at(-1);
    if (last === undefined) return places;
    afterEntryNumber = last.entryNumber;
  }
}

function keysOf(...counts: readonly ReadonlyMap<string, number>[]): string[] {
  const present = counts.flatMap((one) =>
    [...one].flatMap(([key, count]) => (count === 0 ? [] : [key])),
  );
  return [...new Set(present)];
}
