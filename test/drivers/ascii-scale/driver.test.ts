import { expect, test } from "vitest";
import { GatewayError } from "../../../contract/errors.ts";
import { readingSchema } from "../../../contract/reading.ts";
import { device } from "../../../drivers/ascii-scale/driver.ts";
import {
  AsciiScaleSimulator,
  type AsciiScaleSimulatorOptions,
} from "../../../simulators/ascii-scale.ts";
import { seededRandom } from "../../../simulators/random.ts";
import { Bench } from "../bench.ts";

async function start(options: object = {}, simulated: AsciiScaleSimulatorOptions = {}) {
  const bench = new Bench();
  const scale = bench.plug(new AsciiScaleSimulator(seededRandom(5), simulated));
  const { ended } = await bench.run(device, options);
  await bench.advance(500);
  return { bench, scale, ended };
}

const codeOf = (ended: unknown) => (ended instanceof GatewayError ? ended.code : ended);

test.each([
  ["always", {}],
  ["asked", { poll: "Q", pollPeriodMs: 100 }],
] as const)("a scale that prints %s weighs", async (prints, options) => {
  const { bench, scale, ended } = await start(options, { prints });
  scale.control({ type: "load", weightGrams: 1234 });
  await bench.advance(2000);
  expect(bench.identified).toContain("known by its lines");
  for (const reading of bench.weights) expect(readingSchema.parse(reading)).toEqual(reading);
  expect(bench.weights.length).toBeGreaterThan(15);
  expect(bench.weights.at(-1)?.weightGrams).toBeCloseTo(1234, -1);
  bench.stop();
  expect(await ended).toBe("stopped");
});

test("overload is a status, a unit that is no mass a fault that is said", async () => {
  const { bench, scale } = await start();
  scale.control({ type: "load", weightGrams: 20_000 });
  await bench.advance(300);
  expect(bench.weights.at(-1)).toMatchObject({ weightGrams: 0, status: "overload" });
  scale.control({ type: "load", weightGrams: 10 });
  scale.control({ type: "unit", unit: "pcs" });
  await bench.advance(300);
  expect(bench.weights.at(-1)).toMatchObject({ weightGrams: 0, status: "fault" });
  expect(bench.states.at(-1)).toMatchObject({ state: "degraded" });
  scale.control({ type: "unit", unit: "g" });
  await bench.advance(300);
  expect(bench.states.at(-1)).toMatchObject({ state: "online" });
});

test("a scale that falls silent, and one that does not print at all", async () => {
  const { bench, scale, ended } = await start();
  scale.control({ type: "fault", fault: "silence", count: 1_000_000 });
  await bench.advance(4000);
  expect(codeOf(await ended)).toBe("DRIVER_SILENT");
  const quiet = await start({}, { prints: "asked" });
  await quiet.bench.advance(4000);
  expect(codeOf(await quiet.ended)).toBe("DRIVER_SILENT");
});

test("garbage is said to be a wrong speed", async () => {
  const bench = new Bench();
  bench.plugRaw();
  const { ended } = await bench.run(device);
  bench.port.send(Uint8Array.from({ length: 1100 }, (_, index) => 128 | (index * 37)));
  await bench.advance(4000);
  expect(codeOf(await ended)).toBe("DRIVER_GARBAGE");
});
