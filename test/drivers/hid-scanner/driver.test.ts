import { expect, test } from "vitest";
import { readingSchema } from "../../../contract/reading.ts";
import { device } from "../../../drivers/hid-scanner/driver.ts";
import {
  HidScannerSimulator,
  type HidScannerSimulatorOptions,
} from "../../../simulators/hid-scanner.ts";
import { seededRandom } from "../../../simulators/random.ts";
import { Bench } from "../bench.ts";

async function start(options: object = {}, simulated: HidScannerSimulatorOptions = {}) {
  const bench = new Bench();
  const scanner = bench.plug(new HidScannerSimulator(seededRandom(4), simulated));
  const { ended } = await bench.run(device, options);
  return { bench, scanner, ended };
}

test("scans, short and long, hours apart", async () => {
  const { bench, scanner, ended } = await start();
  expect(bench.identified).toBe("HID POS scanner, taken on trust");
  scanner.control({ type: "scan", data: "4006381333931", symbology: "]E0" });
  await bench.advance(5 * 3_600_000);
  const long = "https://id.example.test/01/09506000134352?".repeat(10);
  scanner.control({ type: "scan", data: long, symbology: "]Q1" });
  await bench.advance(1000);
  expect(bench.readings).toMatchObject([
    { symbology: "]E0", data: "4006381333931" },
    { symbology: "]Q1", data: long },
  ]);
  for (const reading of bench.readings) expect(readingSchema.parse(reading)).toEqual(reading);
  bench.stop();
  expect(await ended).toBe("stopped");
});

test("a lost middle report, split ones and garbage", async () => {
  const { bench, scanner, ended } = await start();
  scanner.control({ type: "scan", data: "a".repeat(100), symbology: "]Q1" });
  await bench.advance(1);
  scanner.control({ type: "fault", fault: "silence" });
  await bench.advance(1000);
  scanner.control({ type: "fault", fault: "split" });
  scanner.control({ type: "scan", data: "5", symbology: "]E0" });
  await bench.advance(1000);
  expect(bench.readings).toMatchObject([{ data: "5" }]);
  expect(bench.counters).toMatchObject({ discarded_incomplete: 1, scans: 1 });
  scanner.control({ type: "fault", fault: "garbage", count: 100 });
  for (let index = 0; index < 40; index += 1) scanner.control({ type: "scan", data: "5" });
  await bench.advance(5000);
  expect(await ended).toMatchObject({ code: "DRIVER_GARBAGE" });
});

test("Honeywell's answer names the model", async () => {
  const { bench, scanner } = await start(
    { commands: "honeywell" },
    { productName: "Voyager 1602g" },
  );
  await bench.advance(100);
  expect(bench.identified).toBe("HID POS scanner, Voyager 1602g");
  scanner.control({ type: "scan", data: "1", symbology: "]E0" });
  await bench.advance(100);
  expect(bench.readings).toMatchObject([{ data: "1" }]);
});

test("silent, not the model, unplugged", async () => {
  const silent = await start({ commands: "honeywell" });
  await silent.bench.advance(4000);
  expect(await silent.ended).toMatchObject({ code: "DRIVER_SILENT" });
  const other = await start({ commands: "honeywell" });
  other.scanner.control({ type: "scan", data: "1", symbology: "]E0" });
  await other.bench.advance(4000);
  expect(await other.ended).toMatchObject({ code: "DRIVER_NOT_IDENTIFIED" });
  expect(other.bench.readings).toMatchObject([{ data: "1" }]);
  const lost = await start();
  lost.bench.port.unplug();
  await lost.bench.advance(1);
  expect(await lost.ended).toMatchObject({ code: "DRIVER_PORT_LOST" });
});
