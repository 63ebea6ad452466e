// Simulated devices as processes on real pseudo-terminals and TCP, asked by the real drivers.

import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { systemClock } from "../../../drivers/clock.ts";
import { openPort } from "../../../drivers/transport/port.ts";
import { type Attempt, configLines, portOf, probePort } from "../../../edge/technician/probe.ts";
import { type DeviceChild, startDeviceChild } from "../../../simulators/device-child.ts";

let folder = "";
const children: DeviceChild[] = [];
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "gondola-probe-"));
});
afterEach(async () => {
  for (const child of children.splice(0)) await child.unplug();
  rmSync(folder, { recursive: true });
});

async function probe(port: string, kind?: string) {
  const attempts: Attempt[] = [];
  const found = await probePort({
    port,
    kind,
    clock: systemClock,
    signal: new AbortController().signal,
    onAttempt: (attempt) => attempts.push(attempt),
  });
  return { found, attempts };
}

describe("probe", () => {
  test.each([
    ["r2000", 115_200],
    ["m100", 115_200],
    ["modbus-scale", 9600],
    ["mt-sics", 9600],
    ["load-cell-board", 115_200],
  ] as const)(
    "finds a %s at %i baud",
    async (kind, baudRate) => {
      const ptyPath = join(folder, "tty");
      children.push(await startDeviceChild({ kind, ptyPath }, (message) => expect.fail(message)));
      const { found, attempts } = await probe(ptyPath);
      expect(found).toMatchObject({ kind, baudRate, description: expect.any(String) });
      expect(attempts.at(-1)).toBe(found);
      for (const { code } of attempts.slice(0, -1)) expect(code).toMatch(/^DRIVER_/);
      expect(configLines(ptyPath, found!)).toContain(
        `{ id: ${kind}-1, kind: ${kind}, port: { path: ${ptyPath}, baudRate: ${baudRate} } }`,
      );
    },
    30_000,
  );

  test("of another kind than the one asked for: nothing found, and why", async () => {
    const ptyPath = join(folder, "tty");
    const kind = "load-cell-board";
    children.push(await startDeviceChild({ kind, ptyPath }, (message) => expect.fail(message)));
    const { found, attempts } = await probe(ptyPath, "m100");
    expect(found).toBeUndefined();
    expect(attempts).toMatchObject([{ kind: "m100", code: expect.stringMatching(/^DRIVER_/) }]);
  }, 60_000);

  test("of a kind with more than one usual setting: each is tried, the usual one first", async () => {
    const ptyPath = join(folder, "tty");
    const silent = { kind: "serial-scanner", ptyPath } as const;
    children.push(await startDeviceChild(silent, (message) => expect.fail(message)));
    const { attempts } = await probe(ptyPath, "modbus-scale");
    expect(attempts.map(({ baudRate, parity }) => [baudRate, parity])).toEqual([
      [9600, undefined],
      [9600, "even"],
      [19_200, "even"],
    ]);
    // A pseudo-terminal knows no parity; that a real line is set so is shown in the guest.
    const given = await probe(ptyPath, "toledo");
    expect(given.attempts.map(({ dataBits, parity }) => [dataBits, parity])).toEqual([
      [undefined, undefined],
      [7, "even"],
    ]);
  }, 60_000);

  test("of the kind asked for: nothing else is tried", async () => {
    const ptyPath = join(folder, "tty");
    const kind = "toledo";
    children.push(await startDeviceChild({ kind, ptyPath }, (message) => expect.fail(message)));
    const { found, attempts } = await probe(ptyPath, kind);
    expect(found).toMatchObject({ kind, baudRate: 9600, description: "Toledo 8217 scale" });
    expect(attempts).toHaveLength(1);
  }, 60_000);

  test("a reader on the network is found by its greeting, and a second client hears that it is taken", async () => {
    const run = { kind: "llrp", tcpPort: 0 } as const;
    const child = await startDeviceChild(run, (message) => expect.fail(message));
    children.push(child);
    const { found, attempts } = await probe(child.address);
    expect(found).toMatchObject({ kind: "llrp", description: expect.stringContaining("Impinj") });
    expect(attempts).toHaveLength(1);
    expect(configLines(child.address, found!)).toContain("kind: llrp, port: { host: 127.0.0.1,");
    const first = await openPort(portOf(child.address), 0);
    try {
      const other = await probe(child.address, "llrp");
      expect(other.attempts).toMatchObject([{ kind: "llrp", code: "DRIVER_TAKEN" }]);
    } finally {
      await first.close();
    }
  }, 60_000);

  test("a port that cannot be opened ends it at once", async () => {
    await expect(probe(join(folder, "nothing"))).rejects.toMatchObject({
      code: "DRIVER_PORT_MISSING",
    });
    await expect(probe("not a port")).rejects.toMatchObject({ code: "CONFIG_INVALID" });
  });
});

test("a path, or host and port", () => {
  const path = "/dev/ttyUSB0";
  const settings = { baudRate: 9600, dataBits: 7, parity: "even" } as const;
  expect(portOf(path, settings)).toMatchObject({ path, ...settings });
  expect(configLines(path, { kind: "toledo", ...settings })).toContain(
    "port: { path: /dev/ttyUSB0, baudRate: 9600, dataBits: 7, parity: even }",
  );
  expect(portOf("reader.local:4001")).toEqual({ host: "reader.local", port: 4001 });
  expect(configLines("reader.local:4001", { kind: "r2000" })).toContain(
    "port: { host: reader.local, port: 4001 }",
  );
});
