import { expect, test } from "vitest";
import { playBurst } from "./burst.ts";

test("twenty times the usual rate waits at the edges, then all of it is in the ledger once and in order", async () => {
  const report = await playBurst({
    ...{ eventsPerSecond: 200, usualMs: 3_000, burstMs: 4_000, warmUpMs: 2_000 },
  });
  expect(report.isRight, report.verdict).toBe(true);
  expect(report.acceptedCount).toBeGreaterThan(12_000);
  expect(report.acknowledgedCount).toBe(report.acceptedCount);
  expect(report).toMatchObject({ lostCount: 0, repeatedCount: 0, disorderedCount: 0 });
  const [, before, burst, , after] = report.spans;
  expect(report.spans.map(({ name }) => name).join()).toBe("warm_up,before,burst,recovery,after");
  // Back-pressure: more waits, and so the batches are larger, as one of each edge is under way at a time.
  expect(burst!.waitingCountMax).toBeGreaterThan(2 * before!.waitingCountUsual);
  expect(burst!.eventsPerBatch).toBeGreaterThan(before!.eventsPerBatch);
  expect(report.recoveryMs).not.toBeNull();
  expect(after!.latencyMsP99).toBeGreaterThan(0);
}, 120_000);
