import { describe, expect, test } from "vitest";
import { serialKey } from "../../../contract/gs1/digital-link.ts";
import type { Reading } from "../../../contract/reading.ts";
import { soldSchema } from "../../../contract/sold.ts";
import { edgeConfigSchema } from "../../../edge/config.ts";
import { buildPipeline } from "../../../edge/sense/build-machines.ts";
import { Bench, device, epcOf, scan, startMs, tag, tagGtin } from "./harness.ts";

const bell = { deviceId: "gpio-1", output: "bell", action: { type: "on", durationMs: 5000 } };
const devices = ["portal-1", "scanner-1", "gpio-1"].map((id) => ({
  id,
  kind: "r2000",
  port: { path: `/dev/${id}` },
}));

function store(exit: object = {}, hasTill = true): Bench {
  const config = edgeConfigSchema.parse({
    storeId: "s0042",
    edgeId: "edge-1",
    dataDir: "/tmp",
    broker: { url: "mqtt://127.0.0.1" },
    devices,
    portals: [
      {
        deviceId: "portal-1",
        sideA: { location: "s0042/floor", antennas: [1] },
        sideB: { location: "s0042/@exit", antennas: [2] },
      },
    ],
    scanners: hasTill ? [{ deviceId: "scanner-1", workflow: "sell", location: "s0042" }] : [],
    exit: { alarms: [bell], ...exit },
  });
  return new Bench((count) => buildPipeline(config, startMs, count));
}

/** A tag that walks out, decided when its passage is over. */
function exit(bench: Bench, atMs: number, number: number): Bench {
  const at = [0, 100, 200, 300, 400, 500, 600, 700, 800, 900];
  const reads = at.map((ms) => tag(atMs + ms, ms < 500 ? 1 : 2, epcOf(number)));
  return bench.feed(reads, atMs + 10_000);
}

const said = ({ conclusions }: Bench) =>
  conclusions.flatMap((one) => (one.type === "noticed" && /^exit/.test(one.code) ? [one] : []));
const codes = (bench: Bench) => said(bench).map(({ code }) => code);
const sale = (atMs: number, serial?: string): Reading =>
  scan(
    atMs,
    serial === undefined ? tagGtin.slice(1) : `01${tagGtin}21${serial}`,
    serial ? "]d2" : "]E0",
  );
const online = device(startMs, "scanner-1", "online");
const list = (atMs: number, more: object = {}) =>
  soldSchema.parse({
    schemaVersion: 1,
    storeId: "s0042",
    asOfAtMs: atMs,
    serials: [],
    units: [],
    ...more,
  });

describe("an unpaid unit", () => {
  test("rings where this edge's till is live, at once and with no link", () => {
    const bench = exit(store().feed([online]), startMs + 1_000, 7);
    expect(said(bench)).toMatchObject([
      {
        code: "exit_unpaid",
        severity: "alarm",
        deviceId: "portal-1",
        detail: { gtin: tagGtin, serial: "7", from: "s0042/floor", to: "s0042/@exit" },
      },
    ]);
    expect(bench.signals).toEqual([bell]);
    const [moved, notice] = bench.conclusions.slice(-2);
    expect(notice?.occurredAtMs).toBe(moved?.occurredAtMs);
  });

  test.each<[string, () => Bench]>([
    ["no till is known", () => store({}, false)],
    ["the till was never heard", () => store()],
    ["the till is gone", () => store().feed([online, device(startMs + 1, "scanner-1", "offline")])],
    ["another edge has tills, and no list", () => store({ hasOtherTills: true }).feed([online])],
  ])("does not where %s", (_, begin) => {
    const bench = exit(begin(), startMs + 1_000, 7);
    expect(said(bench)).toMatchObject([{ code: "exit_unverified", severity: "info" }]);
    expect(bench.signals).toEqual([]);
  });

  test("rings by the ledger's list while it is new", () => {
    const bench = store({ hasOtherTills: true }, false);
    bench.pipeline.setSold(list(startMs));
    exit(bench, startMs + 1_000, 7);
    exit(bench, startMs + 300_000, 8);
    expect(codes(bench)).toEqual(["exit_unpaid", "exit_unverified"]);
    bench.pipeline.setSold(list(startMs + 320_000));
    exit(bench, startMs + 320_000, 9);
    // A till of another edge is offline now.
    bench.pipeline.setSold(list(startMs + 100_000));
    exit(bench, startMs + 340_000, 10);
    expect(codes(bench).slice(2)).toEqual(["exit_unpaid", "exit_unverified"]);
  });
});

describe("a paid unit passes in silence", () => {
  test("sold here by its serial, also after a restart, also twice", () => {
    const before = store().feed([online, sale(startMs + 10, "7")]);
    const bench = store().restored(before, startMs + 1_000);
    bench.feed([device(startMs + 1_001, "scanner-1", "online")]);
    exit(exit(bench, startMs + 2_000, 7), startMs + 60_000, 7);
    expect(codes(bench)).toEqual([]);
    expect(bench.counters.get("exits_paid")).toBe(2);
  });

  test("sold here by its GTIN: as many as were sold", () => {
    const before = store().feed([online, sale(startMs + 10)]);
    exit(before, startMs + 1_000, 7);
    expect(codes(before)).toEqual([]);
    const bench = store().restored(before, startMs + 20_000);
    exit(bench.feed([device(startMs + 20_001, "scanner-1", "online")]), startMs + 21_000, 8);
    expect(codes(bench)).toEqual(["exit_unpaid"]);
  });

  test("sold elsewhere; what the list repeats of our own sales counts once", () => {
    const bench = store().feed([online, sale(startMs + 10)]);
    bench.pipeline.setSold(
      list(startMs + 500, {
        serials: [{ key: serialKey(tagGtin, "7"), soldAtMs: startMs }],
        units: [{ gtin: tagGtin, quantity: 1, soldAtMs: startMs + 10 }],
      }),
    );
    exit(exit(exit(bench, startMs + 1_000, 7), startMs + 20_000, 8), startMs + 40_000, 9);
    expect(codes(bench)).toEqual(["exit_unpaid"]);
    expect(said(bench)[0]?.detail).toMatchObject({ serial: "9" });
  });

  test("but not when it was returned, or long ago", () => {
    const returned = store().feed([online, sale(startMs + 10, "7")]);
    returned.feed([scan(startMs + 600, "GONDOLA:RETURN:s0042/desk"), sale(startMs + 2_000, "7")]);
    expect(codes(exit(returned, startMs + 5_000, 7))).toEqual(["exit_unpaid"]);
    const late = store({ unitWindowMs: 60_000 }).feed([online, sale(startMs + 10)]);
    expect(codes(exit(late, startMs + 70_000, 7))).toEqual(["exit_unpaid"]);
  });

  test("nothing of a sale is kept for ever", () => {
    const bench = store({ unitWindowMs: 60_000, serialWindowMs: 60_000 });
    bench.feed([online, sale(startMs + 10, "7"), sale(startMs + 1_000)]);
    const kept = () => [...bench.stored.keys()].filter((key) => key.startsWith("exit/"));
    expect(kept()).toHaveLength(2);
    bench.feed([sale(startMs + 100_000, "8")]);
    expect(kept()).toEqual([`exit/serial/${serialKey(tagGtin, "8")}`]);
  });
});

test("a signal of a device that is not there is refused", () => {
  const exits = { alarms: [{ ...bell, deviceId: "gpio-2" }] };
  expect(() => store(exits)).toThrow(/a signal names gpio-2/);
});
