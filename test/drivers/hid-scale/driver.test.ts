import { expect, test } from "vitest";
import { readingSchema } from "../../../contract/reading.ts";
import { device } from "../../../drivers/hid-scale/driver.ts";
import { HidScaleSimulator, type HidScaleSimulatorOptions } from "../../../simulators/hid-scale.ts";
import { seededRandom } from "../../../simulators/random.ts";
import { Bench } from "../bench.ts";

async function start(options: object = {}, simulated: HidScaleSimulatorOptions = {}) {
  const bench = new Bench();
  const scale = bench.plug(new HidScaleSimulator(seededRandom(3), simulated));
  const { ended } = await bench.run(device, options);
  return { bench, scale, ended };
}

test("weights in grams with their status", async () => {
  const { bench, scale, ended } = await start({}, { unit: "ounce", exponent: -1 });
  await bench.advance(50);
  expect(bench.identified).toBe("HID scale, report 3, ounce");
  for (const weightGrams of [283.495_231_25, 6000, -283.495_231_25]) {
    scale.control({ type: "load", weightGrams });
    await bench.advance(100);
  }
  expect(bench.weights).toMatchObject([
    { cell: 1, weightGrams: 0, status: "ok" },
    { weightGrams: 283.495_231_25, status: "ok" },
    { status: "overload" },
    { weightGrams: -283.495_231_25, status: "underload" },
  ]);
  for (const reading of bench.readings) expect(readingSchema.parse(reading)).toEqual(reading);
  bench.stop();
  expect(await ended).toBe("stopped");
});

test("a fault and a unit without grams degrade it until they pass", async () => {
  const { bench, scale } = await start();
  scale.control({ type: "load", weightGrams: 5, status: "needs_calibration" });
  await bench.advance(250);
  scale.control({ type: "load", weightGrams: 5 });
  scale.control({ type: "unit", unit: "tael" });
  await bench.advance(100);
  scale.control({ type: "unit", unit: "gram" });
  await bench.advance(100);
  expect(bench.states).toMatchObject([
    { state: "degraded", reason: "the scale needs calibration" },
    { state: "degraded", reason: "a tael is not one weight: set the unit" },
    { state: "online" },
  ]);
  expect(bench.weights.at(-2)).toMatchObject({ status: "fault", weightGrams: 0 });
  expect(bench.weights.at(-1)).toMatchObject({ status: "ok", weightGrams: 5 });
});

test("only stable weights, and zero, when asked for", async () => {
  const { bench, scale } = await start({ stableOnly: true, zeroAtStart: true });
  expect(bench.written).toEqual([Uint8Array.of(2, 2)]);
  await bench.advance(20);
  scale.control({ type: "load", weightGrams: 70, status: "in_motion" });
  await bench.advance(100);
  scale.control({ type: "load", weightGrams: 80 });
  await bench.advance(100);
  expect(bench.weights.map(({ weightGrams }) => weightGrams)).toEqual([0, 80]);
  expect(bench.counters).toMatchObject({ in_motion: 1 });
});

test("garbage, silence, unplugging", async () => {
  const garbage = await start();
  garbage.scale.control({ type: "fault", fault: "garbage", count: 10_000 });
  await garbage.bench.advance(60_000);
  expect(await garbage.ended).toMatchObject({ code: "DRIVER_GARBAGE" });
  const silent = await start({ reportTimeoutMs: 1000 });
  await silent.bench.advance(50);
  silent.scale.control({ type: "fault", fault: "silence", count: 10_000 });
  await silent.bench.advance(2000);
  expect(await silent.ended).toMatchObject({ code: "DRIVER_SILENT" });
  const lost = await start();
  lost.bench.port.unplug();
  await lost.bench.advance(1);
  expect(await lost.ended).toMatchObject({ code: "DRIVER_PORT_LOST" });
});

test("a split report is one", async () => {
  const { bench, scale } = await start();
  scale.control({ type: "fault", fault: "split", count: 100 });
  await bench.advance(950);
  expect(bench.weights).toHaveLength(10);
});
