import { expect, test } from "vitest";
import { seededRandom } from "../../simulators/random.ts";
import { SerialScannerSimulator } from "../../simulators/serial-scanner.ts";

const textOf = (writes: Uint8Array[]) => Buffer.concat(writes).toString();

test("sends what it is told to scan, as it is set", () => {
  const scanner = new SerialScannerSimulator(seededRandom(1), { prefix: "aim", suffix: "crlf" });
  expect(scanner.nextTickMs()).toBe(Number.POSITIVE_INFINITY);
  scanner.control({ type: "scan", data: "4006381333931", symbology: "]E0" });
  scanner.control({ type: "scan", data: "5" });
  expect(scanner.nextTickMs()).toBeLessThanOrEqual(0);
  expect(textOf(scanner.tick(10))).toBe("]E04006381333931\r\n5\r\n");
  expect(scanner.tick(20)).toEqual([]);
});

test("without a suffix, a pause parts the scans", () => {
  const scanner = new SerialScannerSimulator(seededRandom(1), { suffix: "none", pauseMs: 50 });
  scanner.control({ type: "scan", data: "1" });
  scanner.control({ type: "scan", data: "2" });
  expect(textOf(scanner.tick(10))).toBe("1");
  expect(scanner.nextTickMs()).toBe(110);
  expect(textOf(scanner.tick(110))).toBe("2");
});

test("answers an identifying command, and no other", () => {
  const identify = { command: "REVINF.", answer: "3320g" };
  const scanner = new SerialScannerSimulator(seededRandom(1), { identify });
  expect(scanner.receive(Buffer.from("\x16M\rREV"))).toEqual([]);
  expect(textOf(scanner.receive(Buffer.from("INF.")))).toBe("3320g");
  expect(new SerialScannerSimulator(seededRandom(1)).receive(Buffer.from("REVINF."))).toEqual([]);
});

test("a scan has no checksum to spoil", () => {
  const scanner = new SerialScannerSimulator(seededRandom(1));
  expect(() => scanner.control({ type: "fault", fault: "badChecksum" })).toThrow(/fault/);
});
