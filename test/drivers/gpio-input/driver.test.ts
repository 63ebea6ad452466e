import { describe, expect, test } from "vitest";
import { type InputReading, readingSchema } from "../../../contract/reading.ts";
import { device } from "../../../drivers/gpio-input/driver.ts";
import { GpioChipSimulator, type GpioChipSimulatorOptions } from "../../../simulators/gpio-chip.ts";
import { seededRandom } from "../../../simulators/random.ts";
import { Bench, startAtMs } from "../bench.ts";

const lines = [
  { name: "beam-outer", offset: 17, isActiveLow: true },
  { name: "door", offset: 27, debounceMs: 50, stuckAfterMs: 60_000 },
];

async function start(options: object = { lines }, simulated: GpioChipSimulatorOptions = {}) {
  const bench = new Bench();
  const chip = bench.plug(
    new GpioChipSimulator(seededRandom(3), { highOffsets: [17], ...simulated }),
  );
  const { ended } = await bench.run(device, options);
  await bench.advance(10);
  return { bench, chip, ended };
}

const inputs = (bench: Bench) =>
  bench.readings.filter((reading): reading is InputReading => reading.kind === "input");

describe("lines that work", () => {
  test("are identified and give the level that was found", async () => {
    const { bench, ended } = await start();
    expect(bench.identified).toBe(
      "GPIO chip gpio-sim (gpiochip0, 54 lines), inputs beam-outer, door",
    );
    expect(inputs(bench)).toMatchObject([
      { line: "beam-outer", active: false },
      { line: "door", active: false },
    ]);
    expect(inputs(bench).every((reading) => !("edgeAtMs" in reading))).toBe(true);
    bench.stop();
    expect(await ended).toBe("stopped");
  });

  test("a beam that is broken: the time of the first edge, told after it stood still", async () => {
    const { bench, chip } = await start();
    await bench.advance(1000);
    chip.control({ type: "line", offset: 17, isHigh: false, bounceCount: 2 });
    await bench.advance(1000);
    const [broken, ...others] = inputs(bench).slice(2);
    expect(others).toEqual([]);
    expect(broken).toMatchObject({ line: "beam-outer", active: true, deviceId: "device-1" });
    expect(readingSchema.parse(broken)).toEqual(broken);
    const { edgeAtMs = 0, receivedAtMs } = broken!;
    // Four edges of a bounce, then the debounce time.
    expect(receivedAtMs - edgeAtMs).toBeGreaterThanOrEqual(14);
    expect(receivedAtMs - edgeAtMs).toBeLessThan(20);
    expect(edgeAtMs).toBe(startAtMs + 1010);
    expect(bench.counters["edges"]).toBe(5);
  });

  test("a line that is named, not numbered", async () => {
    const named = { lines: [{ name: "door", lineName: "GPIO2" }] };
    const { bench, chip } = await start(named, { lineNames: ["GPIO0", "GPIO1", "GPIO2"] });
    chip.control({ type: "line", offset: 2, isHigh: true });
    await bench.advance(100);
    expect(inputs(bench).map(({ active }) => active)).toEqual([false, true]);
  });

  test("a pulled plug is the end, with what was read before", async () => {
    const { bench, chip, ended } = await start();
    chip.control({ type: "line", offset: 27, isHigh: true });
    await bench.advance(200);
    bench.port.unplug();
    await bench.advance(10);
    expect(await ended).toMatchObject({ code: "DRIVER_PORT_LOST" });
    expect(inputs(bench).at(-1)).toMatchObject({ line: "door", active: true });
  });
});

describe("lines that do not", () => {
  test("a beam that chatters is said once and not believed until it is calm", async () => {
    const { bench, chip } = await start({ lines: [{ name: "beam", offset: 5, debounceMs: 0 }] });
    chip.control({ type: "chatter", offset: 5, edgeCount: 1000, intervalMs: 2 });
    await bench.advance(1000);
    expect(bench.states).toMatchObject([{ state: "degraded" }]);
    expect(bench.states[0]?.reason).toContain("beam chatters");
    expect(inputs(bench).length).toBeLessThan(110);
    await bench.advance(10_000);
    expect(bench.states.map(({ state }) => state)).toEqual(["degraded", "online"]);
    expect(bench.counters).toMatchObject({ lines_chattering: 1, edges: 1000 });
    expect(inputs(bench).at(-1)?.active).toBe(false);
  });

  test("a door that stays open is stuck until it moves", async () => {
    const { bench, chip } = await start();
    chip.control({ type: "line", offset: 27, isHigh: true });
    await bench.advance(59_000);
    expect(bench.states).toEqual([]);
    await bench.advance(600_000);
    expect(bench.states).toMatchObject([{ state: "degraded" }]);
    expect(bench.states[0]?.reason).toBe(
      "door has been active for 1 min: blocked, dirty or broken",
    );
    chip.control({ type: "stuck", offset: 27, isStuck: true });
    chip.control({ type: "line", offset: 27, isHigh: false });
    await bench.advance(1000);
    expect(bench.states).toHaveLength(1);
    chip.control({ type: "stuck", offset: 27, isStuck: false });
    chip.control({ type: "line", offset: 27, isHigh: false });
    await bench.advance(1000);
    expect(bench.states.map(({ state }) => state)).toEqual(["degraded", "online"]);
  });

  test("a chip that answers nothing: DRIVER_SILENT after three questions", async () => {
    const { bench, chip, ended } = await start();
    chip.control({ type: "fault", fault: "silence", count: 1000 });
    await bench.advance(60_000);
    expect(await ended).toMatchObject({ code: "DRIVER_SILENT" });
    expect(bench.counters["timeouts"]).toBe(3);
  });

  test("a line that the chip has not: DRIVER_SILENT names the question", async () => {
    const { bench, ended } = await start({ lines: [{ name: "far", offset: 99 }] });
    await bench.advance(20_000);
    expect(await ended).toMatchObject({ code: "DRIVER_SILENT", message: "watch was not answered" });
  });

  test("garbage is counted, and too much of it ends the driver", async () => {
    const bench = new Bench();
    bench.plugRaw(() => void bench.port.send(Buffer.from("chip? what is that\n".repeat(80))));
    const { ended } = await bench.run(device, {});
    await bench.advance(1000);
    expect(await ended).toMatchObject({ code: "DRIVER_GARBAGE" });
  });
});

test.each([
  { lines: [{ name: "a" }] },
  { lines: [{ name: "a", offset: 1, lineName: "GPIO1" }] },
  { lines: [{ name: "A beam", offset: 1 }] },
  { lines: [{ name: "a", offset: 1024 }] },
  { lines: [1, 2].map((offset) => ({ name: "a", offset })) },
  { lines: ["a", "b"].map((name) => ({ name, offset: 1 })) },
  { lines: [{ name: "a", offset: 1, bias: "up" }] },
])("options refused: %j", (options) => {
  expect(device.optionsSchema.safeParse(options).success).toBe(false);
});
