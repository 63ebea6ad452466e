// The real serial library, a real pty, and the scanner at its other end.

import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, test } from "vitest";
import type { Reading } from "../../contract/reading.ts";
import { systemClock } from "../../drivers/clock.ts";
import { device } from "../../drivers/ssi-scanner/driver.ts";
import { openPort, portConfigSchema } from "../../drivers/transport/port.ts";
import { startDeviceChild } from "../../simulators/device-child.ts";

test("scans over a pty", async () => {
  const folder = mkdtempSync(join(tmpdir(), "gondola-ssi-"));
  const path = join(folder, "tty");
  const child = await startDeviceChild({ kind: "ssi-scanner", ptyPath: path }, () => undefined);
  const transport = await openPort(portConfigSchema.parse({ path }), device.baudRateDefault);
  const stop = new AbortController();
  const readings: Reading[] = [];
  const running = device.createDriver({}).run({
    deviceId: "device-1",
    transport,
    clock: systemClock,
    onReading: (reading) => {
      if (readings.push(reading) === 2) stop.abort();
    },
    onIdentified: () => {
      child.control({ type: "scan", data: "4006381333931", symbology: "]E0" });
      child.control({ type: "scan", data: "0109506000134352", symbology: "]d2" });
    },
    count: () => undefined,
    signal: stop.signal,
  });
  await running;
  expect(readings).toMatchObject([
    { symbology: "]E0", data: "4006381333931" },
    { symbology: "]d2", data: "0109506000134352" },
  ]);
  await transport.close();
  await child.stop();
  rmSync(folder, { recursive: true });
});
