import { expect, test } from "vitest";
import type { Reading, TagReading } from "../../../contract/reading.ts";
import type { EpcHex } from "../../../contract/units.ts";
import { WatchTable } from "../../../edge/technician/watch.ts";

const common = { deviceId: "d-1", receivedAtMs: 1 };
const tag = (epc: string, rssiDbm: number): TagReading => ({
  kind: "tag",
  ...common,
  antenna: 2,
  epc: epc as EpcHex,
  rssiDbm,
});

test("rates, tags and the mean of milliwatts, then the count begins anew", () => {
  const table = new WatchTable();
  table.take(tag("3000", -40));
  table.take(tag("3001", -40));
  table.take(tag("3001", -60));
  const [, row] = table.lines(500);
  // (0.0001 + 0.0001 + 0.000001) / 3 mW
  expect(row).toMatch(/^d-1 antenna 2 +6\.0 2 tags +-41\.7 dBm +3001 -60 dBm$/);
  expect(table.lines(500)[1]).toMatch(/^d-1 antenna 2 +0\.0 2 tags +3001 -60 dBm$/);
});

test("every kind of reading has its row and says what came last", () => {
  const readings: Reading[] = [
    { kind: "weight", ...common, cell: 4, weightGrams: 12.5, status: "ok" },
    { kind: "weight", ...common, cell: 5, weightGrams: 0, status: "overload" },
    { kind: "scan", ...common, symbology: "]E0", data: "4006381333931" },
    { kind: "input", ...common, line: "beam", active: true },
    { kind: "device", ...common, state: "offline", reason: "DRIVER_PORT_LOST: gone" },
  ];
  const table = new WatchTable();
  for (const reading of readings) table.take(reading);
  const text = table.lines(1000).join("\n");
  for (const part of [
    /d-1 cell 4 .*12\.5 g$/m,
    /d-1 cell 5 .*overload$/m,
    /d-1 scans .*"\]E04006381333931"$/m,
    /d-1 beam .*active$/m,
    /d-1 state .*offline: DRIVER_PORT_LOST: gone$/m,
  ]) {
    expect(text).toMatch(part);
  }
});

test("rows beyond the limit are counted and not shown", () => {
  const table = new WatchTable();
  for (let index = 0; index < 250; index += 1) {
    table.take({ ...tag("3000", -50), deviceId: `d-${index}` });
  }
  const lines = table.lines(1000);
  expect(lines).toHaveLength(202);
  expect(lines.at(-1)).toBe("50 readings of further rows");
});
