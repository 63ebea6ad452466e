// From the configuration to the sensing machines of an edge.

import { z } from "zod";
import { GatewayError } from "../../contract/errors.ts";
import { durationMsSchema, type EpcHex, isWithin } from "../../contract/units.ts";
import { exitConfigSchema } from "./exit-config.ts";
import { ExitGuard } from "./exit-guard.ts";
import type { Count, Machine } from "./machine.ts";
import { Outage, outageConfigSchema } from "./outage.ts";
import { Pipeline } from "./pipeline.ts";
import { Portal } from "./portal.ts";
import { portalConfigSchema } from "./portal-config.ts";
import { Presence } from "./presence.ts";
import { presenceConfigSchema } from "./presence-config.ts";
import { SameUnit } from "./same-unit.ts";
import { Scanner } from "./scan.ts";
import { scannerConfigSchema } from "./scan-config.ts";
import { Shelf } from "./shelf.ts";
import { shelfConfigSchema } from "./shelf-config.ts";

/** The sensing part of an edge's configuration. */
export const senseConfigSchema = z.strictObject({
  portals: z.array(portalConfigSchema).max(64).default([]),
  presences: z
    .array(presenceConfigSchema)
    .max(16)
    .refine(
      (all) => new Set(all.map(({ id }) => id)).size === all.length,
      "an id is one presence's",
    )
    .default([]),
  shelves: z.array(shelfConfigSchema).max(64).default([]),
  scanners: z.array(scannerConfigSchema).max(64).default([]),
  exit: exitConfigSchema.prefault({}),
  outage: outageConfigSchema.prefault({}),
  /** A read that was longer than this on its way, by its reader's own clock, is of the past. */
  latenessMsMax: durationMsSchema.min(1000).max(600_000).default(10_000),
});
export type SenseConfig = z.infer<typeof senseConfigSchema>;

/**
 * Builds the sensing of an edge. `lastAliveAtMs`: through when sensing was complete in its last life, as
 * the outbox knows it. CONFIG_INVALID for a location of another store or a device used twice.
 */
export function buildPipeline(
  config: SenseConfig & { readonly storeId: string; readonly edgeId: string },
  lastAliveAtMs?: number,
  count: Count = () => undefined,
): Pipeline {
  const { storeId, edgeId, portals, presences, shelves, scanners } = config;
  refuseForeignLocations(config);
  const sensors: Machine[] = [
    ...portals.map((portal) => new Portal(portal, count)),
    ...presences.map((presence) => new Presence(presence, count)),
    ...shelves.map((shelf) => new Shelf(shelf, count)),
    ...scanners.map((scanner) => new Scanner(storeId, scanner, count)),
  ];
  // Beams may be lines of one device for several portals.
  const deviceIds = sensors.flatMap((machine) =>
    machine instanceof Portal ? machine.deviceIds.slice(0, 1) : machine.deviceIds,
  );
  const twice = deviceIds.find((deviceId, index) => deviceIds.indexOf(deviceId) !== index);
  if (twice !== undefined) {
    const message = `device ${twice} has more than one of portals, presences, shelves and scanners`;
    throw new GatewayError("CONFIG_INVALID", message);
  }
  const machineOf = new Map(
    sensors.flatMap((machine) => machine.deviceIds.map((id) => [id, machine])),
  );
  const outage = new Outage({
    edgeId,
    deviceIds,
    config: config.outage,
    decidedThroughMs: (deviceId, nowMs) =>
      machineOf.get(deviceId)?.decidedThroughMs(nowMs) ?? nowMs,
    lastAliveAtMs,
  });
  const tills = scanners.filter(({ workflow }) => workflow === "sell");
  const tillIds = tills.map(({ deviceId }) => deviceId);
  const followers = sensors.filter((machine) => machine instanceof Presence);
  const lastSeen = (epc: EpcHex) =>
    followers.map((machine) => machine.lastSeen(epc)).find((seen) => seen !== undefined);
  const arbiters = [new SameUnit(count, lastSeen), new ExitGuard(config.exit, tillIds, count)];
  const { latenessMsMax } = config;
  return new Pipeline({ machines: [outage, ...sensors], arbiters, count, latenessMsMax });
}

function refuseForeignLocations(config: SenseConfig & { readonly storeId: string }): void {
  const { storeId, portals, presences, shelves, scanners } = config;
  const locations = [
    ...portals.flatMap(({ sideA, sideB }) => [sideA.location, sideB.location]),
    ...presences.flatMap(({ zones }) => zones.map(({ location }) => location)),
    ...shelves.flatMap(({ cells, stockroom }) => [
      ...cells.map((cell) => cell.location),
      stockroom,
    ]),
    ...scanners.map(({ location }) => location),
  ];
  const foreign = locations.find((one) => one !== undefined && !isWithin(one, storeId));
  if (foreign === undefined) return;
  const message = `location ${foreign} does not belong to store ${storeId}`;
  throw new GatewayError("CONFIG_INVALID", message);
}
