import { describe, expect, test } from "vitest";
import { readingSchema } from "../../../contract/reading.ts";
import { device } from "../../../drivers/toledo/driver.ts";
import { seededRandom } from "../../../simulators/random.ts";
import { ToledoSimulator, type ToledoSimulatorOptions } from "../../../simulators/toledo.ts";
import { Bench } from "../bench.ts";

async function start(options: object = {}, simulated: ToledoSimulatorOptions = {}) {
  const bench = new Bench();
  const scale = bench.plug(new ToledoSimulator(seededRandom(7), simulated));
  const { ended } = await bench.run(device, options);
  await bench.advance(300);
  return { bench, scale, ended };
}

const kilograms = { unit: "kg" };
const continuous = { protocol: "continuous" } as const;

describe.each([
  ["8217", kilograms, {}, "Toledo 8217 scale"],
  ["continuous", continuous, continuous, "Toledo scale, continuous output in kg"],
] as const)("%s", (_, options, simulated, description) => {
  test("is identified and weighs in grams", async () => {
    const { bench, scale, ended } = await start(options, simulated);
    expect(bench.identified).toBe(description);
    scale.control({ type: "load", weightGrams: 1234 });
    await bench.advance(3000);
    for (const reading of bench.weights) expect(readingSchema.parse(reading)).toEqual(reading);
    expect(bench.weights.length).toBeGreaterThan(10);
    expect(bench.weights.at(-1)).toMatchObject({ cell: 1, status: "ok" });
    expect(Math.abs(bench.weights.at(-1)!.weightGrams - 1234)).toBeLessThanOrEqual(2);
    bench.stop();
    expect(await ended).toBe("stopped");
  });

  test("over capacity is overload, and the scale comes back", async () => {
    const { bench, scale } = await start(options, { ...simulated, settleMs: 0 });
    scale.control({ type: "load", weightGrams: 16_000 });
    await bench.advance(500);
    expect(bench.weights.at(-1)).toMatchObject({ weightGrams: 0, status: "overload" });
    scale.control({ type: "load", weightGrams: 500 });
    await bench.advance(500);
    expect(bench.weights.at(-1)?.status).toBe("ok");
    expect(bench.states).toEqual([]);
  });

  test("no zero since it was switched on: fault with a remedy, until it has one", async () => {
    const { bench, scale } = await start(options, { ...simulated, settleMs: 0 });
    scale.control({ type: "load", weightGrams: 800 });
    scale.control({ type: "zero", isZeroed: false });
    await bench.advance(500);
    expect(bench.weights.at(-1)).toMatchObject({ weightGrams: 0, status: "fault" });
    expect(bench.states.at(-1)).toMatchObject({
      state: "degraded",
      reason: expect.stringContaining("press zero"),
    });
    scale.control({ type: "zero", isZeroed: true });
    await bench.advance(500);
    expect(bench.states.map(({ state }) => state)).toEqual(["degraded", "online"]);
  });

  test("silence: DRIVER_SILENT; garbage: DRIVER_GARBAGE", async () => {
    const silent = await start(options, simulated);
    silent.scale.control({ type: "fault", fault: "silence", count: 1_000_000 });
    await silent.bench.advance(10_000);
    expect(await silent.ended).toMatchObject({ code: "DRIVER_SILENT" });
    const bench = new Bench();
    bench.plugRaw();
    const { ended } = await bench.run(device, options);
    // 7E1 read as 8N1: every second character has its parity in bit 7.
    bench.port.send(Uint8Array.from({ length: 1100 }, (__, index) => 0x80 | (0x30 + (index % 10))));
    await bench.advance(5000);
    expect(await ended).toMatchObject({ code: "DRIVER_GARBAGE" });
  });

  test("split frames and noise between them cost nothing", async () => {
    const { bench, scale } = await start(options, simulated);
    scale.control({ type: "fault", fault: "split", count: 10 });
    await bench.advance(2000);
    expect(bench.counters["discarded_bytes"]).toBeUndefined();
    bench.port.send(Buffer.from("\x00\x7f\x02"));
    await bench.advance(2000);
    expect(bench.counters["discarded_bytes"]).toBe(3);
    expect(bench.weights.length).toBeGreaterThan(18);
  });
});

