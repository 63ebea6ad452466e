import { expect, test } from "vitest";
import { playOutage } from "./outage.ts";

test("what waited through an outage is in the ledger once, with what came meanwhile", async () => {
  const report = await playOutage(3_000);
  expect(report.problems, report.verdict).toEqual([]);
  expect(report.waitedCount).toBe(3_000);
  expect(report.liveCount).toBeGreaterThan(0);
  expect(JSON.parse(report.verdict)).toMatchObject({ waitingCount: 0, problemCount: 0 });
}, 120_000);

test("of a buffer that was too small for it the oldest are gone, and the ledger was told so", async () => {
  const report = await playOutage(4_000, "overflow");
  expect(report.problems, report.verdict).toEqual([]);
  expect(report.declaredLostCount).toBeGreaterThan(500);
  expect(JSON.parse(report.verdict)).toMatchObject({ waitingCount: 0, problemCount: 0 });
}, 120_000);

test("a ledger that is put back to an older copy meanwhile is given again what it lacks", async () => {
  const report = await playOutage(6_000, "restore");
  expect(report.problems, report.verdict).toEqual([]);
  expect(JSON.parse(report.verdict)).toMatchObject({ waitingCount: 0, problemCount: 0 });
}, 150_000);
