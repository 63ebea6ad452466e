import { describe, expect, test } from "vitest";
import type { TagReading } from "../../../contract/reading.ts";
import type { EpcHex } from "../../../contract/units.ts";
import { Portal } from "../../../edge/sense/portal.ts";
import { portalConfigSchema } from "../../../edge/sense/portal-config.ts";
import { Bench, device, epcOf, startMs, tag, tagGtin } from "./harness.ts";

const base = {
  deviceId: "portal-1",
  sideA: { location: "s0042/stockroom", antennas: [1, 2] },
  sideB: { location: "s0042/floor", antennas: [3, 4] },
  stepAToB: "stocking",
};

function bench(settings: object = {}): Bench {
  const config = portalConfigSchema.parse({ ...base, ...settings });
  return new Bench((count) => [new Portal(config, count)]);
}

/** Reads of one tag, 100 ms apart, by the antennas given as digits; a blank is a silent 100 ms. */
function reads(antennas: string, atMs = startMs, epc = epcOf(1)): TagReading[] {
  return [...antennas].flatMap((antenna, index) =>
    antenna === " " ? [] : [tag(atMs + index * 100, Number(antenna), epc)],
  );
}

/** The same antennas over and over, ten reads a second. */
function standing(antennas: string, seconds: number, atMs = startMs): TagReading[] {
  return reads(antennas.repeat((seconds * 10) / antennas.length), atMs);
}

// These readers report one strength for everything, so that the order of reads alone decides; passages with
// strengths are judged in test/score/portal.test.ts.
describe("a passage", () => {
  test("from side A to side B is a movement, at the time it changed sides", () => {
    const portal = bench().feed(reads("112113 3434343"), startMs + 10_000);
    expect(portal.conclusions).toEqual([
      {
        type: "moved",
        occurredAtMs: startMs + 500,
        deviceId: "portal-1",
        step: "stocking",
        item: { gtin: tagGtin, serial: "1", epc: epcOf(1) },
        quantity: 1,
        from: { location: "s0042/stockroom", state: "sellable" },
        to: { location: "s0042/floor", state: "sellable" },
        readPoint: "s0042/floor",
        confidence: 0.992,
        evidence: {
          decidedAtMs: startMs + 1300 + 1500,
          firstSide: "a",
          likeliest: "in",
          readsA: 5,
          readsB: 8,
          rssiDbmMaxA: -55,
          rssiDbmMaxB: -55,
          spanMs: 1300,
        },
      },
    ]);
    expect(portal.writeCount).toBe(0);
  });

  test("from side B to side A is the other step", () => {
    const { conclusions } = bench().feed(reads("33344111"), startMs + 10_000);
    expect(conclusions).toMatchObject([
      {
        step: "relocating",
        from: { location: "s0042/floor" },
        to: { location: "s0042/stockroom" },
      },
    ]);
  });

  test.each([
    ["one side only", "11221212"],
    ["turned back", "1113131311"],
    ["turned back, far through", "11133333111"],
    ["a single stray read of the other side", "1 3"],
  ])("%s moves nothing and says nothing", (_name, antennas) => {
    expect(bench().feed(reads(antennas), startMs + 60_000).conclusions).toEqual([]);
  });

  test.each<[string, string, object?]>([
    ["too few reads on one side", "111113"],
    ["too short", "111333", { spanMsMin: 600 }],
    ["the sides are mixed", "1113131331333131333"],
    ["the last read contradicts all others", "11111333333331"],
  ])("%s: uncertain", (_name, antennas, settings = {}) => {
    const { conclusions } = bench(settings).feed(reads(antennas), startMs + 60_000);
    expect(conclusions).toMatchObject([
      { type: "noticed", code: "passage_uncertain", detail: { epc: epcOf(1) } },
    ]);
  });
});

