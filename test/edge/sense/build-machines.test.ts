import { describe, expect, test } from "vitest";
import { GatewayError } from "../../../contract/errors.ts";
import { buildPipeline, senseConfigSchema } from "../../../edge/sense/build-machines.ts";

const portal = {
  deviceId: "portal-1",
  sideA: { location: "s0042/stockroom", antennas: [1] },
  sideB: { location: "s0042/floor", antennas: [2] },
};
const till = { deviceId: "till-1", workflow: "sell", location: "s0042" };
const presence = {
  id: "floor",
  zones: [
    {
      location: "s0042/floor/g1",
      profile: "shelf",
      antennas: [{ deviceId: "reader-1", antennas: [1, 2] }],
    },
  ],
};
const [zone] = presence.zones;
const shelf = { deviceId: "shelf-1", cells: [{ cell: 1, location: "s0042/g1/c1" }] };

function build(sense: object) {
  return buildPipeline({ storeId: "s0042", edgeId: "edge-1", ...senseConfigSchema.parse(sense) });
}

test("light beams of several portals may be lines of one device, and of the reader itself", () => {
  const beams = { deviceId: "beams-1", lineA: "a1", lineB: "b1" };
  const other = { ...portal, deviceId: "portal-2", beams: { ...beams, lineA: "a2", lineB: "b2" } };
  const own = { ...portal, deviceId: "portal-3", beams: { ...beams, deviceId: "portal-3" } };
  expect(() => build({ portals: [{ ...portal, beams }, other, own] })).not.toThrow();
  expect(() => build({ portals: [own, own] })).toThrow("portal-3 has more than one");
});

describe("the sensing of an edge", () => {
  test("may be empty", () => {
    const pipeline = build({});
    expect(pipeline.nextDeadlineMs()).toBe(Number.POSITIVE_INFINITY);
    expect(pipeline.decidedThroughMs(7)).toBe(7);
  });

  test("takes portals, presences, shelves and scanners, with defaults", () => {
    const config = senseConfigSchema.parse({
      portals: [portal],
      presences: [presence],
      shelves: [shelf],
      scanners: [till],
    });
    expect(config.portals[0]).toMatchObject({ quietMs: 1500, stepAToB: "relocating" });
    expect(config.presences[0]?.zones[0]).toMatchObject({
      departTo: "basket",
      caps: { departAfterMsMin: 24_000, departAfterMsMax: 180_000 },
    });
    expect(config.outage).toEqual({ settleMs: 3_000, detectMsMax: 10_000 });
    expect(() => build(config)).not.toThrow();
  });

  test.each([
    [{ portals: [{ ...portal, quiteMs: 1 }] }, "quiteMs"],
    [{ portals: [{ ...portal, quietMs: 5 }] }, ">=100"],
    [{ scanners: [{ deviceId: "till-1", workflow: "count" }] }, "location"],
    [
      { presences: [{ ...presence, zones: [zone, { ...zone, location: "s0042/a" }] }] },
      "one zone only",
    ],
    [{ presences: [{ ...presence, zones: [zone, zone] }] }, "is one zone; list all"],
    [
      { presences: [{ ...presence, zones: [{ ...zone, caps: { departAfterMsMin: 200_000 } }] }] },
      "at most departAfterMsMax",
    ],
    [{ presences: [presence, presence] }, "an id is one presence's"],
  ])("a mistake in the configuration is named: %o", (sense, message) => {
    expect(senseConfigSchema.safeParse(sense).error?.message).toContain(message);
  });

  test.each([
    [
      { portals: [portal], scanners: [{ ...till, deviceId: "portal-1" }] },
      "portal-1 has more than one",
    ],
    [{ scanners: [{ ...till, location: "s0099" }] }, "s0099 does not belong to store s0042"],
    [{ shelves: [{ ...shelf, cells: [{ cell: 1, location: "s0099/g" }] }] }, "s0099/g"],
    [{ presences: [{ ...presence, zones: [{ ...zone, location: "s0099/z" }] }] }, "s0099/z"],
    [{ presences: [presence, { ...presence, id: "other" }] }, "reader-1 has more than one"],
  ])("what does not fit together is refused: %o", (sense, message) => {
    expect(() => build(sense)).toThrow(GatewayError);
    expect(() => build(sense)).toThrow(message);
  });
});
