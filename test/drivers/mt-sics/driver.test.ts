import { describe, expect, test } from "vitest";
import { GatewayError } from "../../../contract/errors.ts";
import { readingSchema } from "../../../contract/reading.ts";
import { device } from "../../../drivers/mt-sics/driver.ts";
import { MtSicsSimulator } from "../../../simulators/mt-sics.ts";
import { seededRandom } from "../../../simulators/random.ts";
import { Bench } from "../bench.ts";

async function start(options: object = {}) {
  const bench = new Bench();
  const scale = bench.plug(new MtSicsSimulator(seededRandom(3)));
  const { ended } = await bench.run(device, options);
  await bench.advance(100);
  return { bench, scale, ended };
}

const codeOf = (ended: unknown) => (ended instanceof GatewayError ? ended.code : ended);

describe("a scale that works", () => {
  test("is identified by serial number and model, and weighs for ever", async () => {
    const { bench, scale, ended } = await start();
    scale.control({ type: "load", weightGrams: 750 });
    await bench.advance(3000);
    expect(bench.identified).toBe(
      "MT-SICS scale GON30 Standard 30.00 kg, serial number B123456789",
    );
    for (const weight of bench.weights) expect(readingSchema.parse(weight)).toEqual(weight);
    expect(bench.weights.length).toBeGreaterThan(25);
    expect(bench.weights.at(-1)).toMatchObject({ cell: 1, status: "ok" });
    expect(bench.weights.at(-1)?.weightGrams).toBeCloseTo(750, -1);
    bench.stop();
    expect(await ended).toBe("stopped");
    // The scale goes on printing until it is asked something else.
    expect(Buffer.from(bench.written.at(-1)!).toString()).toBe("SI\r\n");
  });

  test("overload and underload are statuses", async () => {
    const { bench, scale } = await start();
    scale.control({ type: "load", weightGrams: 40_000 });
    await bench.advance(500);
    expect(bench.weights.at(-1)).toMatchObject({ weightGrams: 0, status: "overload" });
    scale.control({ type: "load", weightGrams: -2000 });
    await bench.advance(500);
    expect(bench.weights.at(-1)).toMatchObject({ weightGrams: 0, status: "underload" });
  });

  test("another unit is converted or a fault, never a guess", async () => {
    const { bench, scale } = await start();
    scale.control({ type: "load", weightGrams: 2 });
    scale.control({ type: "unit", unit: "kg" });
    await bench.advance(500);
    expect(bench.weights.at(-1)?.weightGrams).toBeGreaterThan(500);
    scale.control({ type: "unit", unit: "PCS" });
    await bench.advance(500);
    expect(bench.weights.at(-1)).toMatchObject({ weightGrams: 0, status: "fault" });
    expect(bench.states.at(-1)).toMatchObject({
      state: "degraded",
      reason: 'weighs in "PCS": set it to g or kg',
    });
    scale.control({ type: "unit", unit: "g" });
    await bench.advance(500);
    expect(bench.states.at(-1)).toMatchObject({ state: "online" });
  });
});

test("a question that was spoilt by what came before it is asked again", async () => {
  const bench = new Bench();
  const scale = bench.plug(new MtSicsSimulator(seededRandom(3)));
  scale.receive(Uint8Array.of(0xbb, 0x00, 0x7e));
  await bench.run(device);
  await bench.advance(100);
  expect(bench.identified).toContain("serial number B123456789");
});

describe("a scale that fails", () => {
  test("one that was reset is asked to repeat again", async () => {
    const { bench, scale } = await start();
    scale.control({ type: "reset" });
    await bench.advance(2500);
    const count = bench.weights.length;
    await bench.advance(1000);
    expect(bench.weights.length).toBeGreaterThan(count + 5);
  });

  test("broken lines are counted and cost nothing else", async () => {
    const { bench, scale } = await start();
    scale.control({ type: "fault", fault: "garbage", count: 5 });
    await bench.advance(2000);
    expect(bench.counters["discarded_bytes"]).toBeGreaterThan(0);
    expect(bench.weights.length).toBeGreaterThan(10);
  });

  test("silence ends it", async () => {
    const { bench, scale, ended } = await start();
    scale.control({ type: "fault", fault: "silence", count: 1_000_000 });
    await bench.advance(10_000);
    expect(codeOf(await ended)).toBe("DRIVER_SILENT");
  });

  test("a device that does not know the question is not identified", async () => {
    const bench = new Bench();
    bench.plugRaw(() => bench.port.send(Buffer.from("ES\r\n")));
    const { ended } = await bench.run(device);
    await bench.advance(1000);
    expect(codeOf(await ended)).toBe("DRIVER_NOT_IDENTIFIED");
  });

  test("garbage is said to be a wrong speed", async () => {
    const bench = new Bench();
    bench.plugRaw(() => {
      bench.port.send(Uint8Array.from({ length: 900 }, (_, index) => 128 | (index * 37)));
    });
    const { ended } = await bench.run(device);
    await bench.advance(10_000);
    expect(codeOf(await ended)).toBe("DRIVER_GARBAGE");
  });
});
