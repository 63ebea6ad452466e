// The short form of `npm run soak -- faults`: each kind of fault on real processes a few times.

import { expect, test } from "vitest";
import { isClean, playProcessRow, reportLine } from "./fault-sweep.ts";
import { processRows } from "./process-rows.ts";

/** Kills and cuts are in kill-sweep.test.ts, and one fault of a kind must do in a test run. */
const shortNames = [
  "bridge stopped and continued",
  "line reset in mid-packet",
  "line repeats",
  "edge pwrite64 error=EIO",
  "edge fsync,fdatasync error=EIO",
  "bridge fsync,fdatasync error=EIO",
  "edge disk full",
  "bridge disk full",
];

test.each(processRows.filter(({ name }) => shortNames.includes(name)))(
  "$name: nothing lost, nothing twice",
  async (row) => {
    const report = await playProcessRow(row, 1, 1);
    process.stdout.write(`${reportLine(report)}\n`);
    expect(isClean(report), JSON.stringify(report)).toBe(true);
    // A busy machine sends slowly; that something went on is all that is asked.
    if (report.skipped === undefined) expect(report.acceptedCount).toBeGreaterThan(3);
  },
  120_000,
);
