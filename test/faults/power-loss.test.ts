// The short form of row 10: some of all the moments at which the power can go in a run of 500 transactions.
// `npm run soak -- power` takes every one.

import { spawnSync } from "node:child_process";
import { expect, test } from "vitest";
import { seededRandom } from "../../simulators/random.ts";
import { filesAfter, parseOperations } from "./file-operations.ts";
import { playPowerLosses, recordRun } from "./power-loss.ts";

const hasStrace = spawnSync("strace", ["-V"]).status === 0;
const crashPointCount = 60;

test.skipIf(!hasStrace)(
  `the power goes at ${crashPointCount} moments of 500 transactions: all accepted is there, the buffer is whole (needs strace)`,
  async () => {
    const operations = await recordRun(500);
    const syncCount = operations.filter(({ kind }) => kind === "sync").length;
    expect(syncCount).toBeGreaterThanOrEqual(500);
    expect(operations.at(-1)).toEqual({ kind: "accepted", sequence: 501 });
    const random = seededRandom(7);
    const points = Array.from({ length: crashPointCount }, () =>
      Math.ceil(random() * operations.length),
    );
    const report = await playPowerLosses(operations, points, 7);
    process.stdout.write(
      `power: ${report.doneCount} losses of power among ${report.operationCount} operations\n`,
    );
    expect(report).toMatchObject({ doneCount: 3 * crashPointCount, problems: [] });
    // What was synced is all that the promise stands on: without it, accepted events are lost.
    const unsynced = operations.filter(({ kind }) => kind !== "sync");
    const without = await playPowerLosses(unsynced, [unsynced.length], 7);
    expect(without.problems.length).toBeGreaterThan(0);
  },
  120_000,
);

test("a record is read as it is written, calls that another thread interrupts too", () => {
  const hex = (text: string) =>
    [...Buffer.from(text)].map((byte) => `\\x${byte.toString(16).padStart(2, "0")}`).join("");
  const record = [
    `7 pwrite64(5</d/a>, "${hex("abcd")}", 4, 2) = 4`,
    `7 fdatasync(5</d/a> <unfinished ...>`,
    `8 write(1<pipe:[1]>, "${hex("accepted 3\n")}", 11) = 11`,
    "7 <... fdatasync resumed>) = 0",
    `7 pwrite64(5</d/a>, "${hex("xy")}", 2, 0) = 2`,
    `7 pwrite64(6</other>, "${hex("no")}", 2, 0) = 2`,
    `7 rename("${hex("/d/a")}", "${hex("/d/b")}") = 0`,
  ].join("\n");
  const operations = parseOperations(record, "/d/");
  expect(operations.map(({ kind }) => kind)).toEqual([
    ...["write", "accepted", "sync", "write", "rename"],
  ]);
  const left = (loss: "nothing" | "some writes") =>
    Object.fromEntries(filesAfter(operations, 9, loss, () => 0));
  expect(left("nothing")).toEqual({ "/d/b": Buffer.from("\0\0abcd") });
  expect(left("some writes")).toEqual({ "/d/b": Buffer.from("xyabcd") });
});
