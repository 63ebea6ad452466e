// The short form of row 10: some of all the moments at which the power can go in a run of transactions.
// `npm run soak -- power` takes every one.

import { spawnSync } from "node:child_process";
import { expect, test } from "vitest";
import { seededRandom } from "../../simulators/random.ts";
import { type FileOperation, parseOperations } from "./file-operations.ts";
import { filesAfter, PowerDisk, type PowerLoss } from "./power-disk.ts";
import { playPowerLosses, recordRun } from "./power-loss.ts";
import { bufferSubject, ledgerSubject } from "./power-subjects.ts";

const hasStrace = spawnSync("strace", ["-V"]).status === 0;

/** Each of the first ones, when the files come into being. */
const firstPointCount = 20;

const subjects = [
  ...[{ name: "an edge's buffer", subject: bufferSubject, transactionCount: 500, pointCount: 60 }],
  ...[{ name: "a ledger", subject: ledgerSubject, transactionCount: 200, pointCount: 40 }],
];

test.skipIf(!hasStrace).each(subjects)(
  "the power goes at $pointCount moments and the first of $transactionCount transactions of $name: all accepted is there (needs strace)",
  async ({ name, subject, transactionCount, pointCount }) => {
    const operations = await recordRun(subject, transactionCount);
    const syncCount = operations.filter(({ kind }) => kind === "sync").length;
    expect(syncCount).toBeGreaterThanOrEqual(transactionCount);
    expect(operations.at(-1)).toMatchObject({ kind: "accepted" });
    const random = seededRandom(7);
    const points = Array.from({ length: firstPointCount + pointCount }, (_, index) =>
      index < firstPointCount ? index + 1 : Math.ceil(random() * operations.length),
    );
    const report = await playPowerLosses(subject, operations, points, 7);
    process.stdout.write(
      `power: ${report.doneCount} losses of power among ${report.operationCount} operations of ${name}\n`,
    );
    expect(report).toMatchObject({ doneCount: 3 * points.length, problems: [] });
    // What was synced is all that the promise stands on: without it, accepted events are lost.
    const unsynced = operations.filter(({ kind }) => kind !== "sync");
    const without = await playPowerLosses(subject, unsynced, [unsynced.length], 7);
    expect(without.problems.length).toBeGreaterThan(0);
  },
  180_000,
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

test("a disk whose power was cut goes on as if it had not been; the same files have the same name", () => {
  const random = seededRandom(3);
  const below = (count: number) => Math.floor(random() * count);
  const operations = Array.from({ length: 150 }, (): FileOperation => {
    const file = `/d/${below(2)}`;
    const bytes = Buffer.alloc(1 + below(700), below(3));
    if (below(10) === 0) return { kind: "truncate", file, size: below(2000) };
    if (below(5) === 0) return { kind: "sync", file };
    return { kind: "write", file, offset: 256 * below(12), bytes };
  });
  const textOf = (files: ReadonlyMap<string, Buffer>) =>
    [...files].map(([file, content]) => `${file} ${content.toString("base64")}`).join("\n");
  const losses: PowerLoss[] = ["nothing", "some writes", "some sectors"];
  const disk = new PowerDisk();
  const known = new Map<string, string>();
  for (const [index, operation] of operations.entries()) {
    disk.take(operation);
    for (const [turn, loss] of [...losses, ...losses].entries()) {
      const name = disk.cut(loss, seededRandom(10 * index + turn));
      const left = textOf(disk.files());
      const fresh = filesAfter(operations, index + 1, loss, seededRandom(10 * index + turn));
      expect(left).toBe(textOf(fresh));
      expect(known.get(name) ?? left).toBe(left);
      known.set(name, left);
      disk.restore();
    }
  }
  // Nothing left of what waits is the same twice.
  expect(known.size).toBeLessThanOrEqual(5 * operations.length);
});
