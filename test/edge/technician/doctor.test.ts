// The checks against real files, sockets and a real broker; /sys and /run are trees in a folder.

import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { createServer, type Server } from "node:net";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { Aedes } from "aedes";
import { connectAsync } from "mqtt";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import type { EdgeStatus, Health } from "../../../contract/delivery.ts";
import { topics } from "../../../contract/topics.ts";
import { systemClock } from "../../../drivers/clock.ts";
import { configDigestOf } from "../../../edge/applied-config.ts";
import { type EdgeConfig, edgeConfigSchema } from "../../../edge/config.ts";
import { examine } from "../../../edge/technician/doctor.ts";
import { checkAppliedConfig } from "../../../edge/technician/doctor-config.ts";
import { checkClock, checkDisk, checkOutbox } from "../../../edge/technician/doctor-host.ts";
import { checkPlan } from "../../../edge/technician/doctor-plan.ts";
import { checkPort } from "../../../edge/technician/doctor-port.ts";
import { type Finding, findingLines } from "../../../edge/technician/finding.ts";

const nowMs = Date.UTC(2026, 10, 26);
let root = "";
beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), "gondola-doctor-"));
});
afterEach(() => rmSync(root, { recursive: true }));

function file(path: string, text = ""): void {
  mkdirSync(dirname(join(root, path)), { recursive: true });
  writeFileSync(join(root, path), `${text}\n`);
}

function configOf(parts: object = {}): EdgeConfig {
  const broker = { url: "mqtt://127.0.0.1:9" };
  const base = { storeId: "s0042", edgeId: "edge-1", dataDir: join(root, "data"), broker };
  return edgeConfigSchema.parse({ ...base, devices: [], ...parts });
}

describe("the machine", () => {
  test("a dead clock fails, an unwatched one warns, a watched one is fine", async () => {
    expect(await checkClock(Date.UTC(2000, 0, 1), root)).toMatchObject({ level: "fail" });
    expect(await checkClock(nowMs, root)).toMatchObject({ level: "warn" });
    file("run/systemd/timesync/synchronized");
    expect(await checkClock(nowMs, root)).toMatchObject({ level: "ok" });
  });

  test("room is measured where the data will be, also before it is there", async () => {
    const [finding] = await checkDisk(configOf({ dataDir: join(root, "not", "yet") }));
    expect(finding?.text).toContain(`free at ${root}`);
    const huge = configOf({ outbox: { sizeBytesMax: 65_536 * 1024 * 1024 } });
    expect((await checkDisk(huge)).at(-1)?.text).toContain("the buffer may take 65552 MiB");
  });

  test("a buffer that is no database fails, none at all is fine", async () => {
    expect(await checkOutbox(join(root, "data"), nowMs)).toMatchObject({ level: "ok" });
    file("data/outbox.db", "this is no database, and long enough to be looked at".repeat(20));
    expect(await checkOutbox(join(root, "data"), nowMs)).toMatchObject({ level: "fail" });
  });
});

test("which configuration the daemon works by, where another one was sent", async () => {
  file("edge.yaml", "devices: []");
  const check = () => checkAppliedConfig(join(root, "edge.yaml"), join(root, "data"));
  const keep = (applied: object) => file("data/applied-config.json", JSON.stringify(applied));
  expect(await check()).toMatchObject({ level: "ok" });
  const givenDigest = configDigestOf("devices: []\n");
  const sent = { text: "a: 1", digest: configDigestOf("a: 1") };
  keep({ givenDigest, good: sent });
  expect(await check()).toMatchObject({ level: "warn", text: expect.stringContaining("good") });
  keep({ givenDigest, trial: { sent, startCount: 1, upDeviceIds: [] } });
  expect(await check()).toMatchObject({ level: "warn", text: expect.stringContaining("trial") });
  const left = { digest: sent.digest, reason: "no link", atMs: 1, isTold: true };
  keep({ givenDigest, returned: left });
  expect(await check()).toMatchObject({ level: "ok", text: expect.stringContaining("no link") });
  keep({ givenDigest, good: sent, returned: left });
  expect(await check()).toMatchObject({
    level: "warn",
    text: expect.stringMatching(/file: no link$/),
  });
  keep({ givenDigest: sent.digest, good: sent });
  expect(await check()).toMatchObject({ level: "ok" });
  file("data/applied-config.json", "{");
  expect(await check()).toMatchObject({ level: "warn", remedy: expect.stringContaining("rm ") });
});

