// Scenarios of RFID portals: the door, the portal, how kind the physics is, who comes with what. One YAML
// file in config/scenarios/rfid/, one schema with ranges; which worlds it makes is up to the seed.

import { z } from "zod";
import { durationMsSchema, idSchema, locationSchema } from "../contract/units.ts";
import { climates } from "./world/physics.ts";
import { loadYamlFile } from "./yaml-file.ts";

const shareSchema = z.number().min(0).max(1);
const tagCountSchema = z.int().min(1).max(500);
const sideSchema = z.strictObject({
  location: locationSchema,
  antennas: z.array(z.int().min(1).max(16)).min(1).max(4),
});
const spanSchema = z
  .strictObject({ fromMs: durationMsSchema, toMs: durationMsSchema })
  .refine(({ fromMs, toMs }) => fromMs < toMs, { message: "ends before it begins" });

/** `in` is from side A to side B; `static` comes, stands there for a while, and goes back. */
export const passageKinds = ["in", "out", "pass_by", "turn_back", "static"] as const;

const actSchema = z.strictObject({
  kind: z.enum(passageKinds),
  atMs: durationMsSchema,
  tagCount: tagCountSchema.default(1),
});
export type PortalAct = z.infer<typeof actSchema>;

/** A portal scenario file. */
export const portalScenarioSchema = z.strictObject({
  name: idSchema,
  climate: z.enum(climates),
  durationMs: durationMsSchema.min(10_000).max(86_400_000),
  doorWidthMetres: z.number().min(0.8).max(4).default(1.6),
  portal: z.strictObject({
    deviceId: idSchema,
    sideA: sideSchema,
    sideB: sideSchema,
    /** Two light beams in the doorway, the first nearer to side A. */
    beams: z.strictObject({ deviceId: idSchema, lineA: z.string(), lineB: z.string() }).optional(),
  }),
  /** Gen2 session: with 0 a tag replies again at once, with 1 it is quiet for a while. */
  session: z.union([z.literal(0), z.literal(1)]).default(0),
  /** Tags that hang near the portal the whole day. */
  standingCount: z.int().min(0).max(1000).default(0),
  /** Who comes by chance; what is left of the shares stands there for a while. */
  traffic: z
    .strictObject({
      intervalMs: durationMsSchema.min(500).max(600_000),
      tagCountMax: tagCountSchema,
      inShare: shareSchema,
      outShare: shareSchema,
      passByShare: shareSchema,
      turnBackShare: shareSchema,
      /** Chance that somebody stops at each turn of the way. */
      pauseShare: shareSchema,
      /** Chance that goods come from a rack within reach, and likewise that they are hung on one. */
      rackShare: shareSchema.default(0),
    })
    .optional(),
  /** Who comes when. */
  acts: z.array(actSchema).max(1000).default([]),
  /** The reader is off. */
  outages: z.array(spanSchema).max(20).default([]),
  /** The network is down and the reader keeps its reads until it is back. */
  backlogs: z.array(spanSchema).max(20).default([]),
});
export type PortalScenario = z.infer<typeof portalScenarioSchema>;

/** Reads a portal scenario; GatewayError CONFIG_UNREADABLE or CONFIG_INVALID. */
export function loadPortalScenario(file: string): Promise<PortalScenario> {
  return loadYamlFile(portalScenarioSchema, file);
}
