import { describe, expect, test } from "vitest";
import type { TagReading } from "../../../contract/reading.ts";
import type { EpcHex } from "../../../contract/units.ts";
import { Presence } from "../../../edge/sense/presence.ts";
import { presenceConfigSchema } from "../../../edge/sense/presence-config.ts";
import { Bench, device, epcOf, startMs, tagGtin } from "./harness.ts";

const shelf = { location: "s0042/floor/z1", profile: "shelf" };
const ofReader = (number: number, antennas = [1]) => [{ deviceId: `reader-${number}`, antennas }];
const twoShelves = [
  { ...shelf, antennas: ofReader(1) },
  { ...shelf, location: "s0042/floor/z2", antennas: ofReader(2) },
];

function bench(settings: object = {}, zone: object = {}): Bench {
  const zones = [{ ...shelf, antennas: ofReader(1), ...zone }];
  const config = presenceConfigSchema.parse({ id: "floor", zones, ...settings });
  return new Bench((count) => [new Presence(config, count)]);
}

function read(atMs: number, epc: EpcHex, reader = 1, antenna = 1, rssiDbm = -55): TagReading {
  return { kind: "tag", deviceId: `reader-${reader}`, antenna, epc, rssiDbm, receivedAtMs: atMs };
}

/** Tags by number, each read every half second from one second after the start to another. */
function standing(
  numbers: readonly number[],
  fromS: number,
  toS: number,
  { reader = 1, antenna = 1, rssiDbm = -55 } = {},
): TagReading[] {
  return Array.from({ length: (toS - fromS) * 2 }, (_, round) =>
    numbers.map((number, index) =>
      read(
        startMs + fromS * 1000 + round * 500 + 10 + index,
        epcOf(number),
        reader,
        antenna,
        rssiDbm,
      ),
    ),
  ).flat();
}

const merged = (...parts: TagReading[][]) =>
  parts.flat().sort((one, other) => one.receivedAtMs - other.receivedAtMs);
const others = [11, 12, 13, 14, 15];
const atS = (seconds: number) => startMs + seconds * 1000;
const stepsOf = ({ conclusions }: Bench) =>
  conclusions.map((one) =>
    one.type === "moved" ? one.step : one.type === "noticed" ? one.code : one.type,
  );

describe("arrival", () => {
  test("needs reads in several rounds over some seconds, and is told as old as it is", () => {
    const { conclusions, stored } = bench().feed(standing([1], 0, 6));
    expect(conclusions).toMatchObject([
      {
        type: "moved",
        step: "first_seen",
        item: { gtin: tagGtin, serial: "1" },
        to: { location: "s0042/floor/z1" },
        evidence: { rounds: 11 },
      },
    ]);
    expect(conclusions[0]).not.toHaveProperty("from");
    expect(conclusions[0]!.occurredAtMs - startMs).toBeLessThan(500);
    expect([...stored]).toEqual([[`presence/floor/${epcOf(1)}`, '{"zone":"s0042/floor/z1"}']]);
  });

  test.each([
    ["a few reads in passing", standing([1], 0, 4)],
    ["the same read over and over", Array.from({ length: 50 }, () => read(startMs, epcOf(1)))],
    ["a stray read now and then", [0, 20, 40, 60, 80].map((s) => read(atS(s), epcOf(1)))],
  ])("%s is none", (_name, readings) => {
    expect(bench().feed(readings, atS(300)).conclusions).toEqual([]);
  });

  test("is in the zone that hears the tag best", () => {
    const strong = standing([1], 0, 6, { reader: 2, rssiDbm: -50 });
    const weak = standing([1], 0, 6, { rssiDbm: -60 });
    const { conclusions } = bench({ zones: twoShelves }).feed(merged(weak, strong));
    expect(conclusions).toMatchObject([
      { to: { location: "s0042/floor/z2" }, deviceId: "reader-2" },
    ]);
  });

  test("a tag that is not GS1 keeps its EPC", () => {
    const epc = "E2801160600002054CC2096F" as EpcHex;
    const readings = Array.from({ length: 12 }, (_, round) => read(startMs + round * 500, epc));
    const { conclusions } = bench().feed(readings);
    expect(conclusions).toMatchObject([{ item: { epc } }]);
  });
});