describe("the plan of a weight shelf", () => {
  const product = (gtin: string, unitWeightGrams: number) => ({
    ...{ gtin, name: gtin, unitWeightGrams, unitWeightSdGrams: 4 },
  });
  const locations = [1, 2, 3].map((cell) => `s0042/floor/c${cell}`);
  const products = [
    product("09521321002012", 551),
    product("09521321002029", 555),
    product("09521321002036", 601),
  ];
  const configWith = (weighed: readonly object[]) => {
    const plan = {
      ...{ schemaVersion: 1, storeId: "s0042", version: 7, products: weighed },
      locations: locations.map((location) => ({ location, role: "shelf" })),
      facings: products.map(({ gtin }, at) => ({ gtin, location: locations[at] })),
    };
    file("plan.json", JSON.stringify(plan));
    return configOf({
      plan: join(root, "plan.json"),
      devices: [{ id: "shelf-1", kind: "load-cell-board", port: { path: "/dev/unused" } }],
      shelves: [
        {
          deviceId: "shelf-1",
          cells: locations.map((location, at) => ({ cell: at + 1, location })),
        },
      ],
    });
  };

  test("nothing is said without a shelf, and no plan is a warning", async () => {
    expect(await checkPlan(configOf())).toEqual([]);
    const config = { ...configWith(products), plan: undefined };
    expect(await checkPlan(config)).toMatchObject([{ level: "warn", text: "there is none yet" }]);
  });

  test("names what weighs alike, and cells of which the plan knows nothing", async () => {
    const { gtin, name } = product("09521321002036", 601);
    expect(await checkPlan(configWith([...products.slice(0, 2), { gtin, name }]))).toMatchObject([
      { check: "shelf shelf-1", text: "the plan has no product with a weight for cells 3" },
      {
        level: "warn",
        text: expect.stringMatching(
          /wrongly: 09521321002012 \(551 g\) and 09521321002029 \(555 g\)$/,
        ),
      },
    ]);
  });

  test("is fine where all differ", async () => {
    const apart = products.map((one, at) => ({ ...one, unitWeightGrams: 200 + 100 * at }));
    expect(await checkPlan(configWith(apart))).toMatchObject([{ level: "ok", text: "version 7" }]);
  });
});

describe("ports", () => {
  const usb = "sys/devices/pci/usb1/1-1";

  test("a USB adapter that waits and may sleep has two warnings, each with what to type", async () => {
    file("dev/ttyUSB0");
    file(`${usb}/idVendor`, "0403");
    file(`${usb}/power/control`, "auto");
    file(`${usb}/1-1:1.0/ttyUSB0/uevent`);
    file("sys/bus/usb-serial/devices/ttyUSB0/latency_timer", "16");
    mkdirSync(join(root, "sys/class/tty/ttyUSB0"), { recursive: true });
    symlinkSync(join(root, usb, "1-1:1.0/ttyUSB0"), join(root, "sys/class/tty/ttyUSB0/device"));
    const port = { path: "/dev/ttyUSB0", dataBits: 8, parity: "none", stopBits: 1 } as const;
    const findings = await checkPort("shelf-1", port, root);
    const texts = findings.map(findingLines).join("");
    expect(texts).toContain("holds bytes back for 16 ms");
    expect(texts).toContain("echo 1 > /sys/bus/usb-serial/devices/ttyUSB0/latency_timer");
    expect(texts).toContain(`echo on > /${usb}/power/control`);
  });

  test("a port that is not there, and an address where nobody listens, fail", async () => {
    const serial = { dataBits: 8, parity: "none", stopBits: 1 } as const;
    const missing = await checkPort("a", { path: join(root, "tty"), ...serial }, root);
    expect(missing).toMatchObject([{ level: "fail", check: "port a" }]);
    const closed = await checkPort("b", { host: "127.0.0.1", port: 9 }, root);
    expect(closed).toMatchObject([{ level: "fail", check: "port b" }]);
  });

  test("a file that another process has open is held", async () => {
    file("held");
    const { open } = await import("node:fs/promises");
    const handle = await open(join(root, "held"));
    const port = { path: join(root, "held"), dataBits: 8, parity: "none", stopBits: 1 } as const;
    const [finding] = await checkPort("a", port, root);
    await handle.close();
    expect(finding).toMatchObject({ level: "fail" });
    expect(finding?.text).toContain(`pid ${process.pid}`);
  });
});

