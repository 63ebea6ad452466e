import { describe, expect, test } from "vitest";
import { planSchema } from "../../../contract/plan.ts";
import type { WeightReading } from "../../../contract/reading.ts";
import { Shelf } from "../../../edge/sense/shelf.ts";
import { shelfConfigSchema } from "../../../edge/sense/shelf-config.ts";
import { Bench, device, startMs, weight } from "./harness.ts";

const coffee = "09521321002012";
const pasta = "09521321002050";
const tea = "09521321002029";
const plan = planSchema.parse({
  schemaVersion: 1,
  storeId: "s0042",
  version: 1,
  products: [
    { gtin: coffee, name: "Coffee", unitWeightGrams: 512, unitWeightSdGrams: 4 },
    { gtin: pasta, name: "Pasta", unitWeightGrams: 509, unitWeightSdGrams: 3 },
    { gtin: tea, name: "Tea", unitWeightGrams: 146 },
  ],
  locations: ["s0042/g1", "s0042/g1/c1", "s0042/g1/c2", "s0042/g1/c3"].map((location) => ({
    location,
    role: "shelf",
  })),
  facings: [
    { location: "s0042/g1/c1", gtin: coffee },
    { location: "s0042/g1/c2", gtin: coffee },
    { location: "s0042/g1/c2", gtin: pasta },
    { location: "s0042/g1", gtin: tea },
    { location: "s0042/g1/c1", gtin: tea },
  ],
});
const base = {
  deviceId: "shelf-1",
  cells: [1, 2, 3].map((cell) => ({ cell, location: `s0042/g1/c${cell}` })),
};

function bench(settings: object = {}): Bench {
  const config = shelfConfigSchema.parse({ ...base, ...settings });
  const made = new Bench((count) => [new Shelf(config, count)]);
  made.pipeline.setPlan(plan);
  return made;
}

/** Ten samples a second of one cell: each part is [seconds, grams], with a little noise. */
function samples(parts: [number, number][], atMs = startMs, cell = 1): WeightReading[] {
  const grams = parts.flatMap(([seconds, value]) => new Array<number>(seconds * 10).fill(value));
  return grams.map((value, index) => {
    const noise = Math.sin(index * 12.9898) * 1.5;
    return weight(atMs + index * 100, cell, value + noise);
  });
}

describe("a change between two rests", () => {
  test("less is a pick, at the time the movement began", () => {
    const shelf = bench().feed(
      samples([
        [2, 5120],
        [0.5, 5300],
        [0.3, 4700],
        [2, 4096],
      ]),
    );
    expect(shelf.conclusions).toMatchObject([
      {
        type: "moved",
        occurredAtMs: startMs + 2_000,
        step: "customer_pick",
        item: { gtin: coffee },
        quantity: 2,
        from: { location: "s0042/g1/c1", state: "sellable" },
        to: { location: "s0042/@basket", state: "sellable" },
        readPoint: "s0042/g1/c1",
        evidence: { cell: 1, unitWeightGrams: 512 },
      },
    ]);
    expect([...shelf.stored.keys()]).toEqual(["shelf/shelf-1/1", "shelf/shelf-1/hand"]);
    expect(shelf.writeCount).toBe(3);
  });

  test("more is a put-back where somebody held it, else staff stock the shelf; always where it is so configured", () => {
    const parts: [number, number][] = [
      [2, 1024],
      [6, 1536],
    ];
    const taken: [number, number][] = [[2, 1536], ...parts];
    expect(bench().feed(samples(taken)).conclusions).toMatchObject([
      { step: "customer_pick" },
      {
        step: "customer_putback",
        from: { location: "s0042/@basket" },
        to: { location: "s0042/g1/c1" },
      },
    ]);
    // Nobody took it: it came from the stockroom, which the ledger knows.
    const [stocking] = bench().feed(samples(parts)).conclusions;
    expect(stocking).toMatchObject({ step: "stocking", to: { location: "s0042/g1/c1" } });
    expect(stocking).not.toHaveProperty("from");
    const stocked = bench({ positiveStep: "stocking", stockroom: "s0042/stockroom" });
    expect(stocked.feed(samples(parts)).conclusions).toMatchObject([
      { step: "stocking", from: { location: "s0042/stockroom" } },
    ]);
  });
});