describe("departure", () => {
  const left = merged(standing(others, 0, 200), standing([1], 0, 60));

  test("from a shelf is a pick, half a minute after the last read and dated by it", () => {
    const { conclusions } = bench().feed(left);
    expect(conclusions.slice(6)).toMatchObject([
      {
        step: "customer_pick",
        from: { location: "s0042/floor/z1" },
        to: { location: "s0042/@basket" },
        occurredAtMs: startMs + 59_510,
        confidence: 0.999,
      },
    ]);
    const decidedAtMs = Number(conclusions[6]?.evidence?.["decidedAtMs"]);
    expect(decidedAtMs - atS(60)).toBeLessThanOrEqual(30_000);
  });

  test("coming back is a put-back from where it went", () => {
    const back = merged(standing(others, 200, 210), standing([1], 200, 210));
    const { conclusions } = bench().feed([...left, ...back]);
    expect(conclusions.at(-1)).toMatchObject({
      step: "customer_putback",
      from: { location: "s0042/@basket" },
      to: { location: "s0042/floor/z1" },
    });
  });

  test.each([
    ["unknown", "relocating"],
    ["notice", "presence_departed"],
  ])("is what the zone says: %s", (departTo, said) => {
    const made = bench({}, { departTo }).feed(left);
    expect(stepsOf(made).at(-1)).toBe(said);
    expect(made.conclusions.at(-1)).not.toHaveProperty("to");
    made.feed(merged(standing(others, 200, 210), standing([1], 200, 210)));
    expect(stepsOf(made).at(-1)).toBe(departTo === "notice" ? "presence_returned" : "relocating");
  });

  test("a tag that is seldom read is waited for longer", () => {
    const seldom = Array.from({ length: 30 }, (_, index) => read(atS(index * 6), epcOf(1)));
    const made = bench({ arriveRoundCountMin: 2 }).feed(merged(standing(others, 0, 240), seldom));
    expect(stepsOf(made)).not.toContain("customer_pick");
    made.feed(standing(others, 240, 480));
    expect(stepsOf(made).filter((step) => step === "customer_pick")).toHaveLength(1);
  });

  test("many tags that fall silent together are shaded, and nobody has gone", () => {
    const shaded = Array.from({ length: 12 }, (_, index) => 21 + index);
    const made = bench().feed(
      merged(
        standing(others, 0, 300),
        standing(shaded, 0, 60),
        standing(shaded.slice(1), 180, 300),
      ),
    );
    const picks = made.conclusions.filter(
      (one) => one.type === "moved" && one.step === "customer_pick",
    );
    // The one that did not come back when the others did.
    expect(picks).toMatchObject([{ item: { serial: "21" } }]);
  });
});

describe("antennas that are not alive", () => {
  const before = standing(others, 0, 60);
  const outageS = 960;

  test.each([["unplugged"], ["silent"]])("%s for 15 min: nothing, then and on return", (how) => {
    const made = bench().feed(before);
    const known = made.conclusions.length;
    if (how === "unplugged") made.feed([device(atS(61), "reader-1", "offline")]);
    made.feed([], atS(outageS - 1));
    if (how === "unplugged") made.feed([device(atS(outageS), "reader-1", "online")]);
    made.feed(standing(others, outageS + 1, outageS + 60));
    const said = stepsOf(made).slice(known);
    expect(said).toEqual(how === "silent" ? ["presence_frozen"] : []);
  });

  test("who is gone on return departs then, and not at a time of the outage", () => {
    const made = bench().feed(before);
    made.feed([device(atS(61), "reader-1", "offline"), device(atS(outageS), "reader-1", "online")]);
    made.feed(standing(others.slice(1), outageS + 1, outageS + 60));
    expect(made.conclusions.slice(5)).toMatchObject([{ step: "customer_pick" }]);
    expect(made.conclusions[5]!.occurredAtMs).toBeGreaterThanOrEqual(atS(outageS));
  });

  test("one muted antenna freezes its own tags, though its neighbour is read on", () => {
    const made = bench({}, { antennas: ofReader(1, [1, 2]) }).feed(
      merged(standing(others, 0, 300), standing([1, 2, 3], 0, 60, { antenna: 2 })),
    );
    expect(stepsOf(made)).not.toContain("customer_pick");
  });

  test("a reference tag proves an empty antenna alive, and is no stock", () => {
    const made = bench({ referenceEpcs: [epcOf(99)] }).feed(
      merged(standing([99], 0, 120), standing([1], 0, 60)),
    );
    expect(stepsOf(made)).toEqual(["first_seen", "customer_pick"]);
  });

  test("where the device's word is proof, the last tag leaves too", () => {
    for (const [proofOfLife, steps] of [
      ["device", ["first_seen", "customer_pick"]],
      ["antenna", ["first_seen"]],
    ] as const) {
      const made = bench({ proofOfLife }).feed(standing([1], 0, 60), atS(200));
      expect(stepsOf(made)).toEqual(steps);
    }
  });
});

describe("zones", () => {
  const here = standing(others, 0, 240);
  const there = standing([31, 32, 33], 0, 240, { reader: 2 });

  test("a tag that is carried to the next zone moves there, and nowhere else", () => {
    const made = bench({ zones: twoShelves }).feed(
      merged(here, there, standing([1], 0, 60), standing([1], 62, 240, { reader: 2 })),
    );
    expect(made.conclusions.slice(9)).toMatchObject([
      {
        step: "relocating",
        from: { location: "s0042/floor/z1" },
        to: { location: "s0042/floor/z2" },
      },
    ]);
    expect(made.conclusions[9]!.occurredAtMs).toBeLessThanOrEqual(atS(92));
  });

  test("a far stronger one takes it at once, one that is a little weaker never", () => {
    for (const [rssiDbm, count] of [
      [-40, 10],
      [-58, 9],
    ] as const) {
      const also = standing([1], 100, 240, { reader: 2, rssiDbm });
      const made = bench({ zones: twoShelves }).feed(
        merged(here, there, standing([1], 0, 240), also),
      );
      expect(made.conclusions).toHaveLength(count);
    }
  });
});