describe("tags and reads", () => {
  test("each tag has its own, and the earlier one is concluded first", () => {
    const first = reads("111333", startMs + 40, epcOf(1));
    const second = reads("11111333", startMs, epcOf(2));
    const all = [...first, ...second].sort((a, b) => a.receivedAtMs - b.receivedAtMs);
    const { conclusions } = bench().feed(all, startMs + 10_000);
    expect(conclusions.map((one) => one.type === "moved" && one.item.serial)).toEqual(["1", "2"]);
  });

  test("a tag that is not GS1, or has a store-local number, is its EPC alone", () => {
    for (const epc of ["E2801160600002054CC2096F", "300000000000044000000001"] as EpcHex[]) {
      const { conclusions } = bench().feed(reads("111333", startMs, epc), startMs + 10_000);
      expect(conclusions).toMatchObject([{ type: "moved", item: { epc } }]);
      expect(conclusions[0]).not.toHaveProperty("item.gtin");
    }
  });

  test("reads of a foreign antenna and weak reads are left out and counted", () => {
    const weak = reads("111").map((read) => ({ ...read, rssiDbm: -80 }));
    const portal = bench({ rssiDbmMin: -70 }).feed([...weak, ...reads("99333", startMs + 500)]);
    portal.feed([], startMs + 10_000);
    expect(portal.conclusions).toEqual([]);
    expect(portal.counters.get("portal_reads_weak")).toBe(3);
    expect(portal.counters.get("portal_reads_foreign_antenna")).toBe(2);
  });

  test("there and back again is two movements", () => {
    const portal = bench().feed([...reads("111333"), ...reads("333111", startMs + 9_000)]);
    portal.feed([], startMs + 60_000);
    expect(portal.conclusions).toMatchObject([{ step: "stocking" }, { step: "relocating" }]);
  });

  test("until it is over, time is decided only up to its beginning", () => {
    const portal = bench().feed(reads("111"));
    expect(portal.pipeline.decidedThroughMs(startMs + 300)).toBe(startMs);
    portal.feed(reads("333", startMs + 300));
    expect(portal.pipeline.decidedThroughMs(startMs + 600)).toBe(startMs);
    portal.feed([], startMs + 10_000);
    expect(portal.pipeline.decidedThroughMs(startMs + 10_000)).toBe(startMs + 10_000);
  });
});

describe("background", () => {
  test("a tag that stands between the sides is written down once and moves nothing", () => {
    const portal = bench().feed(standing("1313311313", 120));
    expect(portal.conclusions).toEqual([]);
    expect([...portal.stored]).toEqual([[`portal/portal-1/${epcOf(1)}`, "{}"]]);
    expect(portal.writeCount).toBe(1);
  });

  test("so is one of which a read is caught every few seconds", () => {
    const sparse = Array.from({ length: 40 }, (_, index) =>
      tag(startMs + index * 4_000, index % 2 === 0 ? 1 : 3, epcOf(1)),
    );
    const portal = bench().feed(sparse);
    expect(portal.conclusions).toEqual([]);
    expect(portal.stored.size).toBe(1);
  });

  test("a tag that was carried through and then stands did move", () => {
    const portal = bench().feed([...reads("111113"), ...standing("3343434343", 70, startMs + 600)]);
    expect(portal.conclusions).toMatchObject([{ type: "moved", occurredAtMs: startMs + 500 }]);
    expect(portal.stored.size).toBe(1);
  });
});

