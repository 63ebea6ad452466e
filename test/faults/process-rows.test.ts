// The short form of `npm run soak -- faults`: each kind of fault on real processes a few times.

import { expect, test } from "vitest";
import { isClean, playProcessRow, reportLine } from "./fault-sweep.ts";
import { processRows } from "./process-rows.ts";

/** How often each is done here. Kills at any moment and cuts are in kill-sweep.test.ts. */
const shortCounts: Readonly<Record<string, number>> = {
  "edge killed at each call": 2,
  "bridge killed at each call": 1,
  "bridge stopped and continued": 1,
  "line reset in mid-packet": 1,
  "line repeats": 1,
  "edge pwrite64 error=EIO": 1,
  "edge fsync,fdatasync error=EIO": 1,
  "bridge fsync,fdatasync error=EIO": 1,
  "edge disk full": 1,
  "bridge disk full": 1,
  "external broker killed": 1,
  "worker on PostgreSQL stopped past its lease": 1,
  "ledger set back, marked": 1,
  "edge's buffer cloned": 1,
  "edge's clock jumps": 2,
};

test("every short form is of a row", () => {
  const names = processRows.map(({ name }) => name);
  expect(names).toEqual(expect.arrayContaining(Object.keys(shortCounts)));
  expect(new Set(names).size).toBe(names.length);
});

test.each(processRows.filter(({ name }) => name in shortCounts))(
  "$name: nothing lost, nothing twice",
  async (row) => {
    const report = await playProcessRow(row, shortCounts[row.name]!, 1);
    process.stdout.write(`${reportLine(report)}\n`);
    expect(isClean(report), JSON.stringify(report)).toBe(true);
    // A busy machine sends slowly; that something went on is all that is asked.
    if (report.skipped === undefined) expect(report.acceptedCount).toBeGreaterThan(3);
  },
  180_000,
);