describe("what cannot be told", () => {
  test("two products as good: ambiguous, with candidates; the next change counts from there", () => {
    const shelf = bench().feed(
      samples(
        [
          [2, 5120],
          [6, 4610],
          [2, 4464],
        ],
        startMs,
        2,
      ),
    );
    expect(shelf.conclusions).toMatchObject([
      {
        code: "shelf_ambiguous",
        detail: { cell: 2, candidates: [{ gtin: pasta }, { gtin: coffee }] },
      },
      { type: "moved", item: { gtin: tea }, quantity: 1 },
    ]);
  });

  test("two different products in one movement are two movements of one time", () => {
    const shelf = bench().feed(
      samples([
        [2, 5120],
        [6, 5120 - 512 - 146],
      ]),
    );
    const common = { step: "customer_pick", occurredAtMs: startMs + 2_000 };
    expect(shelf.conclusions).toMatchObject([
      { ...common, item: { gtin: coffee }, quantity: 1 },
      { ...common, item: { gtin: tea }, quantity: 1 },
    ]);
  });

  test("nothing fits: unexplained", () => {
    const shelf = bench().feed(
      samples([
        [2, 5120],
        [6, 4860],
      ]),
    );
    expect(shelf.conclusions).toMatchObject([
      { code: "shelf_unexplained", detail: { reason: "no_fit", location: "s0042/g1/c1" } },
    ]);
    expect(shelf.conclusions[0]).toMatchObject({
      detail: { deltaGrams: expect.closeTo(-260, -1) },
    });
  });

  test("without a plan nothing is guessed", () => {
    const config = shelfConfigSchema.parse(base);
    const shelf = new Bench((count) => [new Shelf(config, count)]);
    shelf.feed(
      samples([
        [2, 5120],
        [6, 4608],
      ]),
    );
    expect(shelf.conclusions).toMatchObject([{ detail: { reason: "no_product" } }]);
  });

  test("single wild samples, a hand, a touch without a take: nothing", () => {
    const spiked = samples([[6, 5120]]).map((sample, index) =>
      index % 7 === 3 ? { ...sample, weightGrams: -9_999 } : sample,
    );
    const touched = samples(
      [
        [1.5, 5120],
        [0.5, 5300],
        [2, 5120],
      ],
      startMs + 7_000,
    );
    expect(bench().feed([...spiked, ...touched]).conclusions).toEqual([]);
  });
});

describe("another look", () => {
  test("a hand that presses and then takes is one pick, from before the hand", () => {
    const shelf = bench().feed(
      samples([
        [2, 5120],
        [1.5, 5250],
        [6, 4608],
      ]),
    );
    expect(shelf.conclusions).toMatchObject([
      { step: "customer_pick", quantity: 1, occurredAtMs: startMs + 2_000 },
    ]);
  });

  test("a hand that presses and lets go is nothing", () => {
    const shelf = bench().feed(
      samples([
        [2, 5120],
        [1.5, 5250],
        [6, 5120],
      ]),
    );
    expect(shelf.conclusions).toEqual([]);
    expect(shelf.counters.get("shelf_touches")).toBe(1);
  });

  test("while a change waits, what is stored is the weight before it", () => {
    const parts: [number, number][] = [
      [2, 5120],
      [2, 4860],
    ];
    const before = bench().feed(samples(parts));
    expect(before.conclusions).toEqual([]);
    const through = before.pipeline.decidedThroughMs(startMs + 4_000);
    expect(through).toBe(startMs + 2_000);
    const after = bench().restored(before, startMs + 10_000);
    after.feed(samples([[6, 4860]], startMs + 10_000));
    expect(after.conclusions).toMatchObject([
      { code: "shelf_unexplained", detail: { deltaGrams: expect.closeTo(-260, -1) } },
    ]);
  });

  test("what is in hand is told from what nobody holds, on another cell too, and taken again from there", () => {
    const shelf = bench().feed(
      samples([
        [2, 5120],
        [2, 4605],
      ]),
    );
    shelf.feed(samples([[2, 1024]], startMs + 5_000, 3));
    shelf.feed(samples([[8, 1539]], startMs + 7_000, 3));
    shelf.feed(samples([[8, 1024]], startMs + 15_000, 3));
    // Coffee has no place on the third cell.
    expect(shelf.conclusions).toMatchObject([
      { step: "customer_pick", item: { gtin: coffee }, readPoint: "s0042/g1/c1" },
      { step: "customer_putback", item: { gtin: coffee }, readPoint: "s0042/g1/c3" },
      { step: "customer_pick", item: { gtin: coffee }, readPoint: "s0042/g1/c3" },
    ]);
  });

  test("what lies on a cell is counted as a whole where its tare is known", () => {
    const cells = [{ cell: 3, location: "s0042/g1/c3", tareGrams: 40 }];
    const shelf = bench({ cells, recountAfterMs: 5_000 });
    shelf.feed(samples([[10, 40 + 5 * 146]], startMs, 3));
    expect(shelf.conclusions).toMatchObject([
      {
        type: "counted",
        location: "s0042/g1/c3",
        complete: true,
        lines: [{ gtin: tea, quantity: 5 }],
      },
    ]);
    // Nobody saw how they were taken: the whole says that three are left.
    const after = bench({ cells, recountAfterMs: 5_000 }).restored(shelf, startMs + 60_000);
    const slow = Array.from({ length: 60 }, (_, at) =>
      weight(startMs + 60_000 + at * 100, 3, 770 - at * 4.8),
    );
    after.feed([...slow, ...samples([[20, 40 + 3 * 146]], startMs + 66_000, 3)]);
    const quantities = after.conclusions.flatMap((one) =>
      one.type === "counted"
        ? one.lines.map(({ quantity }) => quantity)
        : one.type === "moved"
          ? [one.quantity]
          : [],
    );
    expect(quantities).toEqual([2]);
  });
});