function healthOf(id: string, devices: Health["devices"]): Health {
  return {
    ...{ atMs: Date.now(), uptimeMs: 1, bootId: id, clockSynced: true, outboxId: id },
    ...{ lastSequence: 1, acknowledgedSequence: 1, waitingCount: 0, bufferUsedShare: 0 },
    ...{ linkState: "online", rssBytes: 1, eventLoopDelayMsP99: 1, devices, counters: {} },
  };
}

describe("the whole", () => {
  let server: Server;
  let broker: Aedes;
  let url = "";
  beforeEach(async () => {
    broker = await Aedes.createBroker();
    server = createServer(broker.handle);
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
    url = `mqtt://127.0.0.1:${(server.address() as { port: number }).port}`;
  });
  afterEach(async () => {
    await new Promise<void>((resolve) => broker.close(() => resolve()));
    await new Promise((resolve) => server.close(resolve));
  });

  async function findingsOf(config: EdgeConfig): Promise<Map<string, Finding>> {
    const findings = new Map<string, Finding>();
    const onFinding = (finding: Finding) => findings.set(finding.check, finding);
    file("edge.yaml");
    await examine(config, {
      file: join(root, "edge.yaml"),
      ...{ clock: systemClock, root },
      onFinding,
      onProgress: () => undefined,
    });
    return findings;
  }

  test("a broker that is not there, and one where the edge never was", async () => {
    const away = await findingsOf(configOf());
    expect(away.get("broker")).toMatchObject({ level: "fail" });
    const empty = await findingsOf(configOf({ broker: { url } }));
    expect(empty.get("broker")).toMatchObject({ level: "ok" });
    expect(empty.get("daemon")).toMatchObject({ level: "warn" });
  });

  test("a daemon's devices are told with the time since they spoke, and its TCP devices left alone", async () => {
    const edge = await connectAsync(url);
    const id = "0a0a0a0a-0000-4000-8000-000000000001";
    const status: EdgeStatus = {
      ...{ storeId: "s0042", edgeId: "edge-1", state: "online", reason: "started" },
      ...{ bootId: id, outboxId: id, softwareVersion: "0.1.0", sinceAtMs: Date.now() },
    };
    const retained = { qos: 1, retain: true } as const;
    await edge.publishAsync(topics.status("s0042", "edge-1"), JSON.stringify(status), retained);
    const device = { kind: "r2000", readingCount: 7, restartCount: 0 } as const;
    const devices: Health["devices"] = [
      { ...device, deviceId: "a", state: "online", lastReadingAtMs: Date.now() - 5000 },
      { ...device, deviceId: "b", state: "offline", reason: "DRIVER_SILENT: no answer" },
    ];
    const timer = setInterval(() => {
      const payload = JSON.stringify(healthOf(id, devices));
      edge.publish(topics.health("s0042", "edge-1"), payload);
    }, 100);
    const port = { host: "127.0.0.1", port: 9 };
    const config = configOf({
      broker: { url },
      healthIntervalMs: 1000,
      devices: ["a", "b"].map((each) => ({ id: each, kind: "r2000", port })),
    });
    const findings = await findingsOf(config);
    clearInterval(timer);
    await edge.endAsync();
    expect(findings.get("daemon")).toMatchObject({ level: "ok" });
    expect(findings.get("device a")?.text).toMatch(/^r2000, online, last reading [56] s ago$/);
    expect(findings.get("port a")).toMatchObject({ level: "ok", text: "the daemon is connected" });
    expect(findings.get("device b")).toMatchObject({ level: "fail" });
    expect(findings.get("port b")).toMatchObject({ level: "fail" });
  });
});
