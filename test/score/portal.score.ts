// Portals: every scenario config/scenarios/rfid/portal-*.yaml, ours and what people use today.

import { readdirSync, writeFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { loadPortalScenario } from "../../simulators/rfid-scenario.ts";
import { playPortal } from "../../simulators/world/portal-scene.ts";
import { PortalCard, type ScoreOptions, type ScoreRow } from "./card.ts";
import { portalRules } from "./portal-baselines.ts";
import { runPortal } from "./portal-machine.ts";
import { plotPortal } from "./portal-plot.ts";

const folder = fileURLToPath(new URL("../../config/scenarios/rfid/", import.meta.url));

/** The names of the portals' scenarios. */
export function portalScenarioNames(): string[] {
  const files = readdirSync(folder).filter((file) => /^portal-.*\.yaml$/.test(file));
  return files.map((file) => file.replace(/\.yaml$/, "")).sort();
}

/** A row for each scenario and method. */
export async function scorePortal({
  seeds,
  isWanted,
  plotsFolder,
}: ScoreOptions): Promise<ScoreRow[]> {
  const rows: ScoreRow[] = [];
  for (const name of portalScenarioNames().filter(isWanted)) {
    const scenario = await loadPortalScenario(`${folder}${name}.yaml`);
    const isSideA = (antenna: number) => scenario.portal.sideA.antennas.includes(antenna);
    const methods = ["ours", ...Object.keys(portalRules)];
    const cards = new Map(methods.map((method) => [method, new PortalCard()]));
    for (const seed of seeds) {
      const day = playPortal(scenario, seed);
      const { readings, passages, endAtMs } = day;
      const decisions = runPortal(scenario, readings, endAtMs);
      cards.get("ours")?.add(passages, decisions);
      if (plotsFolder !== undefined && seed === seeds[0]) {
        writeFileSync(`${plotsFolder}/${name}.svg`, plotPortal(day, decisions, isSideA));
      }
      for (const [method, rule] of Object.entries(portalRules)) {
        cards.get(method)?.add(passages, rule(readings, isSideA));
      }
    }
    rows.push(...[...cards].map(([method, card]) => card.row(name, method)));
  }
  return rows;
}
