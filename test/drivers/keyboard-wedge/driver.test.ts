import { expect, test } from "vitest";
import { readingSchema } from "../../../contract/reading.ts";
import { device } from "../../../drivers/keyboard-wedge/driver.ts";
import {
  KeyboardWedgeSimulator,
  type KeyboardWedgeSimulatorOptions,
} from "../../../simulators/keyboard-wedge.ts";
import { seededRandom } from "../../../simulators/random.ts";
import { Bench } from "../bench.ts";

async function start(options: object = {}, simulated: KeyboardWedgeSimulatorOptions = {}) {
  const bench = new Bench();
  const scanner = bench.plug(new KeyboardWedgeSimulator(seededRandom(6), simulated));
  const { ended } = await bench.run(device, options);
  return { bench, scanner, ended };
}

test.each([
  {},
  { layout: "fr", prefix: "aim" },
  { layout: "de", suffix: "tab" },
  { layout: "uk", suffix: "none", prefix: "aim" },
] as const)("%j", async (format) => {
  const { bench, scanner, ended } = await start(format, format);
  expect(bench.identified).toMatch(/^keyboard scanner, layout/);
  const data = "0109506000134352\u001d21ABC-z/y";
  scanner.control({ type: "scan", data, symbology: "]d2" });
  scanner.control({ type: "scan", data: "4006381333931", symbology: "]E0" });
  await bench.advance(3000);
  expect(bench.readings).toMatchObject([{ data }, { data: "4006381333931" }]);
  for (const reading of bench.readings) expect(readingSchema.parse(reading)).toEqual(reading);
  bench.stop();
  expect(await ended).toBe("stopped");
});

test("no-reads, lost keys, split reports", async () => {
  const { bench, scanner } = await start({ noReadText: "NR" });
  scanner.control({ type: "scan", data: "NR" });
  await bench.advance(1000);
  scanner.control({ type: "fault", fault: "split", count: 8 });
  scanner.control({ type: "scan", data: "77" });
  await bench.advance(1000);
  expect(bench.readings).toMatchObject([{ data: "77" }]);
  expect(bench.counters).toMatchObject({ no_reads: 1, scans: 1 });
});

test("garbage and unplugging", async () => {
  const { bench, scanner, ended } = await start();
  scanner.control({ type: "fault", fault: "garbage", count: 1000 });
  scanner.control({ type: "scan", data: "5".repeat(200) });
  await bench.advance(5000);
  expect(await ended).toMatchObject({ code: "DRIVER_GARBAGE" });
  const lost = await start();
  lost.bench.port.unplug();
  await lost.bench.advance(1);
  expect(await lost.ended).toMatchObject({ code: "DRIVER_PORT_LOST" });
});
