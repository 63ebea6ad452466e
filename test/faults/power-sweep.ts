// The long form of power-loss.test.ts: the power goes after every operation, the points shared among processes.

import { fork } from "node:child_process";
import { once } from "node:events";
import { availableParallelism } from "node:os";
import { fileURLToPath } from "node:url";
import { type PowerReport, recordRun } from "./power-loss.ts";
import { powerSubjects } from "./power-subjects.ts";
import type { PowerShare } from "./power-worker.ts";

/** Points beside each other leave the same files more often: a process takes so many in a row. */
const blockPointCount = 100;

/** Records a run and lets the power go after every so manieth of its operations. */
export async function sweepPower(
  name: keyof typeof powerSubjects,
  { transactionCount, every, seed }: { transactionCount: number; every: number; seed: number },
): Promise<PowerReport & { tookMs: number }> {
  const operations = await recordRun(powerSubjects[name], transactionCount);
  const points = operations.map((_, index) => index + 1).filter((point) => point % every === 0);
  const startedMs = performance.now();
  const workerCount = availableParallelism();
  const reports = await Promise.all(
    Array.from({ length: workerCount }, (_, worker) => {
      const isMine = (_: number, index: number) =>
        Math.floor(index / blockPointCount) % workerCount === worker;
      return playShare({ name, operations, crashPoints: points.filter(isMine), seed });
    }),
  );
  const sum = (count: (report: PowerReport) => number) =>
    reports.reduce((total, report) => total + count(report), 0);
  return {
    operationCount: operations.length,
    doneCount: sum(({ doneCount }) => doneCount),
    sameCount: sum(({ sameCount }) => sameCount),
    problems: reports.flatMap(({ problems }) => problems),
    tookMs: Math.round(performance.now() - startedMs),
  };
}

async function playShare(share: PowerShare): Promise<PowerReport> {
  const file = fileURLToPath(new URL("power-worker.ts", import.meta.url));
  const worker = fork(file, { execArgv: ["--import", "tsx"], serialization: "advanced" });
  worker.send(share);
  const answer = await Promise.race([once(worker, "message"), once(worker, "exit")]);
  if (typeof answer[0] !== "object") throw new Error(`a worker ended with ${answer[0]}`);
  return answer[0] as PowerReport;
}
