import { mkdtemp, rm, writeFile } from "node:fs/promises";
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
