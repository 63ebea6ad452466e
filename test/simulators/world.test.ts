// The simulated store: the same seed gives the same day at any pace, goods are conserved, and what
// the devices are told is what really happened.

import { fileURLToPath } from "node:url";
import { describe, expect, test } from "vitest";
import { decodeEpc } from "../../contract/gs1/epc.ts";
import { epcHexSchema, isWithin } from "../../contract/units.ts";
import { seededRandom } from "../../simulators/random.ts";
import { loadScenario } from "../../simulators/scenario.ts";
import { hear } from "../../simulators/world/radio.ts";
import type { Control } from "../../simulators/world/store.ts";
import type { Movement } from "../../simulators/world/truth.ts";
import { type Phase, World } from "../../simulators/world/world.ts";

const file = fileURLToPath(new URL("../../config/scenarios/quickstart.yaml", import.meta.url));
const loaded = await loadScenario(file);
const startMs = 1_763_888_000_000;

interface Day {
  readonly world: World;
  readonly phases: Phase[];
  readonly controls: { deviceId: string; message: Control; phase: Phase }[];
  readonly movements: Movement[];
}

/** A whole day with a closing count; `stepMs` is how often somebody looks. */
function day(seed: number, stepMs?: number): Day {
  const phases: Phase[] = ["opening"];
  const controls: Day["controls"] = [];
  const movements: Movement[] = [];
  const world = new World({
    ...loaded,
    seed,
    startMs,
    onControl: (deviceId, message) => {
      controls.push({ deviceId, message, phase: phases.at(-1) ?? "opening" });
    },
    onMovement: (movement) => movements.push(movement),
    onPhase: (phase) => phases.push(phase),
  });
  world.begin();
  for (let nowMs = startMs; world.nextAtMs !== Number.POSITIVE_INFINITY; ) {
    nowMs = stepMs === undefined ? world.nextAtMs : nowMs + stepMs;
    world.advance(nowMs);
    if (world.phase === "closed") world.beginCount();
  }
  return { world, phases, controls, movements };
}

const scansOf = (events: Day, deviceId: string) =>
  events.controls.flatMap(({ message, ...rest }) =>
    message.type === "scan" && rest.deviceId === deviceId ? [message.data] : [],
  );

describe("a day", () => {
  test("goes through its phases in order", () => {
    const order = ["opening", "open", "closing", "closed", "counting", "counted"];
    expect(day(1).phases).toEqual(order);
  });

  test("is the same for the same seed, and another for another", () => {
    expect(day(7).controls).toEqual(day(7).controls);
    expect(day(7).movements).not.toEqual(day(8).movements);
  });

  test("is the same truth however late anybody looks", () => {
    const inSteps = day(7, 333).movements.filter(({ kind }) => kind !== "opening");
    const exact = day(7).movements.filter(({ kind }) => kind !== "opening");
    expect(inSteps).toEqual(exact);
  });

  test("has every kind of act, over a few seeds", () => {
    const kinds = [1, 2, 3, 4, 5].flatMap((seed) => day(seed).movements.map(({ kind }) => kind));
    expect(new Set(kinds)).toEqual(
      new Set([
        ...["opening", "customer_pick", "customer_putback", "retail_selling"],
        ...["receiving", "stocking", "relocating"],
      ]),
    );
  });
});

describe.each([1, 2, 3, 4, 5, 6, 7, 8])("with seed %i", (seed) => {
  const events = day(seed);
  const { balances } = events.world.truth;

  test("nothing comes from nowhere, and no place holds less than nothing", () => {
    const sums = new Map<string, number>();
    for (const [key, quantity] of balances) {
      const [location = "", , gtin = ""] = key.split(" ");
      sums.set(gtin, (sums.get(gtin) ?? 0) + quantity);
      if (!location.includes("@")) expect(quantity, key).toBeGreaterThan(0);
      expect(location, "everybody has paid").not.toBe("s0042/@basket");
    }
    expect([...sums.values()].filter((sum) => sum !== 0)).toEqual([]);
  });

  test("the till scans what is sold, the back door what is received, in order", () => {
    const labels = (kind: Movement["kind"]) =>
      events.movements
        .filter((movement) => movement.kind === kind)
        .map(({ gtin, serial }) => (serial === undefined ? gtin.slice(1) : `01${gtin}21${serial}`));
    expect(scansOf(events, "till-1")).toEqual(labels("retail_selling"));
    expect(scansOf(events, "back-door")).toEqual(labels("receiving"));
  });

  test("the closing count scans exactly what stands there", () => {
    const counted = new Map<string, number>();
    let location = "";
    for (const { deviceId, message, phase } of events.controls) {
      if (phase !== "counting" || message.type !== "scan" || deviceId !== "hand-1") continue;
      if (message.data.startsWith("GONDOLA:COUNT:")) location = message.data.slice(14);
      else if (message.data !== "GONDOLA:END") {
        const gtin = message.data.length === 13 ? `0${message.data}` : message.data.slice(2, 16);
        const key = `${location} sellable ${gtin}`;
        counted.set(key, (counted.get(key) ?? 0) + 1);
      }
    }
    const standing = [...balances].filter(([key]) => !key.includes("@"));
    expect(new Map([...counted].sort())).toEqual(new Map(standing.sort()));
  });

  test("at rest every cell weighs what stands in it", () => {
    const last = events.controls.findLast(({ message }) => message.type === "cells")?.message;
    const weights = last?.type === "cells" ? last.weightGrams : [];
    for (const { cell, location, gtin } of loaded.scenario.gondola.cells) {
      const unitGrams = loaded.plan.products.find((one) => one.gtin === gtin)?.unitWeightGrams;
      const quantity = balances.get(`${location} sellable ${gtin}`) ?? 0;
      expect(Math.round(weights[cell - 1]! / unitGrams!), location).toBe(quantity);
    }
  });

  test("a piece that ends on the other side was heard there last", () => {
    const heard = new Map<string, number>();
    for (const { message } of events.controls) {
      if (message.type !== "field") continue;
      for (const { epc, antenna } of message.tags) heard.set(epc, antenna);
    }
    const ends = new Map<string, string>();
    for (const { kind, gtin, serial, to } of events.movements) {
      if (kind === "stocking" || kind === "relocating") ends.set(`${gtin} ${serial}`, to.location);
    }
    for (const [epc, antenna] of heard) {
      const tag = decodeEpc(epcHexSchema.parse(epc));
      const location = tag.ok ? ends.get(`${tag.gtin} ${tag.serial}`) : "not GS1";
      if (location !== undefined) expect(antenna > 2, epc).toBe(isWithin(location, "s0042/floor"));
    }
  });
});

describe("what devices sense", () => {
  test("the side a tag is on hears it best, and nobody hears it from afar", () => {
    const antennas = { a: [1, 2], b: [3, 4] };
    const best = (metres: number) =>
      hear("E2", metres, antennas, seededRandom(3)).sort((a, b) => b.rssiDbm - a.rssiDbm)[0];
    expect(best(-2)?.antenna).toBeLessThan(3);
    expect(best(2)?.antenna).toBeGreaterThan(2);
    expect(best(-8)).toBeUndefined();
  });
});
