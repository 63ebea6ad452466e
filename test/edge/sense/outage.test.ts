import { describe, expect, test } from "vitest";
import type { Reading } from "../../../contract/reading.ts";
import { Outage, outageConfigSchema } from "../../../edge/sense/outage.ts";
import { Bench, device, startMs } from "./harness.ts";

const deviceIds = ["portal-1", "shelf-1", "till-1"];

function bench(lastAliveAtMs?: number, decidedThroughMs = (nowMs: number) => nowMs): Bench {
  const outage = new Outage({
    edgeId: "edge-1",
    deviceIds,
    config: outageConfigSchema.parse({}),
    decidedThroughMs: (_deviceId, nowMs) => decidedThroughMs(nowMs),
    lastAliveAtMs,
  });
  return new Bench(() => [outage]);
}

const online = (...afterMs: number[]): Reading[] =>
  afterMs.map((ms, index) => device(startMs + ms, deviceIds[index]!, "online"));
const gap = (fromMs: number, toMs: number, ...ids: string[]) => ({
  type: "noticed",
  code: "sensing_gap",
  deviceId: "edge-1",
  occurredAtMs: startMs + toMs,
  detail: { fromAtMs: startMs + fromMs, toAtMs: startMs + toMs, deviceIds: ids },
});

describe("after a start", () => {
  test("the first one ever declares nothing", () => {
    const first = bench()
      .restored(bench(), startMs)
      .feed(online(100, 200, 300), startMs + 60_000);
    expect(first.conclusions).toEqual([]);
    expect(first.writeCount).toBe(0);
  });

  test("one gap for all that come back together, from when the edge was last alive", () => {
    const after = bench(startMs - 8_000).restored(bench(), startMs);
    after.feed(online(500, 900, 1_100), startMs + 60_000);
    expect(after.conclusions).toMatchObject([gap(-8_000, 4_100, ...deviceIds)]);
    expect(after.stored.size).toBe(0);
  });

  test("one of its own for a device that comes back much later", () => {
    const after = bench(startMs - 8_000).restored(bench(), startMs);
    after.feed(online(500, 900, 40_000), startMs + 60_000);
    expect(after.conclusions).toMatchObject([
      gap(-8_000, 3_900, "portal-1", "shelf-1"),
      gap(-8_000, 43_000, "till-1"),
    ]);
  });

  test("a crash before the gap was declared only makes it longer", () => {
    const crashed = bench(startMs - 8_000)
      .restored(bench(), startMs)
      .feed([], startMs + 100);
    expect(crashed.stored.size).toBe(3);
    const after = bench(startMs + 2_000).restored(crashed, startMs + 10_000);
    after.feed(online(10_500, 10_500, 10_500), startMs + 60_000);
    expect(after.conclusions).toMatchObject([gap(-8_000, 13_500, ...deviceIds)]);
  });

  test("a clock that is still in the past waits until it is set", () => {
    const yearMs = 365 * 86_400_000;
    const after = bench(startMs + yearMs).restored(bench(), startMs);
    after.feed(online(100, 100, 100), startMs + 60_000);
    expect(after.conclusions).toEqual([]);
    after.setClock(startMs + 60_000, yearMs + 3_600_000);
    after.feed([], startMs + yearMs + 3_700_000);
    expect(after.conclusions).toMatchObject([gap(yearMs, yearMs + 3_603_100, ...deviceIds)]);
  });
});

describe("while running", () => {
  const running = (decided?: (nowMs: number) => number) =>
    bench(undefined, decided)
      .restored(bench(), startMs)
      .feed(online(0, 0, 0));

  test("from the last reading to settled, durable meanwhile", () => {
    const edge = running().feed([
      {
        kind: "input",
        deviceId: "portal-1",
        line: "beam",
        active: true,
        receivedAtMs: startMs + 19_000,
      },
      device(startMs + 20_000, "portal-1", "offline"),
    ]);
    expect([...edge.stored]).toEqual([
      ["outage/portal-1", JSON.stringify({ fromAtMs: startMs + 19_000 })],
    ]);
    edge.feed([device(startMs + 50_000, "portal-1", "online")], startMs + 60_000);
    expect(edge.conclusions).toMatchObject([gap(19_000, 53_000, "portal-1")]);
    expect(edge.stored.size).toBe(0);
  });

  test("a quiet device may have been gone since its driver could have seen it", () => {
    const edge = running().feed([device(startMs + 100_000, "till-1", "offline")]);
    edge.feed([device(startMs + 110_000, "till-1", "online")], startMs + 120_000);
    expect(edge.conclusions).toMatchObject([gap(90_000, 113_000, "till-1")]);
  });

  test("what was not decided yet lies inside", () => {
    const edge = running((nowMs) => nowMs - 45_000);
    edge.feed([device(startMs + 100_000, "portal-1", "offline")]);
    edge.feed([device(startMs + 110_000, "portal-1", "online")], startMs + 120_000);
    expect(edge.conclusions).toMatchObject([gap(55_000, 113_000, "portal-1")]);
  });

  test("a device that comes and goes has one gap", () => {
    const edge = running();
    for (let ms = 100_000; ms < 120_000; ms += 2_000) {
      edge.feed([device(startMs + ms, "portal-1", "offline")]);
      edge.feed([device(startMs + ms + 500, "portal-1", "online")]);
    }
    edge.feed([], startMs + 200_000);
    expect(edge.conclusions).toMatchObject([gap(90_000, 121_500, "portal-1")]);
  });

  test("degraded is not blind", () => {
    const edge = running().feed(
      [device(startMs + 1_000, "portal-1", "degraded")],
      startMs + 60_000,
    );
    expect(edge.conclusions).toEqual([]);
  });
});
