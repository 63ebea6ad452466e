// The sensing of an edge at the exit: it has a portal and no till.

import { edgeConfigSchema } from "../../edge/config.ts";
import { buildPipeline } from "../../edge/sense/build-machines.ts";
import { Bench } from "../edge/sense/harness.ts";

/** `listAgeMsMax`: how old the list of what was sold may be; the configuration's own without it. */
export function exitEdge(
  storeId: string,
  startMs: number,
  list: { readonly listAgeMsMax?: number } = {},
): Bench {
  const config = edgeConfigSchema.parse({
    ...{ storeId, edgeId: "exit", dataDir: "/tmp", broker: { url: "mqtt://127.0.0.1" } },
    devices: [{ id: "portal-1", kind: "r2000", port: { path: "/dev/portal-1" } }],
    portals: [
      {
        deviceId: "portal-1",
        sideA: { location: `${storeId}/floor`, antennas: [1] },
        sideB: { location: `${storeId}/@exit`, antennas: [2] },
      },
    ],
    exit: { hasOtherTills: true, ...list },
  });
  return new Bench((count) => buildPipeline(config, startMs, count));
}
