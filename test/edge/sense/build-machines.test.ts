import { describe, expect, test } from "vitest";
import { GatewayError } from "../../../contract/errors.ts";
import { buildPipeline, senseConfigSchema } from "../../../edge/sense/build-machines.ts";

const portal = {
  deviceId: "portal-1",
  sideA: { location: "s0042/stockroom", antennas: [1] },
  sideB: { location: "s0042/floor", antennas: [2] },
};
const till = { deviceId: "till-1", workflow: "sell", location: "s0042" };
const shelf = { deviceId: "shelf-1", cells: [{ cell: 1, location: "s0042/g1/c1" }] };

function build(sense: object) {
  return buildPipeline({ storeId: "s0042", edgeId: "edge-1", ...senseConfigSchema.parse(sense) });
}

describe("the sensing of an edge", () => {
  test("may be empty", () => {
    const pipeline = build({});
    expect(pipeline.nextDeadlineMs()).toBe(Number.POSITIVE_INFINITY);
    expect(pipeline.decidedThroughMs(7)).toBe(7);
  });

  test("takes portals, shelves and scanners, with defaults", () => {
    const config = senseConfigSchema.parse({
      portals: [portal],
      shelves: [shelf],
      scanners: [till],
    });
    expect(config.portals[0]).toMatchObject({ quietMs: 1500, stepAToB: "relocating" });
    expect(config.outage).toEqual({ settleMs: 3_000, detectMsMax: 10_000 });
    expect(() => build(config)).not.toThrow();
  });

  test.each([
    [{ portals: [{ ...portal, quiteMs: 1 }] }, "quiteMs"],
    [{ portals: [{ ...portal, quietMs: 5 }] }, ">=100"],
    [{ scanners: [{ deviceId: "till-1", workflow: "count" }] }, "location"],
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
  ])("what does not fit together is refused: %o", (sense, message) => {
    expect(() => build(sense)).toThrow(GatewayError);
    expect(() => build(sense)).toThrow(message);
  });
});
