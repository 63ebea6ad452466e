import { describe, expect, test } from "vitest";
import { readingSchema } from "../../../contract/reading.ts";
import { device } from "../../../drivers/load-cell-board/driver.ts";
import {
  LoadCellBoardSimulator,
  type LoadCellBoardSimulatorOptions,
} from "../../../simulators/load-cell-board.ts";
import { seededRandom } from "../../../simulators/random.ts";
import { Bench } from "../bench.ts";

async function start(options: object = {}, simulated: LoadCellBoardSimulatorOptions = {}) {
  const bench = new Bench();
  const parts = { cellCount: 3, ...simulated };
  const board = bench.plug(new LoadCellBoardSimulator(seededRandom(5), parts));
  const { ended } = await bench.run(device, options);
  return { bench, board, ended };
}

describe("a board that works", () => {
  test("is identified and gives every cell's weight in every sample", async () => {
    const { bench, board, ended } = await start({ checksum: "required", cellCount: 3 });
    board.control({ type: "cells", weightGrams: [1000, 250, 0] });
    await bench.advance(10_000);
    expect(bench.identified).toBe("load-cell board, 3 cells at 10 samples a second");
    expect(bench.weights.length / 3).toBeCloseTo(100, -1);
    for (const reading of bench.weights) expect(readingSchema.parse(reading)).toEqual(reading);
    const late = bench.weights.slice(-3).map(({ cell, weightGrams }) => [cell, weightGrams]);
    expect(late.map(([cell]) => cell)).toEqual([1, 2, 3]);
    for (const [index, grams] of [1000, 250, 0].entries()) {
      expect(Math.abs(late[index]![1]! - grams)).toBeLessThan(5);
    }
    bench.stop();
    expect(await ended).toBe("stopped");
  });

  test("says which cell is overloaded or broken", async () => {
    const { bench, board } = await start();
    const statuses = ["ok", "overload", "fault"];
    board.control({ type: "cells", weightGrams: [10, 20, 30], statuses });
    await bench.advance(500);
    expect(bench.weights.slice(-3).map(({ status }) => status)).toEqual(statuses);
    expect(bench.weights.at(-1)?.weightGrams).toBe(0);
  });

  test("lost samples are counted", async () => {
    const { bench, board } = await start();
    await bench.advance(1000);
    board.control({ type: "fault", fault: "badChecksum", count: 4 });
    await bench.advance(2000);
    expect(bench.counters["samples_lost"]).toBe(4);
    expect(bench.counters["discarded_bytes"]).toBeGreaterThan(0);
  });
});

describe("a board that does not", () => {
  test("the wrong number of cells: DRIVER_NOT_IDENTIFIED", async () => {
    const { bench, ended } = await start({ cellCount: 8 });
    await bench.advance(200);
    expect(await ended).toMatchObject({
      code: "DRIVER_NOT_IDENTIFIED",
      message: "not the board that was configured: it has 3 cells, configured are 8",
    });
  });

  test("samples without an identity: DRIVER_NOT_IDENTIFIED", async () => {
    const bench = new Bench();
    bench.plugRaw(() => bench.port.send(Buffer.from("#1 5\n")));
    const { ended } = await bench.run(device);
    await bench.advance(5000);
    expect(await ended).toMatchObject({ code: "DRIVER_NOT_IDENTIFIED" });
  });

  test("one that needs its time after the port opened is waited for", async () => {
    const bench = new Bench();
    bench.plugRaw(() => {
      if (bench.time.nowMs > 2000) bench.port.send(Buffer.from("GONDOLA-LC 1 cells=1 hz=10\n"));
      else bench.port.send(Buffer.from("\0\0boot\n"));
    });
    await bench.run(device);
    await bench.advance(4000);
    expect(bench.identified).toContain("1 cells");
  });

  test("one that stops printing: asked again, then DRIVER_SILENT", async () => {
    const { bench, board, ended } = await start();
    await bench.advance(1000);
    board.control({ type: "fault", fault: "silence", count: 25 });
    await bench.advance(3500);
    expect(bench.counters["samples"]).toBeGreaterThan(10);
    board.control({ type: "fault", fault: "silence", count: 1_000_000 });
    await bench.advance(10_000);
    expect(await ended).toMatchObject({ code: "DRIVER_SILENT" });
  });

  test("a wrong speed: DRIVER_GARBAGE", async () => {
    const { bench, board, ended } = await start();
    board.control({ type: "fault", fault: "garbage", count: 1_000_000 });
    await bench.advance(10_000);
    const error = await ended;
    expect(error).toMatchObject({ code: "DRIVER_GARBAGE" });
    expect(String(error)).toContain("wrong speed?");
  });
});
