// A technician switches a lamp: the real program's way, at a simulated chip behind TCP.

import { afterEach, beforeEach, expect, test } from "vitest";
import { outputActionSchema } from "../../../contract/actuation.ts";
import { systemClock as clock } from "../../../drivers/clock.ts";
import { type EdgeConfig, edgeConfigSchema } from "../../../edge/config.ts";
import { actuateOnce, commandOf } from "../../../edge/technician/actuate.ts";
import { DeviceRunner } from "../../../simulators/device.ts";
import { GpioChipSimulator } from "../../../simulators/gpio-chip.ts";
import { seededRandom } from "../../../simulators/random.ts";
import { openTcpListener } from "../../../simulators/tcp-listener.ts";

let chip: GpioChipSimulator;
let port = 0;
let close: () => Promise<void>;
beforeEach(async () => {
  chip = new GpioChipSimulator(seededRandom(1));
  const link = await openTcpListener(0, (bytes) => runner.receive(bytes));
  const runner = new DeviceRunner(chip, clock, (bytes) => link.write(bytes));
  port = Number(link.address.split(":")[1]);
  close = () => link.close();
});
afterEach(() => close());

function config(): EdgeConfig {
  return edgeConfigSchema.parse({
    storeId: "s0042",
    edgeId: "edge-1",
    dataDir: "unused",
    broker: { url: "mqtt://127.0.0.1:9" },
    devices: [
      {
        id: "lights-1",
        kind: "gpio-output",
        port: { host: "127.0.0.1", port },
        options: { outputs: [{ name: "red", offset: 5 }] },
      },
    ],
  });
}

const log = { info: () => undefined, warn: () => undefined, error: () => undefined };
const actuate = (deviceId: string, output: string, action: string, signal: AbortSignal) => {
  const said: string[] = [];
  const command = commandOf(output, action);
  const print = (text: string) => said.push(text);
  const done = actuateOnce(config(), { deviceId, command, clock, log, print, signal });
  return done.then(
    () => said,
    (error: unknown) => error,
  );
};
const never = () => new AbortController().signal;

test("a lamp is lit until Ctrl-C, then at rest", async () => {
  const stop = new AbortController();
  const done = actuate("lights-1", "red", "on", stop.signal);
  await expect.poll(() => chip.driven(5)).toBe(1);
  stop.abort();
  expect(await done).toEqual(["red: on; Ctrl-C ends it"]);
  await expect.poll(() => chip.driven(5)).toBe(0);
});

test("what ends by itself is waited for", async () => {
  expect(await actuate("lights-1", "red", '{"type":"on","durationMs":100}', never())).toEqual([
    "red: on",
  ]);
  await expect.poll(() => chip.driven(5)).toBe(0);
});

test.each([
  ["lights-2", "red", "CONFIG_INVALID", /there are: lights-1/],
  ["lights-1", "green", "DRIVER_COMMAND_REFUSED", /there are: red/],
])("%s %s is refused", async (deviceId, output, code, message) => {
  const error = await actuate(deviceId, output, "on", never());
  expect(error).toMatchObject({ code });
  expect(String(error)).toMatch(message);
});

test("a device that is not there says why", async () => {
  await close();
  close = async () => undefined;
  const error = await actuate("lights-1", "red", "on", never());
  expect(error).toMatchObject({ code: "DRIVER_PORT_FAILED" });
  expect(String(error)).toContain("DRIVER_PORT_MISSING");
});

test("an action in words or as JSON, and nothing else", () => {
  expect(commandOf("red", "blink").action).toEqual(outputActionSchema.parse({ type: "blink" }));
  expect(commandOf("red", '{"type":"beeps","count":3}').action).toMatchObject({ count: 3 });
  for (const action of ["dance", "{", '{"type":"beeps"}', '{"type":"on","durationMs":1}']) {
    expect(() => commandOf("red", action)).toThrow(/action/);
  }
});
