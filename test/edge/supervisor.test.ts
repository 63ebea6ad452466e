import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, describe, expect, test } from "vitest";
import { antennaCountMax, deviceHealthSchema } from "../../contract/delivery.ts";
import { GatewayError } from "../../contract/errors.ts";
import type { DeviceReading, Reading } from "../../contract/reading.ts";
import { systemClock } from "../../drivers/clock.ts";
import type { DriverContext } from "../../drivers/driver.ts";
import { device as board } from "../../drivers/load-cell-board/driver.ts";
import { device as reader } from "../../drivers/r2000/driver.ts";
import { MemoryPort } from "../../drivers/transport/memory.ts";
import { portConfigSchema } from "../../drivers/transport/port.ts";
import { prepareDevice, type SupervisedDevice, Supervisor } from "../../edge/supervisor.ts";
import { DeviceRunner, type SimulatedDevice } from "../../simulators/device.ts";
import { startDeviceChild } from "../../simulators/device-child.ts";
import { LoadCellBoardSimulator } from "../../simulators/load-cell-board.ts";
import { R2000Simulator } from "../../simulators/r2000.ts";
import { seededRandom } from "../../simulators/random.ts";
import { settle } from "../drivers/bench.ts";
import { MachineClock, VirtualTime } from "../simulation/virtual-clock.ts";

const time = () => new VirtualTime();
type Run = (context: DriverContext) => Promise<void>;

/** A supervisor in virtual time, and what it said. */
function supervise(devices: SupervisedDevice[], line = time(), random = () => 1) {
  const readings: Reading[] = [];
  const counters: Record<string, number> = {};
  const events: string[] = [];
  const note = (_: object, event: string) => void events.push(event);
  const supervisor = new Supervisor({
    devices,
    clock: new MachineClock(line, 1_763_888_000_000),
    random,
    onReading: (reading) => readings.push(reading),
    count: (name, by = 1) => {
      counters[name] = (counters[name] ?? 0) + by;
    },
    log: { info: note, warn: note, error: note },
  });
  const states = () => readings.filter((each): each is DeviceReading => each.kind === "device");
  return { supervisor, readings, states, counters, events, line };
}

/** A device with a port in memory. */
function onMemory(deviceId: string, driver: { run: Run }) {
  const port = new MemoryPort(deviceId);
  const device = { deviceId, kind: "test", portKey: deviceId, open: port.open, driver };
  return { port, device };
}

const untilAborted = (signal: AbortSignal) =>
  new Promise<void>((resolve) => signal.addEventListener("abort", () => resolve()));
const silent = new GatewayError("DRIVER_SILENT", "no answer");

test("readings are counted by the antenna they came by, of so many antennas", async () => {
  const line = time();
  const tag = (antenna: number) => ({
    ...({ kind: "tag", deviceId: "d1", antenna, rssiDbm: -50, receivedAtMs: 1 } as const),
    epc: "3034257BF7194E4000001A85" as never,
  });
  const { port, device } = onMemory("d1", {
    run: async ({ onReading, onIdentified, signal }) => {
      onIdentified({ model: "test" } as never);
      onReading({ kind: "input", deviceId: "d1", line: "beam", active: true, receivedAtMs: 1 });
      for (const antenna of [2, 1, 2]) onReading(tag(antenna));
      for (let antenna = 3; antenna <= antennaCountMax + 1; antenna += 1) onReading(tag(antenna));
      await untilAborted(signal);
    },
  });
  port.plug(() => undefined);
  const { supervisor, counters } = supervise([device], line);
  supervisor.start();
  await line.advance(1000, settle);
  const [health] = supervisor.health();
  expect(deviceHealthSchema.parse(health)).toEqual(health);
  expect(health).toMatchObject({ readingCount: 1 + 3 + antennaCountMax - 1 });
  expect(health?.antennas).toHaveLength(antennaCountMax);
  expect(health?.antennas?.slice(0, 3)).toEqual([
    { antenna: 2, readingCount: 2 },
    { antenna: 1, readingCount: 1 },
    { antenna: 3, readingCount: 1 },
  ]);
  expect(counters["device_antennas_over_limit"]).toBe(1);
  await supervisor.stop();
});

