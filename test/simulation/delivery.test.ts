// The delivery simulation: every seed is a store with its own faults. GONDOLA_SEEDS sets how many run
// (from 0 on), GONDOLA_SEED runs one alone and prints what happens in it.

import { describe, expect, test } from "vitest";
import { scenarioKinds } from "./plan.ts";
import { type Outcome, runWorld } from "./world.ts";

const seedCount = Number(process.env["GONDOLA_SEEDS"] ?? 1_000);
const onlySeed = process.env["GONDOLA_SEED"];
/** Worlds that run side by side, so that the disk of one does not keep the others waiting. */
const laneCount = 3;
const timeoutMs = 1_200_000;

/** Runs seeds; one line for each that failed. */
async function runSeeds(seeds: number[]): Promise<{ outcomes: Outcome[]; failures: string[] }> {
  const waiting = [...seeds];
  const outcomes: Outcome[] = [];
  const failures: string[] = [];
  const lane = async () => {
    for (let seed = waiting.shift(); seed !== undefined; seed = waiting.shift()) {
      const outcome = await runWorld(seed);
      outcomes.push(outcome);
      if (outcome.problems.length === 0) continue;
      const again = `GONDOLA_SEED=${seed} npx vitest run test/simulation/delivery.test.ts`;
      failures.push(`seed ${seed} (${outcome.kind}): ${outcome.problems.join("; ")}\n  ${again}`);
    }
  };
  await Promise.all(Array.from({ length: laneCount }, lane));
  return { outcomes, failures };
}

describe.runIf(onlySeed === undefined)("delivery", () => {
  test(`nothing accepted is lost or doubled: ${seedCount} seeds`, {
    timeout: timeoutMs,
  }, async () => {
    const seeds = Array.from({ length: seedCount }, (_, seed) => seed);
    const { outcomes, failures } = await runSeeds(seeds);
    expect(failures.join("\n")).toBe("");
    // A run of many seeds in which the faults did not happen would prove nothing.
    if (seedCount < 200) return;
    for (const [kind, what] of [
      ["plain", "edge died"],
      ["plain", "bridge died"],
      ["ledger_restored", "ledger_behind"],
      ["ledger_restored_behind_trimmed", "event declared lost"],
      ["edge_cloned", "outbox_diverged"],
      ["edge_set_back", "outbox_diverged"],
      ["overflow", "event declared lost"],
      ["unreadable_row", "event_set_aside"],
      ["edge_disk_full", "disk full"],
      ["ledger_disk_full", "disk full"],
      ["learns_time", "clock_set"],
      ["poison_batch", "poison among others"],
      ["slow_link", "batch slower than its timeout"],
      ["workers", "worker stood still"],
      ["workers", "zombie wrote"],
    ] as const) {
      const hits = outcomes.filter(
        (outcome) => outcome.kind === kind && outcome.happened.has(what),
      );
      expect(hits.length, `worlds "${kind}" in which "${what}"`).toBeGreaterThan(seedCount / 200);
    }
  });

  test("a seed gives the same run again", { timeout: timeoutMs }, async () => {
    const seeds = scenarioKinds.map((_, seed) => seed);
    const first = await runSeeds(seeds);
    const second = await runSeeds(seeds);
    const hashes = ({ outcomes }: { outcomes: Outcome[] }) =>
      Object.fromEntries(outcomes.map(({ seed, traceHash }) => [seed, traceHash]));
    expect(hashes(second)).toEqual(hashes(first));
  });
});

test.runIf(onlySeed !== undefined)(`seed ${onlySeed}`, { timeout: timeoutMs }, async () => {
  const outcome = await runWorld(Number(onlySeed), (line) => process.stdout.write(`${line}\n`));
  expect(outcome.problems).toEqual([]);
});