describe("8217", () => {
  test("in motion it gives no weight and no reading; under zero is underload", async () => {
    const { bench, scale } = await start(kilograms);
    const before = bench.weights.length;
    scale.control({ type: "load", weightGrams: 50 });
    await bench.advance(500);
    expect(bench.counters["samples_in_motion"]).toBeGreaterThan(0);
    expect(bench.weights).toHaveLength(before);
    await bench.advance(1000);
    expect(bench.weights.at(-1)?.weightGrams).toBeCloseTo(50, -1);
    scale.control({ type: "load", weightGrams: -50 });
    await bench.advance(1500);
    expect(bench.weights.at(-1)).toMatchObject({ weightGrams: 0, status: "underload" });
  });

  test("without a configured unit every weight is a fault, and the remedy is said", async () => {
    const { bench } = await start();
    expect(bench.identified).toBe("Toledo 8217 scale");
    expect(bench.weights.map(({ status }) => status)).toContain("fault");
    expect(bench.weights.every(({ weightGrams }) => weightGrams === 0)).toBe(true);
    expect(bench.states).toHaveLength(1);
    expect(bench.states[0]?.reason).toContain("set unit");
  });

  test("pounds are converted exactly", async () => {
    const bench = new Bench();
    bench.plugRaw(() => bench.port.send(Buffer.from("\x02002.00\r")));
    await bench.run(device, { unit: "lb" });
    await bench.advance(100);
    expect(bench.weights[0]).toMatchObject({ weightGrams: 907.18474, status: "ok" });
  });

  test("slow answers are waited for, too slow ones asked for again", async () => {
    const { bench, scale, ended } = await start({ unit: "kg", answerTimeoutMs: 500 });
    scale.control({ type: "delay", answerDelayMs: 400 });
    await bench.advance(3000);
    expect(bench.counters["timeouts"]).toBeUndefined();
    scale.control({ type: "delay", answerDelayMs: 700 });
    await bench.advance(3000);
    expect(bench.counters["timeouts"]).toBeGreaterThan(0);
    const count = bench.weights.length;
    scale.control({ type: "delay", answerDelayMs: 10 });
    await bench.advance(2000);
    expect(bench.weights.length).toBeGreaterThan(count + 5);
    bench.stop();
    expect(await ended).toBe("stopped");
  });

  test("a scale that was left in echo mode is noise between answers", async () => {
    const bench = new Bench();
    bench.plugRaw((bytes) => {
      bench.port.send(Buffer.concat([bytes, Buffer.from("\x0201.000\r")]));
    });
    await bench.run(device, kilograms);
    await bench.advance(1000);
    expect(bench.weights.length).toBeGreaterThan(3);
    expect(bench.weights.at(-1)).toMatchObject({ weightGrams: 1000, status: "ok" });
  });
});

describe("continuous", () => {
  test("weights in motion are samples too", async () => {
    const { bench, scale } = await start(continuous, { ...continuous, settleMs: 2000 });
    scale.control({ type: "load", weightGrams: 300 });
    await bench.advance(1000);
    expect(bench.weights.at(-1)).toMatchObject({ status: "ok" });
    expect(bench.weights.at(-1)?.weightGrams).toBeCloseTo(300, -1);
  });

  test("another unit is converted where none is configured, else a fault", async () => {
    const free = await start(continuous, continuous);
    free.scale.control({ type: "load", weightGrams: 1000 });
    free.scale.control({ type: "unit", unit: "lb" });
    await free.bench.advance(500);
    expect(free.bench.weights.at(-1)?.weightGrams).toBeCloseTo(1000, -1);
    const bound = await start({ ...continuous, ...kilograms }, continuous);
    bound.scale.control({ type: "unit", unit: "lb" });
    await bound.bench.advance(500);
    expect(bound.bench.weights.at(-1)).toMatchObject({ weightGrams: 0, status: "fault" });
    expect(bound.bench.states.at(-1)?.reason).toBe('weighs in "lb", configured is kg');
    bound.scale.control({ type: "unit", unit: "kg" });
    await bound.bench.advance(500);
    expect(bound.bench.states.at(-1)?.state).toBe("online");
  });

  test.each([
    ["\x02\x2d\x30\x25  1000     0\r", 'weighs in "code 5": set it to g or kg'],
    ["\x02\x2a\x30\x22   500     0\r", "says 500 t, more than any shelf bears"],
  ])("%j is a fault", async (frame, reason) => {
    const bench = new Bench();
    bench.plugRaw();
    await bench.run(device, { ...continuous, checksum: "none" });
    bench.port.send(Buffer.from(frame, "latin1"));
    await bench.advance(100);
    expect(bench.weights[0]).toMatchObject({ weightGrams: 0, status: "fault" });
    expect(bench.states[0]).toMatchObject({ state: "degraded", reason });
  });

  test("broken checksums are counted and cost their frame only", async () => {
    const { bench, scale } = await start(continuous, continuous);
    scale.control({ type: "fault", fault: "badChecksum", count: 3 });
    await bench.advance(2000);
    expect(bench.counters["discarded_bytes"]).toBeGreaterThanOrEqual(3 * 17);
    expect(bench.weights.length).toBeGreaterThan(10);
  });
});
