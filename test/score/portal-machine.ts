// The sensing of this project at a portal, as the edge runs it.

import type { Reading } from "../../contract/reading.ts";
import { buildPipeline, senseConfigSchema } from "../../edge/sense/build-machines.ts";
import type { Output } from "../../edge/sense/machine.ts";
import type { PortalScenario } from "../../simulators/rfid-scenario.ts";
import type { PortalDecision } from "./card.ts";

/** Feeds readings through the pipeline; `settings` differ from the portal's defaults. */
export function runPortal(
  { portal }: Pick<PortalScenario, "portal">,
  readings: readonly Reading[],
  endAtMs: number,
  settings: object = {},
): PortalDecision[] {
  const config = senseConfigSchema.parse({ portals: [{ ...portal, ...settings }] });
  const pipeline = buildPipeline({ ...config, storeId: "s0042", edgeId: "edge-1" });
  const decisions: PortalDecision[] = [];
  const take = (output: Output, atMs: number) => {
    for (const one of output.conclusions) {
      if (one.type === "moved") {
        const kind = one.from?.location === portal.sideA.location ? "in" : "out";
        const decidedAtMs = Number(one.evidence?.["decidedAtMs"] ?? atMs);
        const { epc = "" } = one.item;
        decisions.push({ epc, kind, decidedAtMs, confidence: one.confidence });
      } else if (one.type === "noticed" && one.code === "passage_uncertain") {
        const epc = String(one.detail?.["epc"]);
        decisions.push({ epc, kind: "uncertain", decidedAtMs: atMs });
      }
    }
  };
  for (const reading of readings) take(pipeline.push(reading), reading.receivedAtMs);
  // Long enough for everything that waits for silence.
  take(pipeline.advance(endAtMs + 3_600_000), endAtMs);
  return decisions;
}
