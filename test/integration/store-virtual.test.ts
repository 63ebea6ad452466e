// Scenario quickstart in virtual time over many seeds: at the end of the day the ledger is the truth, for
// every account. A failing seed is named; GONDOLA_SEEDS sets how many are tried, GONDOLA_SEED the first.

import { fileURLToPath } from "node:url";
import { expect, test } from "vitest";
import { loadScenario } from "../../simulators/scenario.ts";
import { difference } from "../../simulators/world/truth.ts";
import { playDay } from "./virtual-store.ts";

const seedCount = Number(process.env["GONDOLA_SEEDS"] ?? 50);
const firstSeed = Number(process.env["GONDOLA_SEED"] ?? 1);
const scenarioName = process.env["GONDOLA_SCENARIO"] ?? "quickstart";
const file = fileURLToPath(new URL(`../../config/scenarios/${scenarioName}.yaml`, import.meta.url));

test(`${seedCount} days from seed ${firstSeed} on end with ledger = truth`, {
  timeout: 600_000,
}, async () => {
  const loaded = await loadScenario(file);
  let movementCount = 0;
  for (let seed = firstSeed; seed < firstSeed + seedCount; seed += 1) {
    const day = await playDay(loaded, seed);
    movementCount += day.movementCount;
    const wrong = Object.fromEntries(difference(day.truth, day.ledger));
    const said = `seed ${seed}; the edge noticed:\n${day.notices.join("\n")}`;
    expect({ wrong, problems: day.problems }, said).toEqual({ wrong: {}, problems: [] });
  }
  process.stdout.write(`${scenarioName}: ${seedCount} days, ${movementCount} movements\n`);
  expect(movementCount).toBeGreaterThan(seedCount * 100);
});
