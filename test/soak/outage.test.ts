import { expect, test } from "vitest";
import { playOutage } from "./outage.ts";

test("what waited through an outage is in the ledger once, with what came meanwhile", async () => {
  const report = await playOutage(3_000);
  expect(report.isRight, report.verdict).toBe(true);
  expect(report.waitedCount).toBe(3_000);
  expect(report.liveCount).toBeGreaterThan(0);
  expect(JSON.parse(report.verdict)).toMatchObject({ waitingCount: 0, problemCount: 0 });
}, 60_000);
