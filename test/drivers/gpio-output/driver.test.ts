import { describe, expect, test } from "vitest";
import type { OutputAction } from "../../../contract/actuation.ts";
import { type Actuator, isActuator } from "../../../drivers/driver.ts";
import { device } from "../../../drivers/gpio-output/driver.ts";
import { GpioChipSimulator } from "../../../simulators/gpio-chip.ts";
import { seededRandom } from "../../../simulators/random.ts";
import { Bench } from "../bench.ts";

const outputs = [
  { name: "red", offset: 5 },
  { name: "buzzer", offset: 6, isActiveLow: true, actionMsMax: 2000 },
  { name: "lock", offset: 7, rest: "on" },
];
type Command = { output: string; action: OutputAction };

async function start(options: object = { outputs }) {
  const bench = new Bench();
  const chip = new GpioChipSimulator(seededRandom(3));
  const runner = bench.plug(chip);
  const driver = device.createDriver(options);
  if (!isActuator<Command>(driver)) throw new Error("no actuator");
  const { ended } = await bench.run({ ...device, createDriver: () => driver });
  await bench.advance(10);
  const apply = (output: string, action: OutputAction, signal = new AbortController().signal) =>
    driver.apply({ output, action }, signal).then(
      () => "done",
      (error: unknown) => error,
    );
  const levels = () => outputs.map(({ offset }) => chip.driven(offset));
  return { bench, chip, runner, driver: driver satisfies Actuator<Command>, ended, apply, levels };
}

describe("fail-safe", () => {
  test("every output is at rest before the device counts as there", async () => {
    const { bench, levels } = await start();
    expect(levels()).toEqual([0, 1, 1]);
    expect(bench.identified).toBe(
      "GPIO chip gpio-sim (gpiochip0, 54 lines), outputs red, buzzer, lock",
    );
    const text = Buffer.concat(bench.written).toString();
    expect(text).toBe("chip?\ndrive 5 0\ndrive 6 1\ndrive 7 1\n");
  });

  test("and again when it is stopped", async () => {
    const { bench, apply, levels, ended } = await start();
    expect(await apply("red", { type: "on" })).toBe("done");
    expect(await apply("lock", { type: "off" })).toBe("done");
    expect(levels()).toEqual([1, 1, 0]);
    bench.stop();
    expect(await ended).toBe("stopped");
    expect(levels()).toEqual([0, 1, 1]);
  });

  test("what was commanded is forgotten when the chip is lost", async () => {
    const { bench, apply, ended, driver } = await start();
    await apply("red", { type: "blink", onMs: 100, offMs: 100 });
    bench.port.unplug();
    await bench.advance(10);
    expect(await ended).toMatchObject({ code: "DRIVER_PORT_LOST" });
    expect(await apply("red", { type: "on" })).toMatchObject({ code: "DRIVER_PORT_LOST" });
    // The same driver runs again, as the supervisor does it.
    const chip = new GpioChipSimulator(seededRandom(4));
    bench.plug(chip);
    await bench.run({ ...device, createDriver: () => driver });
    await bench.advance(5000);
    expect(chip.driven(5)).toBe(0);
  });
});

describe("commands", () => {
  test("beeps sound and end", async () => {
    const { bench, apply, levels } = await start();
    expect(await apply("buzzer", { type: "beeps", count: 2, onMs: 100, offMs: 100 })).toBe("done");
    const heard: (0 | 1 | undefined)[] = [];
    for (let step = 0; step < 8; step += 1) {
      heard.push(levels()[1]);
      await bench.advance(50);
    }
    expect(heard).toEqual([0, 0, 1, 1, 0, 0, 1, 1]);
  });

  test("a newer command takes the place of the one before", async () => {
    const { bench, apply, levels } = await start();
    await apply("red", { type: "blink", onMs: 200, offMs: 200 });
    await bench.advance(250);
    expect(levels()[0]).toBe(0);
    await apply("red", { type: "on" });
    await bench.advance(10_000);
    expect(levels()[0]).toBe(1);
    expect(await apply("red", { type: "rest" })).toBe("done");
    expect(levels()[0]).toBe(0);
  });

  test("no action outlasts the output's limit", async () => {
    const { bench, apply, levels } = await start();
    await apply("buzzer", { type: "on" });
    await bench.advance(1990);
    expect(levels()[1]).toBe(0);
    await bench.advance(20);
    expect(levels()[1]).toBe(1);
  });

  test("an output that is not there is refused, with those that are", async () => {
    const { apply } = await start();
    const error = await apply("siren", { type: "on" });
    expect(error).toMatchObject({ code: "DRIVER_COMMAND_REFUSED" });
    expect(String(error)).toContain("red, buzzer, lock");
  });

  test("who does not want to wait is let go", async () => {
    const { runner, apply } = await start();
    runner.control({ type: "fault", fault: "silence", count: 1000 });
    const late = new AbortController();
    const waiting = apply("red", { type: "on" }, late.signal);
    late.abort(new Error("too late"));
    expect(await waiting).toMatchObject({ message: "too late" });
  });

  test("a lost answer is asked for again; a chip that never answers is given up", async () => {
    const { bench, runner, apply, ended } = await start();
    runner.control({ type: "fault", fault: "silence", count: 1 });
    const first = apply("red", { type: "on" });
    await bench.advance(6000);
    expect(await first).toBe("done");
    runner.control({ type: "fault", fault: "silence", count: 1000 });
    const second = apply("red", { type: "off" });
    await bench.advance(20_000);
    expect(await ended).toMatchObject({ code: "DRIVER_SILENT" });
    expect(await second).toMatchObject({ code: "DRIVER_PORT_LOST" });
  });

  test("more than 16 that wait for one output are refused", async () => {
    const { runner, apply } = await start();
    runner.control({ type: "fault", fault: "silence", count: 1000 });
    const all = Array.from({ length: 18 }, () => apply("red", { type: "on" }));
    expect(await all[17]).toMatchObject({ code: "DRIVER_COMMAND_REFUSED" });
  });
});

test.each([
  { outputs: [{ name: "a" }] },
  { outputs: [1, 2].map((offset) => ({ name: "a", offset })) },
  { outputs: [{ name: "a", offset: 1, rest: "blink" }] },
])("options refused: %j", (options) => {
  expect(device.optionsSchema.safeParse(options).success).toBe(false);
});
