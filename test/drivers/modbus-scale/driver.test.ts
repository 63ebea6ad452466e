import { describe, expect, test } from "vitest";
import { readingSchema } from "../../../contract/reading.ts";
import { device } from "../../../drivers/modbus-scale/driver.ts";
import { modbusScaleOptionsSchema } from "../../../drivers/modbus-scale/options.ts";
import {
  ModbusScaleSimulator,
  type ModbusScaleSimulatorOptions,
} from "../../../simulators/modbus-scale.ts";
import { seededRandom } from "../../../simulators/random.ts";
import { Bench } from "../bench.ts";

async function start(options: object = {}, simulated: ModbusScaleSimulatorOptions = {}) {
  const bench = new Bench();
  const module = bench.plug(
    new ModbusScaleSimulator(seededRandom(11), { noiseGrams: 0, ...simulated }),
  );
  const { ended } = await bench.run(device, { channelCount: 4, ...options });
  await bench.advance(150);
  return { bench, module, ended };
}

const lastOf = (bench: Bench, count = 4) =>
  bench.weights.slice(-count).map(({ cell, weightGrams, status }) => [cell, weightGrams, status]);

describe("a module that works", () => {
  test("is identified by its registers, and every channel is a cell", async () => {
    const { bench, module, ended } = await start();
    module.control({ type: "cells", weightGrams: [1000, -12, 0, 250] });
    await bench.advance(2000);
    expect(bench.identified).toBe("Modbus device at address 1, 4 channels");
    for (const reading of bench.weights) expect(readingSchema.parse(reading)).toEqual(reading);
    expect(bench.weights.length / 4).toBeGreaterThan(15);
    expect(lastOf(bench)).toEqual([
      ...[
        [1, 1000, "ok"],
        [2, -12, "ok"],
      ],
      ...[
        [3, 0, "ok"],
        [4, 250, "ok"],
      ],
    ]);
    // By hand: address 1, function 3, register 0, 8 registers.
    expect(Buffer.from(bench.written[0]!).toString("hex")).toBe("010300000008440c");
    bench.stop();
    expect(await ended).toBe("stopped");
  });

  test("overload, underload, a broken cell: statuses of that cell only", async () => {
    const { bench, module } = await start(
      { map: "flintec-ft13" },
      {
        map: modbusScaleOptionsSchema.parse({ map: "flintec-ft13" }).map,
      },
    );
    const statuses = ["ok", "overload", "underload", "fault"];
    module.control({ type: "cells", weightGrams: [10, 20, 30, 40], statuses });
    await bench.advance(500);
    expect(lastOf(bench)).toEqual([
      ...[
        [1, 10, "ok"],
        [2, 0, "overload"],
      ],
      ...[
        [3, 0, "underload"],
        [4, 0, "fault"],
      ],
    ]);
    expect(bench.states).toEqual([]);
  });

  test("another map, another address, tenths of a gram, one channel at a time", async () => {
    const map = { area: "input", register: 1000, type: "f32", wordOrder: "low_first" } as const;
    const { bench, module } = await start(
      { map, address: 17, gramsPerCount: 1000, registerCountMax: 2 },
      { map, address: 17, gramsPerCount: 1000, registerCountMax: 2 },
    );
    module.control({ type: "cells", weightGrams: [1500, 0, 0, 750] });
    await bench.advance(500);
    expect(lastOf(bench)).toEqual([
      ...[
        [1, 1500, "ok"],
        [2, 0, "ok"],
      ],
      ...[
        [3, 0, "ok"],
        [4, 750, "ok"],
      ],
    ]);
  });

  test("split answers, single bytes and an adapter's echo cost nothing", async () => {
    const bench = new Bench();
    const answer = Buffer.from("010304000004d278ae", "hex");
    bench.plugRaw((question) => {
      for (const byte of Buffer.concat([question, answer])) bench.port.send(Uint8Array.of(byte));
    });
    await bench.run(device, {});
    await bench.advance(1000);
    expect(lastOf(bench, 1)).toEqual([[1, 1234, "ok"]]);
    expect(bench.counters["timeouts"]).toBeUndefined();
  });
});

