import { describe, expect, test } from "vitest";
import { readingSchema } from "../../../contract/reading.ts";
import { device } from "../../../drivers/serial-scanner/driver.ts";
import { seededRandom } from "../../../simulators/random.ts";
import {
  SerialScannerSimulator,
  type SerialScannerSimulatorOptions,
} from "../../../simulators/serial-scanner.ts";
import { Bench, startAtMs } from "../bench.ts";

async function start(options: object = {}, simulated: SerialScannerSimulatorOptions = {}) {
  const bench = new Bench();
  const scanner = bench.plug(new SerialScannerSimulator(seededRandom(5), simulated));
  const { ended } = await bench.run(device, options);
  return { bench, scanner, ended };
}

const formats = [
  {},
  { prefix: "aim", suffix: "crlf" },
  { prefix: "stx", suffix: "etx" },
  { prefix: { text: "Q:" }, suffix: "tab" },
  { prefix: "aim", suffix: "none" },
] satisfies SerialScannerSimulatorOptions[];

describe("scans", () => {
  test.each(formats)("%j", async (format) => {
    const { bench, scanner, ended } = await start(format, format);
    expect(bench.identified).toBe("serial scanner, taken on trust");
    const data = "0109506000134352\u001d21ABC";
    scanner.control({ type: "scan", data, symbology: "]d2" });
    scanner.control({ type: "scan", data: "2", symbology: "]E0" });
    await bench.advance(1000);
    const aim = (symbology: string) =>
      "prefix" in format && format.prefix === "aim" ? { symbology } : {};
    expect(bench.readings).toMatchObject([
      { ...aim("]d2"), data },
      { ...aim("]E0"), data: "2" },
    ]);
    for (const reading of bench.readings) expect(readingSchema.parse(reading)).toEqual(reading);
    bench.stop();
    expect(await ended).toBe("stopped");
  });

  test("hours without a scan are no failure", async () => {
    const { bench, scanner } = await start();
    await bench.advance(10 * 3_600_000);
    scanner.control({ type: "scan", data: "1" });
    await bench.advance(1);
    expect(bench.readings).toMatchObject([{ data: "1", receivedAtMs: startAtMs + 36_000_000 }]);
  });

  test("a split one is one, garbage and no-reads are none", async () => {
    const { bench, scanner } = await start({ noReadText: "NR" });
    for (const fault of ["split", "garbage"]) {
      scanner.control({ type: "fault", fault });
      scanner.control({ type: "scan", data: "4006381333931" });
      await bench.advance(1000);
    }
    scanner.control({ type: "scan", data: "NR" });
    scanner.control({ type: "scan", data: "5" });
    await bench.advance(1000);
    expect(bench.readings).toMatchObject([{ data: "4006381333931" }, { data: "5" }]);
    expect(bench.counters).toMatchObject({ scans: 2, no_reads: 1, discarded_bytes: 14 });
  });

  test("nothing but garbage: DRIVER_GARBAGE", async () => {
    const { bench, scanner, ended } = await start();
    scanner.control({ type: "fault", fault: "garbage", count: 1000 });
    for (let index = 0; index < 200; index += 1) {
      scanner.control({ type: "scan", data: "4006381333931" });
    }
    await bench.advance(5000);
    expect(await ended).toMatchObject({ code: "DRIVER_GARBAGE" });
  });

  test("unplugged: DRIVER_PORT_LOST", async () => {
    const { bench, ended } = await start();
    bench.port.unplug();
    await bench.advance(1);
    expect(await ended).toMatchObject({ code: "DRIVER_PORT_LOST" });
  });
});

describe("identification", () => {
  const identify = { send: "\x16M\rREVINF.", expect: "REVINF" };

  test("by a command and a text of its answer", async () => {
    const answer = "Product Name: 3320g\r\nREVINF\x06.";
    const { bench, scanner } = await start(
      { identify },
      { identify: { command: "REVINF.", answer } },
    );
    await bench.advance(100);
    expect(bench.identified).toBe('serial scanner, answered "REVINF"');
    scanner.control({ type: "scan", data: "1" });
    await bench.advance(100);
    expect(bench.readings).toMatchObject([{ data: "1" }]);
  });

  test("another answer: DRIVER_NOT_IDENTIFIED; none: DRIVER_SILENT", async () => {
    const wrong = { command: "REVINF.", answer: "Honeywell 1900 something else" };
    const { bench, ended } = await start({ identify }, { identify: wrong });
    await bench.advance(5000);
    expect(await ended).toMatchObject({ code: "DRIVER_NOT_IDENTIFIED" });
    const silent = await start({ identify });
    await silent.bench.advance(5000);
    expect(await silent.ended).toMatchObject({ code: "DRIVER_SILENT" });
  });
});
