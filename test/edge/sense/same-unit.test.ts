import { expect, test } from "vitest";
import type { Conclusion } from "../../../contract/event.ts";
import type { Gtin } from "../../../contract/units.ts";
import { emptyOutput } from "../../../edge/sense/machine.ts";
import { SameUnit, samePassageMs, samePickMs } from "../../../edge/sense/same-unit.ts";
import { epcOf, startMs, tagGtin } from "./harness.ts";

const counters = new Map<string, number>();
const unit = () =>
  new SameUnit((name, by = 1) => counters.set(name, (counters.get(name) ?? 0) + by));

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
function reviewed(conclusions: Conclusion[]): Conclusion[] {
  const arbiter = unit();
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
