// Sensing, outbox, uplink and a device tied together: real SQLite, a scanner at the end of a memory line.

import { randomUUID } from "node:crypto";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { decodeBatch } from "../../contract/batch-codec.ts";
import { systemClock as clock } from "../../drivers/clock.ts";
import { findDevice } from "../../drivers/registry.ts";
import { MemoryPort } from "../../drivers/transport/memory.ts";
import { Outbox } from "../../edge/buffer/outbox.ts";
import { EdgeClock } from "../../edge/clock.ts";
import { CommandGate } from "../../edge/command-gate.ts";
import { type EdgeConfig, edgeConfigSchema } from "../../edge/config.ts";
import { Gateway } from "../../edge/gateway.ts";
import { Counters, HealthReporter } from "../../edge/health.ts";
import type { EdgeLink } from "../../edge/link.ts";
import type { Logger } from "../../edge/log.ts";
import { buildPipeline } from "../../edge/sense/build-machines.ts";
import { DeviceRunner } from "../../simulators/device.ts";
import { GpioChipSimulator } from "../../simulators/gpio-chip.ts";
import { seededRandom } from "../../simulators/random.ts";

const config: EdgeConfig = edgeConfigSchema.parse({
  storeId: "s0042",
  edgeId: "edge-1",
  dataDir: "unused",
  broker: { url: "mqtt://127.0.0.1:9" },
  devices: [{ id: "till-1", kind: "serial-scanner", port: { path: "/dev/unused" } }],
  scanners: [{ deviceId: "till-1", workflow: "sell" }],
});

let folder: string;
let commandKeyFile: string | undefined;
let outbox: Outbox;
let gateway: Gateway;
let edgeClock: EdgeClock;
const counters = new Counters();
const sent: Uint8Array[] = [];
const line = new MemoryPort("till");
const lightsLine = new MemoryPort("lights");
let chip: GpioChipSimulator;
const log = { info: () => undefined, warn: () => undefined, error: () => undefined };

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), "gondola-gateway-"));
  edgeClock = new EdgeClock({
    bootId: randomUUID(),
    edgeId: "edge-1",
    notBeforeAtMs: 0,
    wallMs: clock.nowMs(),
    monotonicMs: clock.monotonicMs(),
  });
  const onFailure = (error: unknown) => expect.unreachable(String(error));
  outbox = await Outbox.open({
    file: join(folder, "outbox.db"),
    edgeId: "edge-1",
    settings: config.outbox,
    clock,
    randomId: randomUUID,
    stamp: () => edgeClock.reading(),
    onCommit: () => gateway?.uplink.wake(),
    onFailure,
  });
  const driver = (await findDevice("serial-scanner")).createDriver({});
  const device = { deviceId: "till-1", kind: "serial-scanner", portKey: "memory", driver };
  const lights = {
    deviceId: "lights-1",
    kind: "gpio-output",
    portKey: "lights",
    driver: (await findDevice("gpio-output")).createDriver({
      outputs: [{ name: "red", offset: 5 }],
    }),
  };
  chip = new GpioChipSimulator(seededRandom(1));
  const runner = new DeviceRunner(chip, clock, (bytes) => void lightsLine.send(bytes));
  lightsLine.plug((bytes) => runner.receive(bytes));
  gateway = new Gateway({
    config,
    outbox,
    pipeline: buildPipeline(config),
    edgeClock,
    devices: [
      { ...device, open: line.open },
      { ...lights, open: lightsLine.open },
    ],
    clock,
    random: Math.random,
    randomId: randomUUID,
    commandGate: new CommandGate({ ...config, dataDir: folder, commandKeyFile }, clock),
    health: () => Promise.reject(new Error("asked of the daemon")),
    applyConfig: () => Promise.reject(new Error("sent to the daemon")),
    renewCertificate: () => Promise.reject(new Error("sent to the daemon")),
    send: (_topic, payload) => sent.push(payload),
    onFailure,
    count: counters.count,
    log,
  });
  line.plug(() => undefined);
  gateway.start();
  return async () => {
    await gateway.stop();
    await outbox.close();
    await rm(folder, { recursive: true });
  };
});
afterEach(() => {
  sent.length = 0;
});

const command = (body: object) => gateway.command(Buffer.from(JSON.stringify(body)));

async function storedTexts(): Promise<string[]> {
  await outbox.flush();
  const rows = await outbox.read(1, { countMax: 500, sizeBytesMax: 1e6 });
  return rows.map((row) => row.text);
}

test("commands: a workflow is set, a foreign device and garbage are refused, hello is said", async () => {
  const id = randomUUID();
  const count = { command: "workflow", workflow: "count", location: "s0042/floor" };
  expect(await command({ id, ...count, deviceId: "till-1" })).toEqual({ id, ok: true });
  expect(await command({ id, ...count, deviceId: "till-9" })).toMatchObject({ id, ok: false });
  const order = { id, command: "workflow", deviceId: "till-1", workflow: "receive" };
  const expected = [{ gtin: "09521321002029", quantity: 2 }];
  const delivery = { ...order, location: "s0042/dock", referenceId: "ASN-1", expected };
  expect(await command(delivery)).toEqual({ id, ok: true });
  expect(await command({ ...delivery, expected: [{ gtin: "1", quantity: 2 }] })).toBeUndefined();
  expect(await command({ id, command: "reboot" })).toBeUndefined();
  expect(await gateway.command(Buffer.from("{"))).toBeUndefined();
  expect(counters.snapshot()["commands_invalid"]).toBe(3);
  gateway.uplink.connected();
  await expect.poll(() => sent.length).toBe(1);
  const hello = decodeBatch(sent[0]!);
  expect(hello.ok && hello.batch.events).toEqual([]);
});