describe("a device that fails", () => {
  test("is waited for longer and longer, to 30 s, and said to be offline once", async () => {
    const startsAtMs: number[] = [];
    const line = time();
    const { port, device } = onMemory("d1", {
      run: async () => {
        startsAtMs.push(line.nowMs);
        throw silent;
      },
    });
    port.plug(() => undefined);
    const { supervisor, states, counters } = supervise([device], line);
    supervisor.start();
    await line.advance(200_000, settle);
    const waits = startsAtMs.slice(1).map((atMs, index) => atMs - startsAtMs[index]!);
    expect(waits.slice(0, 8)).toEqual([500, 1000, 2000, 4000, 8000, 16_000, 30_000, 30_000]);
    expect(states()).toMatchObject([{ state: "offline", reason: "DRIVER_SILENT: no answer" }]);
    expect(counters["device_restarts"]).toBe(startsAtMs.length);
    expect(supervisor.health()[0]?.restartCount).toBe(startsAtMs.length);
  });

  test("that serves another client is left in peace for ten seconds and more", async () => {
    const startsAtMs: number[] = [];
    const line = time();
    const { port, device } = onMemory("d1", {
      run: async () => {
        startsAtMs.push(line.nowMs);
        throw new GatewayError("DRIVER_TAKEN", "it serves another", { retryable: true });
      },
    });
    port.plug(() => undefined);
    const { supervisor, states } = supervise([device], line);
    supervisor.start();
    await line.advance(100_000, settle);
    expect(startsAtMs).toEqual([0, 10_000, 30_000, 60_000, 90_000]);
    expect(states()).toMatchObject([{ reason: "DRIVER_TAKEN: it serves another" }]);
  });
});

describe("how long is waited", () => {
  test("waits with jitter: between half and the whole", async () => {
    const starts: number[] = [];
    const line = time();
    const run = async () => {
      starts.push(line.nowMs);
      throw silent;
    };
    const { port, device } = onMemory("d1", { run });
    port.plug(() => undefined);
    const { supervisor } = supervise([device], line, () => 0);
    supervisor.start();
    await line.advance(1000, settle);
    expect(starts).toEqual([0, 250, 750]);
  });

  test("begins anew with the first wait after a healthy minute, and only then", async () => {
    for (const [healthyMs, waitMs] of [
      [60_000, 500],
      [59_000, 8000],
    ] as const) {
      const line = time();
      const starts: number[] = [];
      const run: Run = async ({ clock, onIdentified }) => {
        starts.push(line.nowMs);
        if (starts.length < 5) throw silent;
        onIdentified("test device");
        await new Promise<void>((resolve) => clock.timer(healthyMs, resolve));
        throw silent;
      };
      const { port, device } = onMemory("d1", { run });
      port.plug(() => undefined);
      const { supervisor } = supervise([device], line);
      supervisor.start();
      await line.advance(90_000, settle);
      expect(starts[5]! - starts[4]! - healthyMs).toBe(waitMs);
    }
  });

  test("an error of the program is kept from the others and counted apart", async () => {
    const broken = onMemory("broken", {
      run: () => Promise.reject(new TypeError("undefined is not a function")),
    });
    const sound = onMemory("sound", {
      run: async ({ signal, onIdentified }) => {
        onIdentified("sound");
        await untilAborted(signal);
      },
    });
    for (const { port } of [broken, sound]) port.plug(() => undefined);
    const { supervisor, counters, events, line } = supervise([broken.device, sound.device]);
    supervisor.start();
    await line.advance(60_000, settle);
    expect(counters["driver_crashes"]).toBeGreaterThan(3);
    expect(events).toContain("driver_crashed");
    expect(supervisor.health()).toMatchObject([
      { deviceId: "broken", state: "offline" },
      { deviceId: "sound", state: "online", restartCount: 0 },
    ]);
  });

  test("a driver that just ends has failed", async () => {
    const { port, device } = onMemory("d1", { run: async () => undefined });
    port.plug(() => undefined);
    const { supervisor, states, line } = supervise([device]);
    supervisor.start();
    await line.advance(10, settle);
    expect(states()[0]?.reason).toContain("ended by itself");
  });
});

