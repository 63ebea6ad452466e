// The simulation is worth what it finds: with each of the broken rules a seed must fail.

import { expect, test } from "vitest";
import { brokenRules } from "./broken-rules.ts";
import { runWorld } from "./world.ts";

/** A broken rule must be found within so many seeds. */
const seedCountMax = 60;

test.for(Object.entries(brokenRules))(
  "a bridge or edge that %s is found",
  {
    timeout: 120_000,
  },
  async ([name, broken]) => {
    let found: string | undefined;
    let seed = 0;
    for (; found === undefined && seed < seedCountMax; seed += 1) {
      const { kind, problems } = await runWorld(seed, undefined, undefined, broken);
      if (problems.length > 0) found = `${kind}: ${problems[0]}`;
    }
    process.stdout.write(`${name}: ${seed} seeds, ${found ?? "not found"}\n`);
    expect(found, name).toBeDefined();
  },
);