describe("a tag in the wrong zone", () => {
  // Read too weakly at first by the zone that it is in.
  const start = merged(
    standing(others, 0, 900),
    standing([1], 0, 20, { reader: 2, rssiDbm: -60 }),
    standing([1], 8, 20, { rssiDbm: -57 }),
  );
  const after = merged(
    standing([1], 20, 900, { reader: 2, rssiDbm: -60 }),
    standing([1], 20, 900, { rssiDbm: -57 }),
  );

  test("is put right when the lead has settled, and stays there", () => {
    const made = bench({ zones: twoShelves }).feed(merged(start, after));
    const ofTag = made.conclusions.filter((one) => one.type === "moved" && one.item.serial === "1");
    expect(ofTag).toMatchObject([
      { step: "first_seen", to: { location: "s0042/floor/z2" } },
      {
        step: "relocating",
        to: { location: "s0042/floor/z1" },
        evidence: { rule: "settled_lead", leadDb: 3 },
      },
    ]);
  });
});

describe("counts", () => {
  test("a zone is counted on schedule, with what is thought to have been missed", () => {
    const made = bench({}, { countEveryMs: 60_000 }).feed(standing(others, 0, 130));
    expect(made.conclusions.slice(5)).toMatchObject([
      {
        type: "counted",
        location: "s0042/floor/z1",
        complete: true,
        lines: [{ gtin: tagGtin, quantity: 5 }],
        serials: others.map((number) => ({ key: `01/${tagGtin}/21/${number}` })),
        evidence: { tagCount: 5, seenCount: 5, estimateCount: 5 },
      },
      { type: "counted" },
    ]);
  });

  test("not while an antenna is silent, and not as complete when tags were not seen", () => {
    const made = bench({}, { countEveryMs: 60_000, caps: { departAfterMsMin: 120_000 } });
    made.feed(merged(standing(others, 0, 50), standing(others.slice(1), 50, 105)));
    made.feed([], atS(500));
    const counts = made.conclusions.filter(({ type }) => type === "counted");
    expect(counts).toHaveLength(1);
    made.feed(standing(others.slice(1), 500, 562));
    expect(made.conclusions.filter(({ type }) => type === "counted").slice(1)).toMatchObject([
      { complete: false, confidence: 0.8, lines: [{ quantity: 5 }] },
    ]);
  });
});

describe("what is stored", () => {
  test("a restart in front of 5,000 tags says nothing and writes nothing", () => {
    const before = bench();
    const numbers = Array.from({ length: 5_000 }, (_, index) => index + 1);
    for (const number of numbers) {
      before.stored.set(`presence/floor/${epcOf(number)}`, '{"zone":"s0042/floor/z1"}');
    }
    const after = bench().restored(before, startMs);
    const epcs = numbers.map((number) => epcOf(number));
    after.feed([device(atS(1), "reader-1", "online")]);
    for (let index = 0; index < 200_000; index += 1) {
      const epc = epcs[(index * 7919) % 5_000]!;
      after.take(after.pipeline.push(read(atS(1) + index, epc)));
    }
    expect(after.conclusions).toEqual([]);
    expect(after.writeCount).toBe(0);
  });

  test("who had left is put back after a restart too, and who is gone meanwhile leaves late", () => {
    const before = bench().feed(merged(standing(others, 0, 120), standing([1], 0, 60)));
    const after = bench().restored(before, atS(200));
    after.feed(merged(standing(others.slice(1), 200, 400), standing([1], 200, 400)));
    expect(stepsOf(after)).toEqual(["customer_putback", "customer_pick"]);
    expect(after.conclusions[1]).toMatchObject({ item: { serial: "11" }, confidence: 0.5 });
  });

  test("what cannot be read is counted", () => {
    const before = bench();
    before.stored.set(`presence/floor/${epcOf(1)}`, '{"zone":"s0042/elsewhere"}');
    before.stored.set("presence/floor/nonsense", "{}");
    expect(bench().restored(before, startMs).counters.get("presence_state_unreadable")).toBe(2);
  });

  test("more tags than the limit are counted and noticed once", () => {
    const made = bench({ tagCountMax: 100 });
    for (let number = 1; number <= 130; number += 1) made.feed([read(startMs, epcOf(number))]);
    expect(made.conclusions).toMatchObject([{ code: "presence_tag_limit" }]);
    expect(made.counters.get("presence_reads_over_limit")).toBe(30);
  });
});