describe("stopping", () => {
  test("closes every port and says so", async () => {
    const { port, device } = onMemory("d1", {
      run: async ({ signal, onIdentified }) => {
        onIdentified("d1");
        await untilAborted(signal);
      },
    });
    port.plug(() => undefined);
    const { supervisor, states, line } = supervise([device]);
    supervisor.start();
    await line.advance(10, settle);
    expect(port.isOpen).toBe(true);
    expect(await supervisor.stop()).toEqual([]);
    expect(port.isOpen).toBe(false);
    expect(states().map(({ state, reason }) => [state, reason])).toEqual([
      ["online", undefined],
      ["offline", "stopped"],
    ]);
  });

  test("waits for a stubborn driver no longer than the deadline, and names it", async () => {
    const stubborn = onMemory("stubborn", { run: () => new Promise(() => undefined) });
    const waiting = onMemory("waiting", { run: () => Promise.reject(silent) });
    for (const { port } of [stubborn, waiting]) port.plug(() => undefined);
    const { supervisor, line } = supervise([stubborn.device, waiting.device]);
    supervisor.start();
    await line.advance(10_000, settle);
    const stopped = supervisor.stop(3000);
    await line.advance(2999, settle);
    await line.advance(1, settle);
    expect(await stopped).toEqual(["stubborn"]);
  });

  test("a port that does not close is left behind", async () => {
    const transport = {
      chunks: {
        [Symbol.asyncIterator]: () => ({ next: () => new Promise<never>(() => undefined) }),
      },
      write: async () => undefined,
      close: () => new Promise<void>(() => undefined),
    };
    const device = {
      ...{ deviceId: "d1", kind: "test", portKey: "d1" },
      open: async () => transport,
      driver: { run: () => Promise.reject(silent) },
    };
    const { supervisor, counters, line } = supervise([device]);
    supervisor.start();
    await line.advance(10_000, settle);
    expect(counters["device_close_timeouts"]).toBeGreaterThan(1);
  });
});

test("two devices on one port, or of one name: CONFIG_INVALID names both", async () => {
  const one = onMemory("one", { run: async () => undefined }).device;
  const two = { ...one, deviceId: "two" };
  expect(() => supervise([one, two])).toThrow(/devices one and two have the same port: one/);
  expect(() => supervise([one, { ...one, portKey: "other" }])).toThrow(/the same id: one/);
});

