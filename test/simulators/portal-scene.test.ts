import { fileURLToPath } from "node:url";
import { describe, expect, test } from "vitest";
import { readingSchema, type TagReading } from "../../contract/reading.ts";
import { loadPortalScenario, portalScenarioSchema } from "../../simulators/rfid-scenario.ts";
import { playPortal } from "../../simulators/world/portal-scene.ts";

const portal = {
  deviceId: "portal-1",
  sideA: { location: "s0042/stockroom", antennas: [1, 2] },
  sideB: { location: "s0042/floor", antennas: [3, 4] },
};
const scenario = (more: object) =>
  portalScenarioSchema.parse({ name: "x", climate: "normal", durationMs: 60_000, portal, ...more });
const acts = [
  { kind: "in", atMs: 1000, tagCount: 3 },
  { kind: "turn_back", atMs: 20_000 },
];

describe("a portal's world", () => {
  test("is the same for the same seed, and another for another", () => {
    const one = playPortal(scenario({ acts }), 7);
    expect(playPortal(scenario({ acts }), 7)).toEqual(one);
    expect(playPortal(scenario({ acts }), 8).readings).not.toEqual(one.readings);
  });

  test("gives readings in order of receipt, and what really was", () => {
    const { readings, passages } = playPortal(scenario({ acts }), 100_007);
    for (const reading of readings.slice(0, 200)) readingSchema.parse(reading);
    const times = readings.map(({ receivedAtMs }) => receivedAtMs);
    expect(times).toEqual([...times].sort((one, other) => one - other));
    expect(passages.map(({ kind }) => kind)).toEqual(["in", "in", "in", "turn_back"]);
    const [first, , , back] = passages;
    expect(first?.fromAtMs).toBeLessThan(first?.crossedAtMs ?? 0);
    expect(first?.crossedAtMs).toBeLessThan(first?.toAtMs ?? 0);
    expect(back?.crossedAtMs).toBeUndefined();
  });

  test("an easy passage is read on side A first and on side B last", () => {
    const { readings } = playPortal(scenario({ acts: acts.slice(0, 1), climate: "easy" }), 3);
    const tags = readings.filter((reading): reading is TagReading => reading.kind === "tag");
    expect(tags.length).toBeGreaterThan(30);
    expect([1, 2]).toContain(tags[0]?.antenna);
    expect([3, 4]).toContain(tags.at(-1)?.antenna);
  });

  test("nothing is read while the reader is off, and it says so", () => {
    const outages = [{ fromMs: 10_000, toMs: 40_000 }];
    const { readings, startAtMs } = playPortal(scenario({ standingCount: 10, outages }), 3);
    const states = readings.filter(({ kind }) => kind === "device");
    expect(states).toMatchObject([{ state: "online" }, { state: "offline" }, { state: "online" }]);
    const off = (atMs: number) => atMs > startAtMs + 11_000 && atMs < startAtMs + 40_000;
    expect(readings.some((one) => one.kind === "tag" && off(one.receivedAtMs))).toBe(false);
  });

  test("while the network is down reads wait, and come at once with their own times", () => {
    const backlogs = [{ fromMs: 10_000, toMs: 40_000 }];
    const { readings, startAtMs } = playPortal(scenario({ standingCount: 10, backlogs }), 3);
    const waited = readings.filter(
      (one) => one.kind === "tag" && one.receivedAtMs === startAtMs + 40_000,
    );
    expect(waited.length).toBeGreaterThan(50);
  });

  test("a file that is not one is refused by name", async () => {
    const file = fileURLToPath(new URL("../../config/scenarios/busy.yaml", import.meta.url));
    await expect(loadPortalScenario(file)).rejects.toThrow("busy.yaml");
    await expect(loadPortalScenario(`${file}.none`)).rejects.toThrow("busy.yaml.none");
  });
});
