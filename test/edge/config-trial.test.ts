// When a configuration on trial is kept and when it is left: a real file, virtual time.

import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { stringify } from "yaml";
import { ConfigKeeper } from "../../edge/config-keeper.ts";
import { followConfig } from "../../edge/config-trial.ts";
import type { Gateway } from "../../edge/gateway.ts";
import { MachineClock, VirtualTime } from "../simulation/virtual-clock.ts";

const trialMs = 10_000;
let folder: string;
let time: VirtualTime;

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), "gondola-trial-"));
  time = new VirtualTime();
});
afterEach(() => rm(folder, { recursive: true }));

const textOf = (configTrialMs: number) =>
  stringify({
    ...{ storeId: "s0042", edgeId: "edge-1", dataDir: ".", broker: { url: "mqtt://127.0.0.1:9" } },
    ...{ devices: [], configTrialMs },
  });
const sourceOf = () => ({
  ...{ file: join(folder, "edge.yaml"), dataDir: undefined, nowMs: () => 1 },
  overridden: (config: ConfigKeeper["config"]) => config,
});
async function openOnTrial(): Promise<ConfigKeeper> {
  await writeFile(sourceOf().file, textOf(20_000));
  await (await ConfigKeeper.open(sourceOf())).put(textOf(trialMs), ["till-1"]);
  return await ConfigKeeper.open(sourceOf());
}

/** Follows a trial; `wellAt` says from the time in seconds whether link and device are up. Gives its end. */
async function follow(
  configs: ConfigKeeper,
  wellAt: (seconds: number) => { link?: boolean; device?: boolean },
  alarm: Gateway["alarm"] = () => Promise.resolve(true),
) {
  let seconds = 0;
  const device = () => (wellAt(seconds).device === false ? "offline" : "degraded");
  const health = () => [
    { deviceId: "new-1", state: "offline" },
    { deviceId: "till-1", state: device() },
  ];
  let isDone = false;
  const done = followConfig({
    configs,
    gateway: { supervisor: { health }, alarm } as unknown as Gateway,
    isLinkUp: () => wellAt(seconds).link !== false,
    clock: new MachineClock(time, 0),
    signal: new AbortController().signal,
    count: () => undefined,
    log: { info: () => undefined, warn: () => undefined, error: () => undefined },
  }).then(() => {
    isDone = true;
  });
  const startMs = time.nowMs;
  while (!isDone) {
    seconds = (time.nowMs - startMs) / 1000;
    // What the trial does on the disk takes real time.
    await new Promise((resolve) => setTimeout(resolve, 1));
    if (!isDone) time.step();
  }
  await done;
  return seconds;
}

test("kept after its whole time, whatever a new device does", async () => {
  const configs = await openOnTrial();
  const seconds = await follow(configs, () => ({}));
  expect(seconds).toBeCloseTo(10, 0);
  expect(configs.running().origin).toBe("applied");
  expect(configs.isRestartDue).toBe(false);
});

test("kept when it begins to do well within its time, and then does for as long", async () => {
  const configs = await openOnTrial();
  const seconds = await follow(configs, (at) => ({ link: at > 9, device: at > 7 }));
  expect(seconds).toBeCloseTo(19, 0);
  expect(configs.running().origin).toBe("applied");
});

test.each([
  ["never well", () => ({ device: false }), 10, "till-1"],
  ["well too late", (at: number) => ({ link: at > 12 }), 10, "link"],
  [
    "well, and then no more",
    (at: number) => ({ link: at < 5 || at > 6, device: at < 14 }),
    14,
    "till-1",
  ],
])("left: %s", async (_name, wellAt, endSeconds, reason) => {
  const configs = await openOnTrial();
  expect(await follow(configs, wellAt)).toBeCloseTo(endSeconds, 0);
  expect(configs.running()).toMatchObject({
    origin: "trial",
    returned: { reason: expect.stringContaining(reason) },
  });
  expect(configs.isRestartDue).toBe(true);
});

test("a return is told until the disk takes it, once, and no trial waits for that", async () => {
  const before = await openOnTrial();
  await before.giveUp("no good");
  await before.put(textOf(trialMs + 1), []);
  const configs = await ConfigKeeper.open(sourceOf());
  const stored: boolean[] = [];
  const alarm = async (code: string) => {
    expect(code).toBe("config_returned");
    if (stored.length > 0) await expect.poll(() => configs.running().origin).toBe("applied");
    stored.push(stored.length === 2);
    return stored.at(-1)!;
  };
  const seconds = await follow(configs, () => ({}), alarm);
  expect(stored).toEqual([false, false, true]);
  expect(seconds).toBeGreaterThanOrEqual(120);
  expect(configs.untoldReturn()).toBeUndefined();
  expect((await ConfigKeeper.open(sourceOf())).untoldReturn()).toBeUndefined();
});
