import { expect, test } from "vitest";
import { readingSchema } from "../../../contract/reading.ts";
import { device } from "../../../drivers/ssi-scanner/driver.ts";
import { seededRandom } from "../../../simulators/random.ts";
import {
  SsiScannerSimulator,
  type SsiScannerSimulatorOptions,
} from "../../../simulators/ssi-scanner.ts";
import { Bench } from "../bench.ts";

async function start(options: object = {}, simulated: SsiScannerSimulatorOptions = {}) {
  const bench = new Bench();
  const scanner = bench.plug(new SsiScannerSimulator(seededRandom(8), simulated));
  const { ended } = await bench.run(device, options);
  await bench.advance(100);
  return { bench, scanner, ended };
}
const ean = { type: "scan", data: "4006381333931", symbology: "]E0" };

test("identifies, acknowledges, reports", async () => {
  const { bench, scanner, ended } = await start();
  expect(bench.identified).toBe("SSI scanner, revision PAABLS00-001-R00 SIM");
  scanner.control(ean);
  const long = "https://id.example.test/01/09506000134352?".repeat(15);
  scanner.control({ type: "scan", data: long, symbology: "]Q1" });
  scanner.control(ean);
  await bench.advance(100);
  expect(bench.readings).toMatchObject([
    { symbology: "]E0", data: "4006381333931" },
    { symbology: "]Q1", data: long },
    { symbology: "]E0", data: "4006381333931" },
  ]);
  for (const reading of bench.readings) expect(readingSchema.parse(reading)).toEqual(reading);
  await bench.advance(3 * 3_600_000);
  bench.stop();
  expect(await ended).toBe("stopped");
});

test("a lost acknowledgement is no second scan", async () => {
  const { bench, scanner } = await start();
  scanner.control({ type: "deaf", count: 2 });
  scanner.control(ean);
  await bench.advance(10_000);
  expect(bench.readings).toHaveLength(1);
  expect(bench.counters).toMatchObject({ duplicates: 2, scans: 1 });
});

test("a damaged scan is asked for again", async () => {
  const { bench, scanner } = await start();
  scanner.control({ type: "fault", fault: "badChecksum" });
  scanner.control(ean);
  await bench.advance(5000);
  expect(bench.readings).toMatchObject([{ data: "4006381333931" }]);
  expect(bench.counters).toMatchObject({ resends_asked: 1 });
});

test("splits, short garbage and short silence pass", async () => {
  const { bench, scanner } = await start();
  for (const fault of ["split", "garbage", "silence"]) {
    scanner.control({ type: "fault", fault });
    scanner.control(ean);
    await bench.advance(10_000);
  }
  expect(bench.readings).toHaveLength(3);
});

test("silent, refused, wrong speed, unplugged", async () => {
  const silent = await start();
  silent.scanner.control({ type: "fault", fault: "silence", count: 1000 });
  await silent.bench.advance(400_000);
  expect(await silent.ended).toMatchObject({ code: "DRIVER_SILENT" });
  const denied = await start({}, { deniesParameters: true });
  expect(await denied.ended).toMatchObject({ code: "DRIVER_COMMAND_REFUSED" });
  const bench = new Bench();
  bench.plugRaw(() => bench.port.send(new Uint8Array(400).fill(0xfe)));
  const { ended } = await bench.run(device);
  await bench.advance(60_000);
  expect(await ended).toMatchObject({ code: "DRIVER_GARBAGE" });
  const lost = await start();
  lost.bench.port.unplug();
  await lost.bench.advance(1);
  expect(await lost.ended).toMatchObject({ code: "DRIVER_PORT_LOST" });
});