test("a count that is asked for where nothing counts is refused with the reason", async () => {
  const id = randomUUID();
  const refused = { id, ok: false, code: "COUNT_REFUSED" };
  expect(await command({ id, command: "count", location: "s0042/floor" })).toMatchObject({
    ...refused,
    message: "nothing at s0042/floor or below it counts as a whole (counted: nothing)",
  });
  expect(await command({ id, command: "count", location: "no location!" })).toBeUndefined();
  expect(counters.snapshot()).toMatchObject({ counts_refused: 1 });
});

test("a lamp is switched by a command; the reply says what became of it", async () => {
  const id = randomUUID();
  const actuate = { id, command: "actuate", action: { type: "on" } };
  const light = (deviceId: string, output: string) => command({ ...actuate, deviceId, output });
  await expect.poll(() => light("lights-1", "red")).toEqual({ id, ok: true });
  expect(chip.driven(5)).toBe(1);
  const refused = { id, ok: false, code: "DRIVER_COMMAND_REFUSED" };
  expect(await light("lights-1", "green")).toMatchObject(refused);
  expect(await light("lights-9", "red")).toMatchObject(refused);
  expect(await light("till-1", "red")).toMatchObject({
    ...refused,
    message: expect.stringContaining("has no outputs"),
  });
  lightsLine.unplug();
  await expect.poll(() => gateway.supervisor.health()[1]?.state).toBe("offline");
  expect(await light("lights-1", "red")).toMatchObject({ id, ok: false, code: "DRIVER_PORT_LOST" });
  expect(await command({ ...actuate, deviceId: "lights-1" })).toBeUndefined();
});

test("a scan becomes a stored event with the clock's stamp, and one batch when the ledger answers", async () => {
  await expect.poll(() => gateway.supervisor.health()[0]?.state).toBe("online");
  line.send(Buffer.from("9506000134352\r"));
  const sale = async () => (await storedTexts()).find((text) => text.includes("retail_selling"));
  await expect.poll(sale).toBeDefined();
  expect(JSON.parse((await sale()) ?? "")).toMatchObject({
    type: "moved",
    item: { gtin: "09506000134352" },
    clockSynced: true,
    deviceId: "till-1",
  });
});

test("the list of what is sold is taken where it is ours, whole, and goes as far as the last", () => {
  const list = { schemaVersion: 1, storeId: "s0042", asOfAtMs: 2_000, serials: [], units: [] };
  const refusedBefore = counters.snapshot()["sold_lists_refused"] ?? 0;
  const refusedAfter = (body: object | string) => {
    gateway.takeSold(Buffer.from(typeof body === "string" ? body : JSON.stringify(body)));
    return (counters.snapshot()["sold_lists_refused"] ?? 0) - refusedBefore;
  };
  expect(refusedAfter(list)).toBe(0);
  expect(refusedAfter({ ...list, storeId: "s0043" })).toBe(1);
  expect(refusedAfter({ ...list, units: [{ quantity: 0 }] })).toBe(2);
  expect(refusedAfter("{")).toBe(3);
  // What a later version adds is passed over.
  expect(refusedAfter({ ...list, colour: "red" })).toBe(3);
  expect(refusedAfter(list)).toBe(3);
  // A till went offline, so that less is known than before; what was sold since is in it all the same.
  const through = (ledgerEpoch: number, entryNumber: number) => ({ ledgerEpoch, entryNumber });
  expect(refusedAfter({ ...list, through: through(7, 20) })).toBe(3);
  expect(refusedAfter({ ...list, asOfAtMs: 1_000, through: through(7, 21) })).toBe(3);
  expect(refusedAfter({ ...list, asOfAtMs: 900, through: through(7, 21) })).toBe(3);
  // What the broker kept, or a bridge that stood still, comes late.
  expect(refusedAfter({ ...list, asOfAtMs: 3_000, through: through(7, 20) })).toBe(4);
  // A ledger that was restored begins again lower; the one before is not believed any more.
  expect(refusedAfter({ ...list, through: through(8, 5) })).toBe(4);
  expect(refusedAfter({ ...list, through: through(7, 99) })).toBe(5);
  // A bridge of before says nothing of it.
  expect(refusedAfter({ ...list, asOfAtMs: 800 })).toBe(5);
  expect(refusedAfter({ ...list, through: through(8, 4) })).toBe(6);
});

test("health tells how long the event loop stood still", async () => {
  const link = { state: () => "offline" } as EdgeLink;
  const health = new HealthReporter({
    ...{ config, bootId: randomUUID(), outbox, edgeClock, gateway, link, clock },
    ...{ snapshot: counters.snapshot, log: log as unknown as Logger },
    runningConfig: () => ({ digest: "0".repeat(64), origin: "file" }),
    planVersion: () => 7,
  });
  health.start();
  await new Promise((resolve) => setTimeout(resolve, 50));
  const blockedUntilMs = performance.now() + 200;
  while (performance.now() < blockedUntilMs);
  await new Promise((resolve) => setTimeout(resolve, 50));
  const report = await health.report();
  health.stop();
  expect(report.planVersion).toBe(7);
  expect(report.eventLoopDelayMsP99).toBeGreaterThan(100);
  expect(report.devices.map(({ deviceId }) => deviceId)).toEqual(["till-1", "lights-1"]);
});
