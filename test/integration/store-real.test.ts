// Scenario quickstart with nothing replaced but people and hardware: simulated devices on pseudo-terminals,
// edge and bridge as processes, SQLite, an MQTT broker. At the end the ledger is the truth.

import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, test } from "vitest";
import type { GatewayError } from "../../contract/errors.ts";
import { systemClock } from "../../drivers/clock.ts";
import { Stage } from "../../simulators/demo/stage.ts";
import { Player } from "../../simulators/player.ts";
import { projectFile } from "../../simulators/program-file.ts";
import { loadScenario } from "../../simulators/scenario.ts";
import { type Balances, difference } from "../../simulators/world/truth.ts";

const firstSeed = Number(process.env["GONDOLA_SEED"] ?? 1);
/** The store is open for so long; with the opening count and the last shoppers a day takes twice that. */
const openMs = Number(process.env["GONDOLA_OPEN_MS"] ?? 5000);
const loaded = await loadScenario(projectFile("config/scenarios/quickstart.yaml"));

test.concurrent.each([firstSeed, firstSeed + 1])(
  "seed %i on real ports, processes and files ends with ledger = truth",
  { timeout: 180_000 },
  async (seed) => {
    const folder = await mkdtemp(join(tmpdir(), "gondola-store-real-"));
    const failures: GatewayError[] = [];
    try {
      const onFailure = (error: GatewayError) => failures.push(error);
      const stage = await Stage.open({ loaded, folder, seed, onFailure });
      try {
        const { truth, ledger } = await play(stage, seed);
        expect(Object.fromEntries(difference(truth, ledger)), `seed ${seed}`).toEqual({});
      } finally {
        await stage.close();
      }
    } finally {
      await rm(folder, { recursive: true, force: true });
    }
    expect(failures.map(({ message }) => message)).toEqual([]);
  },
);

async function play(stage: Stage, seed: number): Promise<{ truth: Balances; ledger: Balances }> {
  const player = new Player({
    scenario: { ...loaded.scenario, openMs },
    plan: loaded.plan,
    seed,
    clock: systemClock,
    onControl: (deviceId, message) => stage.control(deviceId, message),
  });
  await stage.monitor.nextHealth(({ devices }) => devices.every(({ state }) => state === "online"));
  player.begin();
  await player.reached("closed");
  await stage.monitor.nextHealth(({ waitingCount }) => waitingCount === 0);
  expect(await stage.ledger.sensingGaps()).toEqual([]);
  return { truth: player.world.truth.balances, ledger: await stage.ledger.balances() };
}
