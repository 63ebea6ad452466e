import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, test } from "vitest";
import { edgeConfigSchema } from "../../../edge/config.ts";
import { calibrationLines, measureCells } from "../../../edge/technician/calibrate.ts";
import { calibrate } from "../../../edge/technician/calibrate-run.ts";
import { startDeviceChild } from "../../../simulators/device-child.ts";
import { weight } from "../sense/harness.ts";

const configOf = (cells: object[], path = "/dev/unused") =>
  edgeConfigSchema.parse({
    storeId: "s0042",
    edgeId: "edge-1",
    dataDir: "/tmp",
    broker: { url: "mqtt://127.0.0.1" },
    devices: [
      { id: "shelf-1", kind: "load-cell-board", port: { path }, options: { cellCount: 2 } },
    ],
    shelves: [{ deviceId: "shelf-1", cells }],
  });
const bare = [1, 2].map((cell) => ({ cell, location: `s0042/g1/c${cell}` }));
const samples = (cell: number, grams: number, scatterGrams = 1, count = 50) =>
  Array.from({ length: count }, (_, at) =>
    weight(at * 100, cell, grams + (at % 2 === 0 ? scatterGrams : -scatterGrams)),
  );
const linesFor = (cells: object[], readings: ReturnType<typeof samples>, known?: object) =>
  calibrationLines(
    configOf(cells),
    { deviceId: "shelf-1", known: known as never },
    measureCells(readings, "shelf-1"),
  );

test("empty cells have their tares", () => {
  const { lines, isWhole } = linesFor(bare, [...samples(1, 41.5), ...samples(2, -12.3)]);
  expect(isWhole).toBe(true);
  expect(lines).toEqual([
    "- { cell: 1, location: s0042/g1/c1, tareGrams: 41.5 } # shows 41.5 g, scatter 1.0 g",
    "- { cell: 2, location: s0042/g1/c2, tareGrams: -12.3 } # shows -12.3 g, scatter 1.0 g",
  ]);
});

test("a known weight gives the slope, and the tare with it", () => {
  const cells = [{ ...bare[0], tareGrams: 40 }, bare[1]!];
  const { lines, isWhole } = linesFor(cells, samples(1, 1020), { cell: 1, weightGrams: 1000 });
  expect(isWhole).toBe(true);
  expect(lines).toEqual([
    "- { cell: 1, location: s0042/g1/c1, tareGrams: 40.8, gain: 1.02041 } # shows 1020.0 g, scatter 1.0 g",
  ]);
  // With both written down the cell shows what lies on it.
  expect((1020 * 1.02041 - 40.8).toFixed(0)).toBe("1000");
});

test.each<[string, () => { lines: string[]; isWhole: boolean }]>([
  ["no usable sample", () => linesFor(bare, samples(1, 5))],
  ["only 3 samples", () => linesFor(bare, [...samples(1, 5), ...samples(2, 5, 1, 3)])],
  ["does not stand still", () => linesFor(bare, [...samples(1, 5), ...samples(2, 5, 40)])],
  ["its tare comes first", () => linesFor(bare, samples(2, 1000), { cell: 2, weightGrams: 1000 })],
  [
    "is that weight on it?",
    () => linesFor([{ ...bare[1], tareGrams: 0 }], samples(2, 500), { cell: 2, weightGrams: 1000 }),
  ],
])("%s", (trouble, run) => {
  const { lines, isWhole } = run();
  expect(isWhole).toBe(false);
  expect(lines.at(-1)).toContain(`# cell 2: `);
  expect(lines.at(-1)).toContain(trouble);
});

test("a device that is no shelf, a cell that is not there", () => {
  const measure = (deviceId: string, known?: { cell: number; weightGrams: number }) => () =>
    calibrationLines(configOf(bare), { deviceId, known }, []);
  expect(measure("till-1")).toThrow(/no shelf has device till-1; there are: shelf-1/);
  expect(measure("shelf-1", { cell: 9, weightGrams: 1 })).toThrow(/no cell 9/);
});

test("a simulated board on a pty is measured", async () => {
  const folder = mkdtempSync(join(tmpdir(), "gondola-calibrate-"));
  const ptyPath = join(folder, "tty");
  const run = { kind: "load-cell-board", ptyPath, options: { cellCount: 2 } } as const;
  const board = await startDeviceChild(run, (message) => expect.fail(message));
  board.control({ type: "cells", weightGrams: [40, -15] });
  await new Promise((resolve) => setTimeout(resolve, 500));
  let text = "";
  const config = configOf(bare, ptyPath);
  const isWhole = await calibrate(config, { deviceId: "shelf-1" }, 2_500, (part) => {
    text += part;
  });
  await board.unplug();
  rmSync(folder, { recursive: true });
  expect(isWhole).toBe(true);
  expect(text).toMatch(/cell: 1, .*tareGrams: (39|40|41)\.\d/);
  expect(text).toMatch(/cell: 2, .*tareGrams: -1[456]\.\d/);
}, 60_000);