describe("a module that does not", () => {
  test("one that is busy is asked again; busy for long is a fault, and no end", async () => {
    const { bench, module } = await start();
    module.control({ type: "exception", code: 6, count: 2 });
    await bench.advance(1000);
    expect(bench.counters["busy"]).toBe(2);
    expect(bench.states).toEqual([]);
    module.control({ type: "exception", code: 6, count: 3 });
    await bench.advance(1000);
    expect(bench.states.map(({ state }) => state)).toEqual(["degraded", "online"]);
    expect(bench.states[0]?.reason).toBe("registers 0 to 7: busy");
  });

  test("a device failure: all cells it concerns are faults until it ends", async () => {
    const { bench, module } = await start();
    module.control({ type: "exception", code: 4, count: 1_000_000 });
    await bench.advance(500);
    expect(lastOf(bench).map(([, , status]) => status)).toEqual(Array(4).fill("fault"));
    expect(bench.states.at(-1)?.reason).toBe("registers 0 to 7: device failure");
    module.control({ type: "exception", code: 4, count: 0 });
    await bench.advance(500);
    expect(lastOf(bench).map(([, , status]) => status)).toEqual(Array(4).fill("ok"));
    expect(bench.states.at(-1)?.state).toBe("online");
  });

  test("fewer channels than configured: DRIVER_NOT_IDENTIFIED says which registers", async () => {
    const { bench, ended } = await start({ channelCount: 8 });
    await bench.advance(500);
    expect(bench.identified).toBeUndefined();
    expect(await ended).toMatchObject({
      code: "DRIVER_NOT_IDENTIFIED",
      message: expect.stringContaining("no holding registers 0 to 15 (illegal data address)"),
    });
  });

  test("another address: DRIVER_SILENT", async () => {
    const { bench, ended } = await start({ address: 2 });
    await bench.advance(10_000);
    expect(await ended).toMatchObject({ code: "DRIVER_SILENT" });
    expect(bench.counters["timeouts"]).toBe(3);
  });

  test("a broken CRC costs one question", async () => {
    const { bench, module } = await start();
    module.control({ type: "fault", fault: "badChecksum", count: 1 });
    await bench.advance(3000);
    expect(bench.counters["timeouts"]).toBe(1);
    expect(bench.counters["discarded_bytes"]).toBeGreaterThan(0);
    expect(bench.weights.length).toBeGreaterThan(40);
  });

  test("a late answer is not taken for that of the next question", async () => {
    const options = { registerCountMax: 2, answerTimeoutMs: 200 };
    const { bench, module } = await start(options);
    module.control({ type: "cells", weightGrams: [1, 2, 3, 4] });
    await bench.advance(500);
    module.control({ type: "delay", answerDelayMs: 300 });
    await bench.advance(900);
    module.control({ type: "delay", answerDelayMs: 8 });
    await bench.advance(2000);
    expect(bench.counters["answers_late"]).toBeGreaterThan(0);
    for (const { cell, weightGrams } of bench.weights.slice(8)) expect(weightGrams).toBe(cell);
  });

  test("silence after work: DRIVER_SILENT; garbage: DRIVER_GARBAGE", async () => {
    const silent = await start();
    silent.module.control({ type: "fault", fault: "silence", count: 1_000_000 });
    await silent.bench.advance(10_000);
    expect(await silent.ended).toMatchObject({ code: "DRIVER_SILENT" });
    const noisy = new Bench();
    noisy.plugRaw(() => noisy.port.send(Buffer.alloc(40, 0xf8)));
    const { ended } = await noisy.run(device, {});
    await noisy.advance(10_000);
    expect(await ended).toMatchObject({ code: "DRIVER_GARBAGE" });
  });
});

test("options that cannot be", () => {
  const parse = (options: object) => modbusScaleOptionsSchema.safeParse(options);
  expect(parse({ map: { register: 65_530 }, channelCount: 3 }).success).toBe(true);
  expect(parse({ map: { register: 65_530 }, channelCount: 4 }).success).toBe(false);
  expect(parse({ map: "nonsense" }).success).toBe(false);
  expect(parse({ map: { status: { register: 1, mask: "4002" } } }).success).toBe(false);
});
