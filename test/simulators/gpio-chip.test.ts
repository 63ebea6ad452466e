// A simulated chip as a process on a real pty, read by the driver through the real serial library: the
// records are the same as a real chip's.

import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, test } from "vitest";
import type { InputReading, Reading } from "../../contract/reading.ts";
import { systemClock as clock } from "../../drivers/clock.ts";
import { device } from "../../drivers/gpio-input/driver.ts";
import { openPort, portConfigSchema } from "../../drivers/transport/port.ts";
import { startDeviceChild } from "../../simulators/device-child.ts";
import { GpioChipSimulator } from "../../simulators/gpio-chip.ts";
import { seededRandom } from "../../simulators/random.ts";

test("a beam over a pty", async () => {
  const folder = mkdtempSync(join(tmpdir(), "gondola-gpio-"));
  const path = join(folder, "tty");
  const child = await startDeviceChild({ kind: "gpio-input", ptyPath: path }, () => undefined);
  const transport = await openPort(portConfigSchema.parse({ path }), device.baudRateDefault);
  const stop = new AbortController();
  const readings: Reading[] = [];
  await device.createDriver({ lines: [{ name: "beam", offset: 4 }] }).run({
    deviceId: "device-1",
    transport,
    clock,
    onReading: (reading) => {
      if (readings.push(reading) === 2) stop.abort();
    },
    onIdentified: () => {
      child.control({ type: "line", offset: 4, isHigh: true, bounceCount: 3 });
    },
    count: () => undefined,
    signal: stop.signal,
  });
  const [first, second] = readings as InputReading[];
  expect([first?.active, second?.active]).toEqual([false, true]);
  expect(second!.receivedAtMs - second!.edgeAtMs!).toBeGreaterThanOrEqual(10);
  await transport.close();
  await child.stop();
  rmSync(folder, { recursive: true });
});

test("a message that does not fit is refused; the same seed gives the same edges", () => {
  const chips = [1, 2].map(() => new GpioChipSimulator(seededRandom(9)));
  expect(() => chips[0]!.control({ type: "line", offset: 4 })).toThrow(/isHigh/);
  const played = chips.map((chip) => {
    chip.receive(Buffer.from("watch 4 as_is\n"));
    chip.control({ type: "chatter", offset: 4, edgeCount: 20, intervalMs: 3 });
    const times: number[] = [];
    for (let atMs = 100; chip.nextTickMs() !== Number.POSITIVE_INFINITY; atMs += 1) {
      if (chip.tick(atMs).length > 0) times.push(atMs);
    }
    return times;
  });
  expect(played[0]).toHaveLength(20);
  expect(played[1]).toEqual(played[0]);
});