describe("the time of a change", () => {
  test("until it is decided, time is decided only up to its beginning", () => {
    const shelf = bench().feed(
      samples([
        [2, 5120],
        [1, 4608],
      ]).slice(0, 25),
    );
    expect(shelf.pipeline.decidedThroughMs(startMs + 2_450)).toBe(startMs + 2_000);
    shelf.feed(samples([[2, 4608]], startMs + 2_500));
    expect(shelf.pipeline.decidedThroughMs(startMs + 4_450)).toBe(startMs + 4_400);
  });

  test("one that takes very long is placed within its limit", () => {
    const restless = Array.from({ length: 1_200 }, (_, index) =>
      weight(startMs + 2_000 + index * 100, 1, index % 2 === 0 ? 5_300 : 5_000),
    );
    const end = samples([[2, 4608]], startMs + 122_000);
    const shelf = bench().feed([...samples([[2, 5120]]), ...restless, ...end]);
    const decidedAtMs = shelf.conclusions[0]?.evidence?.["decidedAtMs"] as number;
    expect(shelf.conclusions).toMatchObject([{ occurredAtMs: decidedAtMs - 60_000, quantity: 1 }]);
  });
});

describe("the weight at rest is durable", () => {
  const first = () => bench().feed(samples([[2, 5120]]));

  test("the first one is adopted silently", () => {
    const shelf = first();
    expect(shelf.conclusions).toEqual([]);
    expect(JSON.parse(shelf.stored.get("shelf/shelf-1/1")!)).toEqual({
      restGrams: expect.closeTo(5120, -1),
    });
  });

  test("what was taken during an outage of the edge is found after it", () => {
    const after = bench().restored(first(), startMs + 60_000);
    after.feed(samples([[2, 4096]], startMs + 61_000));
    expect(after.conclusions).toMatchObject([
      { step: "customer_pick", quantity: 2, occurredAtMs: startMs + 60_000 },
    ]);
  });

  test("and during an outage of the device", () => {
    const shelf = first().feed([device(startMs + 2_000, "shelf-1", "offline")]);
    shelf.feed([device(startMs + 30_000, "shelf-1", "online")]);
    shelf.feed(samples([[2, 4608]], startMs + 30_000));
    expect(shelf.conclusions).toMatchObject([{ quantity: 1, occurredAtMs: startMs + 2_000 }]);
  });

  test("and while a cell was overloaded", () => {
    const leaning = Array.from({ length: 20 }, (_, index) =>
      weight(startMs + 2_000 + index * 100, 1, 99_999, "overload"),
    );
    const shelf = first().feed([...leaning, ...samples([[2, 4608]], startMs + 4_000)]);
    expect(shelf.conclusions).toMatchObject([{ quantity: 1, occurredAtMs: startMs + 2_000 }]);
    expect(shelf.counters.get("shelf_samples_unusable")).toBe(20);
  });

  test("a restart of a shelf where nothing changed says nothing and writes nothing", () => {
    const after = bench().restored(first(), startMs + 60_000);
    after.feed(samples([[600, 5121]], startMs + 61_000));
    expect(after.conclusions).toEqual([]);
    expect(after.writeCount).toBe(0);
  });

  test("slow drift is followed, stored now and then, and never an event", () => {
    const drifting = Array.from({ length: 36_000 }, (_, index) =>
      weight(startMs + index * 100, 1, 5120 + index / 1_200),
    );
    const shelf = bench().feed(drifting);
    expect(shelf.conclusions).toEqual([]);
    // 30 g in an hour, stored when more than 3 g off and not more often than every 5 minutes.
    expect(shelf.writeCount).toBeGreaterThan(5);
    expect(shelf.writeCount).toBeLessThan(13);
  });

  test("an unreadable row is counted and the weight adopted anew", () => {
    const before = first();
    before.stored.set("shelf/shelf-1/1", "broken");
    const after = bench().restored(before, startMs + 60_000);
    after.feed(samples([[2, 4608]], startMs + 61_000));
    expect(after.conclusions).toEqual([]);
    expect(after.counters.get("shelf_state_unreadable")).toBe(1);
  });
});

test("a cell that is blind while its device is online is noticed once", () => {
  const shelf = bench({ cells: base.cells.slice(0, 1) }).feed(
    samples([[2, 5120]]),
    startMs + 200_000,
  );
  expect(shelf.conclusions).toMatchObject([
    {
      code: "shelf_cell_blind",
      occurredAtMs: startMs + 61_900,
      detail: { cell: 1, fromAtMs: startMs + 1_900 },
    },
  ]);
  shelf.feed([device(startMs + 210_000, "shelf-1", "offline")], startMs + 900_000);
  expect(shelf.conclusions).toHaveLength(1);
});

test("a sample of an unknown cell is counted", () => {
  expect(
    bench()
      .feed([weight(startMs, 9, 1)])
      .counters.get("shelf_samples_unknown_cell"),
  ).toBe(1);
});

test.each([
  { cells: [...base.cells, base.cells[0]] },
  { eventGramsMin: 3 },
  { positiveStep: "stocking" },
])("a wrong configuration is refused: %o", (wrong) => {
  expect(shelfConfigSchema.safeParse({ ...base, ...wrong }).success).toBe(false);
});
