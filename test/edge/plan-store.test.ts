import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { loadPlan } from "../../edge/config.ts";
import { PlanStore } from "../../edge/plan-store.ts";

const configured = "config/plans/s0042.yaml";
const problems: string[] = [];
let folder: string;
beforeEach(async () => {
  problems.length = 0;
  folder = await mkdtemp(join(tmpdir(), "gondola-plan-"));
});
afterEach(() => rm(folder, { recursive: true }));

const open = () => PlanStore.open(folder, configured, (message) => problems.push(message));

async function payload(version: number): Promise<Uint8Array> {
  return Buffer.from(JSON.stringify({ ...(await loadPlan(configured)), version }));
}

test("a newer plan is taken, kept, and found again; an older one is not", async () => {
  const store = await open();
  const version = store.plan?.version ?? 0;
  expect(version).toBeGreaterThan(0);
  expect(await store.take(await payload(version + 2), "s0042")).toMatchObject({
    version: version + 2,
  });
  expect(await store.take(await payload(version + 1), "s0042")).toContain("not newer");
  expect((await open()).plan?.version).toBe(version + 2);
  expect(problems).toEqual([]);
});

test("garbage and another store's plan change nothing", async () => {
  const store = await open();
  const before = store.plan;
  expect(await store.take(Buffer.from("{"), "s0042")).toContain("no JSON");
  expect(await store.take(Buffer.from("{}"), "s0042")).toContain("does not fit");
  expect(await store.take(await payload(99), "s0043")).toContain("s0042");
  expect(store.plan).toBe(before);
});

test("a damaged kept plan is said, and the configured one is used", async () => {
  await writeFile(join(folder, "plan.json"), "{half");
  expect((await open()).plan).toEqual(await loadPlan(configured));
  expect(problems[0]).toContain("plan.json");
});

test("a plan of a later version is taken, and kept as it came for a later edge", async () => {
  const store = await open();
  const later = JSON.parse(Buffer.from(await payload(99)).toString("utf8"));
  const locker = { location: "s0042/locker", role: "parcel_locker", openedBy: "code" };
  later.locations.push(locker);
  const taken = await store.take(Buffer.from(JSON.stringify(later)), "s0042");
  expect(taken).toMatchObject({ version: 99 });
  const place = { location: "s0042/locker", role: "floor", picksSensed: false };
  expect(store.plan?.locations.at(-1)).toEqual(place);
  expect((await open()).plan).toEqual(store.plan);
  const kept = JSON.parse(await readFile(join(folder, "plan.json"), "utf8"));
  expect(kept.locations.at(-1)).toEqual(locker);
  expect(problems).toEqual([]);
});

test("plans that come while another is written are taken one after the other", async () => {
  const store = await open();
  const version = store.plan?.version ?? 0;
  const payloads = await Promise.all([1, 2, 3, 4].map((more) => payload(version + more)));
  const taken = await Promise.all(payloads.map((each) => store.take(each, "s0042")));
  expect(taken.map((plan) => typeof plan !== "string" && plan.version - version)).toEqual([
    1, 2, 3, 4,
  ]);
  expect(store.plan?.version).toBe(version + 4);
  expect((await open()).plan?.version).toBe(version + 4);
  expect(problems).toEqual([]);
});