describe("background ends", () => {
  test("a tag that stood is heard far more strongly: it is on its way, and its row goes", () => {
    const levels = [..."abcdefgh"].flatMap((_, step) => [-52 + step * 4, -52 + step * 4]);
    const toDoor = levels.map((rssiDbm, at) =>
      tag(startMs + 90_000 + at * 100, 1, epcOf(1), rssiDbm),
    );
    const away = levels
      .reverse()
      .map((rssiDbm, at) => tag(startMs + 91_600 + at * 100, 3, epcOf(1), rssiDbm));
    const stood = standing("1112112111", 70).map((read, at) => ({
      ...read,
      rssiDbm: -60 - (at % 3),
    }));
    const portal = bench().feed([...stood, ...toDoor, ...away], startMs + 100_000);
    expect(portal.conclusions).toMatchObject([{ type: "moved", step: "stocking" }]);
    expect(portal.stored.size).toBe(0);
  });

  test("one that is tried once as if carried, and only stood, keeps its row", () => {
    const stood = standing("1112112111", 70).map((read, at) => ({
      ...read,
      rssiDbm: -60 - (at % 3),
    }));
    const strong = tag(startMs + 90_000, 1, epcOf(1), -50);
    const portal = bench().feed([...stood, strong], startMs + 100_000);
    expect(portal.conclusions).toEqual([]);
    expect(portal.stored.size).toBe(1);
    expect(portal.writeCount).toBe(1);
  });

  test("it is forgotten after long silence, and passes again", () => {
    const portal = bench().feed(standing("1112112111", 70), startMs + 70_000 + 600_000);
    expect(portal.stored.size).toBe(0);
    expect(portal.conclusions).toEqual([]);
    portal.feed(reads("111333", startMs + 700_000), startMs + 710_000);
    expect(portal.conclusions).toMatchObject([{ type: "moved" }]);
  });

  test("that it was carried away through the portal is not lost silently", () => {
    const away = startMs + 70_000;
    const portal = bench().feed([...standing("1112112111", 70), ...reads("11133333", away)]);
    portal.feed([], startMs + 1_000_000);
    expect(portal.conclusions).toMatchObject([
      { code: "passage_uncertain", occurredAtMs: away + 300, detail: { stoodOnSide: "a" } },
    ]);
  });

  test("a device that is offline makes nobody forgotten", () => {
    const portal = bench().feed(standing("1112112111", 70));
    portal.feed([device(startMs + 71_000, "portal-1", "offline")], startMs + 5_000_000);
    portal.feed([device(startMs + 5_000_000, "portal-1", "online")], startMs + 5_500_000);
    expect(portal.stored.size).toBe(1);
    portal.feed([], startMs + 5_700_000);
    expect(portal.stored.size).toBe(0);
  });

  test("neither does a clock that is set years ahead", () => {
    const yearMs = 365 * 86_400_000;
    const portal = bench().feed(standing("1112112111", 70));
    portal.setClock(startMs + 70_500, yearMs);
    portal.feed(reads("1", startMs + yearMs + 71_000), startMs + yearMs + 100_000);
    expect(portal.stored.size).toBe(1);
    expect(portal.writeCount).toBe(1);
  });
});

describe("a restart", () => {
  const epcs = Array.from({ length: 5_000 }, (_, index) => epcOf(index + 1));

  test("with 5,000 tags in view says nothing and writes nothing", () => {
    const before = bench();
    for (let number = 1; number <= 5_000; number += 1) {
      before.stored.set(
        `portal/portal-1/${epcOf(number)}`,
        number % 3 === 0 ? '{"home":"a"}' : "{}",
      );
    }
    const after = bench().restored(before, startMs);
    after.feed([device(startMs + 1_000, "portal-1", "online")]);
    // Five minutes at 1,000 reads a second, antennas by turns.
    for (let read = 0; read < 300_000; read += 1) {
      const epc = epcs[(read * 7919) % 5_000]!;
      after.take(after.pipeline.push(tag(startMs + 1_000 + read, 1 + (read % 4), epc)));
    }
    expect(after.conclusions).toEqual([]);
    expect(after.writeCount).toBe(0);
    expect(after.stored.size).toBe(5_000);
  });

  test("what an earlier version stored in another form is counted and learned anew", () => {
    const before = bench();
    before.stored.set(`portal/portal-1/${epcOf(1)}`, "[]");
    before.stored.set("portal/portal-1/nonsense", "{}");
    const after = bench().restored(before, startMs);
    expect(after.counters.get("portal_state_unreadable")).toBe(2);
  });
});

describe("limits", () => {
  test("an outage discards what is under way and counts it", () => {
    const portal = bench().feed(reads("1113"));
    portal.feed([device(startMs + 400, "portal-1", "offline")]);
    portal.feed([device(startMs + 700, "portal-1", "online"), ...reads("333", startMs + 800)]);
    portal.feed([], startMs + 10_000);
    expect(portal.conclusions).toEqual([]);
    expect(portal.counters.get("portal_passages_discarded")).toBe(1);
  });

  test("more tags than the limit: counted, and noticed once", () => {
    const portal = bench({ tagCountMax: 100 });
    for (let number = 1; number <= 150; number += 1)
      portal.feed(reads("1", startMs, epcOf(number)));
    expect(portal.conclusions).toMatchObject([
      { code: "portal_tag_limit", detail: { tagCountMax: 100 } },
    ]);
    expect(portal.counters.get("portal_reads_over_limit")).toBe(50);
    portal.feed(reads("111333", startMs + 100_000, epcOf(999)), startMs + 110_000);
    expect(portal.conclusions[1]).toMatchObject({ type: "moved" });
  });

  test("an antenna looks to one side only", () => {
    const twice = { ...base, sideB: { location: "s0042/floor", antennas: [2, 3] } };
    expect(portalConfigSchema.safeParse(twice).success).toBe(false);
  });
});
