import { describe, expect, test } from "vitest";
import type { Conclusion } from "../../../contract/event.ts";
import type { Gtin } from "../../../contract/units.ts";
import { edgeConfigSchema } from "../../../edge/config.ts";
import { buildPipeline } from "../../../edge/sense/build-machines.ts";
import { emptyOutput } from "../../../edge/sense/machine.ts";
import {
  contradictedAfterMs,
  type LastSeen,
  SameUnit,
  samePassageMs,
  samePickMs,
} from "../../../edge/sense/same-unit.ts";
import { Bench, epcOf, startMs, tag, tagGtin } from "./harness.ts";

const counters = new Map<string, number>();
const unit = (lastSeen?: LastSeen) =>
  new SameUnit((name, by = 1) => counters.set(name, (counters.get(name) ?? 0) + by), lastSeen);

function passage(deviceId: string, afterMs: number, from: string, to: string): Conclusion {
  return {
    type: "moved",
    occurredAtMs: startMs + afterMs,
    deviceId,
    step: "relocating",
    item: { gtin: tagGtin, serial: "1", epc: epcOf(1) },
    quantity: 1,
    from: { location: `s0042/${from}`, state: "sellable" },
    to: { location: `s0042/${to}`, state: "sellable" },
  };
}

function pick(deviceId: string, afterMs: number, location: string, isTagged: boolean): Conclusion {
  return {
    type: "moved",
    occurredAtMs: startMs + afterMs,
    deviceId,
    step: "customer_pick",
    item: isTagged ? { gtin: tagGtin, serial: "1", epc: epcOf(1) } : { gtin: tagGtin },
    quantity: 1,
    from: { location, state: "sellable" },
    to: { location: "s0042/@basket", state: "sellable" },
  };
}

/** What is left of these, each in a step of its own. */
function reviewed(conclusions: Conclusion[], lastSeen?: LastSeen): Conclusion[] {
  const arbiter = unit(lastSeen);
  return conclusions.flatMap((conclusion) => {
    const output = { ...emptyOutput(), conclusions: [conclusion] };
    arbiter.review(output);
    return output.conclusions;
  });
}

test("two readers at one door say one passage; there and back is two", () => {
  const said = [
    passage("portal-1", 0, "stockroom", "floor"),
    passage("portal-2", 900, "stockroom", "floor"),
    passage("portal-2", 5_000, "floor", "stockroom"),
    passage("portal-1", 5_400, "floor", "stockroom"),
    passage("portal-1", 8_000, "stockroom", "floor"),
  ];
  expect(reviewed(said)).toEqual([said[0], said[2], said[4]]);
  expect(counters.get("movements_merged")).toBe(2);
});

test.each([
  ["another door", passage("portal-2", 900, "floor", "@exit")],
  ["the same reader again", passage("portal-1", 900, "stockroom", "floor")],
  ["much later", passage("portal-2", samePassageMs + 1, "stockroom", "floor")],
  ["another tag", { ...passage("portal-2", 900, "stockroom", "floor"), item: { epc: epcOf(2) } }],
])("%s is another movement", (_, second) => {
  const first = passage("portal-1", 0, "stockroom", "floor");
  expect(reviewed([first, second as Conclusion])).toHaveLength(2);
});

test("a pick that was weighed and a tag that went are named as one", () => {
  const shelf = "s0042/floor/gondola-3";
  const weighed = pick("shelf-1", 0, `${shelf}/b2`, false);
  const first = pick("reader-1", 12_000, shelf, true);
  const second = { ...first, item: { gtin: tagGtin, serial: "2", epc: epcOf(2) } } as Conclusion;
  expect(reviewed([weighed, first, second])).toEqual([
    weighed,
    { ...first, reference: { type: "weighed", id: `shelf-1/${startMs}` } },
    second,
  ]);
});

test.each([
  ["another shelf", pick("reader-1", 1_000, "s0042/floor/gondola-4", true)],
  ["much later", pick("reader-1", samePickMs + 1, "s0042/floor/gondola-3", true)],
  [
    "another product",
    {
      ...pick("reader-1", 1_000, "s0042/floor/gondola-3", true),
      item: { gtin: "x" as Gtin, epc: epcOf(3) },
    },
  ],
])("%s is not the weighed one", (_, tagged) => {
  const [, said] = reviewed([
    pick("shelf-1", 0, "s0042/floor/gondola-3/b2", false),
    tagged as Conclusion,
  ]);
  expect(said).not.toHaveProperty("reference");
});

describe("a tag that a shelf goes on reading", () => {
  const out = passage("portal-1", 0, "floor", "@exit");
  const seen = (location: string, afterMs: number) => () => ({ location, atMs: startMs + afterMs });

  test("has not left: the passage is uncertain, with where it was seen", () => {
    const shelf = "s0042/floor/gondola-1";
    expect(reviewed([out], seen(shelf, contradictedAfterMs))).toMatchObject([
      { code: "passage_uncertain", deviceId: "portal-1", detail: { epc: epcOf(1), seenAt: shelf } },
    ]);
    expect(counters.get("passages_contradicted")).toBe(1);
  });

  test.each([
    ["before it passed", "s0042/floor/gondola-1", 0],
    ["where it went", "s0042/@exit", 5_000],
    ["somewhere else", "s0042/stockroom/rack-1", 5_000],
  ])("%s: it has passed", (_, location, afterMs) => {
    expect(reviewed([out], seen(location, afterMs))).toEqual([out]);
  });
});

test("portal and shelf as an edge has them: what stands beside the exit does not leave by it", () => {
  const port = { path: "/dev/unused" };
  const config = edgeConfigSchema.parse({
    storeId: "s0042",
    edgeId: "edge-1",
    dataDir: "/tmp",
    broker: { url: "mqtt://127.0.0.1" },
    devices: ["portal-1", "reader-1"].map((id) => ({ id, kind: "r2000", port })),
    portals: [
      {
        deviceId: "portal-1",
        sideA: { location: "s0042/floor", antennas: [1] },
        sideB: { location: "s0042/@exit", antennas: [2] },
      },
    ],
    presences: [
      {
        id: "floor",
        zones: [
          {
            location: "s0042/floor/gondola-1",
            profile: "shelf",
            antennas: [{ deviceId: "reader-1", antennas: [1] }],
          },
        ],
      },
    ],
  });
  const bench = new Bench((count) => buildPipeline(config, startMs, count));
  const shelf = Array.from({ length: 80 }, (_, at) => ({
    ...tag(startMs + at * 250, 1, epcOf(1), -50),
    deviceId: "reader-1",
  }));
  const stray = Array.from({ length: 10 }, (_, at) =>
    tag(startMs + 10_010 + at * 100, at < 5 ? 1 : 2, epcOf(1), -68),
  );
  const readings = [...shelf, ...stray].sort((one, other) => one.receivedAtMs - other.receivedAtMs);
  bench.feed(readings);
  const moves = bench.conclusions.flatMap((one) =>
    one.type === "moved" ? [one.to?.location] : [],
  );
  expect(moves).not.toContain("s0042/@exit");
  expect(
    bench.conclusions.filter((one) => one.type === "noticed" && one.code === "exit_unpaid"),
  ).toEqual([]);
  // The same tag where no shelf reads it passes.
  const alone = new Bench((count) => buildPipeline(config, startMs, count));
  alone.feed(stray, startMs + 20_000);
  expect(alone.conclusions).toContainEqual(
    expect.objectContaining({ type: "moved", to: { location: "s0042/@exit", state: "sellable" } }),
  );
});