describe("simulated devices in virtual time", () => {
  const runner = (port: MemoryPort, device: SimulatedDevice, line: VirtualTime) => {
    const run = new DeviceRunner(
      device,
      new MachineClock(line, 0),
      (bytes) => void port.send(bytes),
    );
    port.plug((bytes) => run.receive(bytes));
    run.start();
    return run;
  };

  test("unplugged and plugged in again, an hour later", async () => {
    const line = time();
    const shelf = onMemory("shelf", board.createDriver({}));
    const portal = onMemory("portal", reader.createDriver({ antennas: [1, 2] }));
    const boardRun = runner(shelf.port, new LoadCellBoardSimulator(seededRandom(1)), line);
    runner(portal.port, new R2000Simulator(seededRandom(2)), line);
    const { supervisor, states, readings } = supervise([shelf.device, portal.device], line);
    supervisor.start();
    await line.advance(5000, settle);
    expect(supervisor.health().map(({ state }) => state)).toEqual(["online", "online"]);
    shelf.port.unplug();
    boardRun.stop();
    await line.advance(600_000, settle);
    expect(supervisor.health()).toMatchObject([{ state: "offline" }, { state: "online" }]);
    const count = readings.length;
    runner(shelf.port, new LoadCellBoardSimulator(seededRandom(3)), line);
    await line.advance(40_000, settle);
    const shelfStates = states().filter(({ deviceId }) => deviceId === "shelf");
    expect(shelfStates.map(({ state, reason }) => [state, reason?.split(":")[0]])).toEqual([
      ["online", undefined],
      ["offline", "DRIVER_PORT_LOST"],
      ["offline", "DRIVER_PORT_MISSING"],
      ["online", undefined],
    ]);
    expect(readings.length).toBeGreaterThan(count + 100);
    for (const health of supervisor.health()) {
      expect(deviceHealthSchema.parse(health)).toEqual(health);
    }
    await supervisor.stop();
  });

  test("a degraded reader is a degraded device", async () => {
    const line = time();
    const portal = onMemory("portal", reader.createDriver({ antennas: [1, 2] }));
    const run = runner(portal.port, new R2000Simulator(seededRandom(2)), line);
    const { supervisor, states } = supervise([portal.device], line);
    supervisor.start();
    await line.advance(1000, settle);
    run.control({ type: "antenna", antenna: 2, connected: false });
    await line.advance(1000, settle);
    expect(supervisor.health()[0]).toMatchObject({
      state: "degraded",
      reason: "antenna 2: antenna is not connected (0x22)",
    });
    run.control({ type: "antenna", antenna: 2, connected: true });
    await line.advance(3000, settle);
    expect(states().map(({ state }) => state)).toEqual(["online", "degraded", "online"]);
    await supervisor.stop();
  });
});

describe("a real pseudo-terminal", () => {
  const folder = mkdtempSync(join(tmpdir(), "gondola-supervisor-"));
  afterEach(() => rmSync(folder, { recursive: true, force: true }));

  test("unplugged (its process killed) and plugged in again: the device comes back", async () => {
    const path = join(folder, "ttyREADER");
    const epc = "3034257BF7194E4000001A85";
    const plug = async () => {
      const child = await startDeviceChild({ kind: "r2000", ptyPath: path }, (message) =>
        expect.fail(message),
      );
      child.control({ type: "field", tags: [{ epc, antenna: 1, rssiDbm: -40 }] });
      return child;
    };
    const readings: Reading[] = [];
    const device = await prepareDevice({
      id: "portal-1",
      kind: "r2000",
      port: portConfigSchema.parse({ path }),
      options: {},
    });
    const supervisor = new Supervisor({
      devices: [device],
      clock: systemClock,
      random: () => 0,
      onReading: (reading) => readings.push(reading),
      count: () => undefined,
      log: { info: () => undefined, warn: () => undefined, error: () => undefined },
    });
    const until = async (done: () => boolean) => {
      while (!done()) await new Promise((resolve) => setTimeout(resolve, 10));
    };
    const tagCount = () => readings.filter(({ kind }) => kind === "tag").length;
    let child = await plug();
    supervisor.start();
    await until(() => tagCount() > 20);
    await child.unplug();
    await until(() => supervisor.health()[0]?.state === "offline");
    const before = tagCount();
    child = await plug();
    await until(() => tagCount() > before + 20);
    await supervisor.stop();
    await child.stop();
    const states = readings.filter((each): each is DeviceReading => each.kind === "device");
    expect(states[0]).toMatchObject({ state: "online" });
    expect(states.some(({ reason }) => reason?.startsWith("DRIVER_PORT_LOST"))).toBe(true);
    expect(states.at(-2)).toMatchObject({ state: "online" });
    expect(supervisor.health()[0]?.restartCount).toBeGreaterThan(0);
  });
});
