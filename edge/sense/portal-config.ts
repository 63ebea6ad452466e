// Settings of an RFID portal.

import { z } from "zod";
import { stepSchema } from "../../contract/event.ts";
import { durationMsSchema, idSchema, locationSchema } from "../../contract/units.ts";
import { portalWeightsSchema } from "./portal-model.ts";

const sideSchema = z.strictObject({
  location: locationSchema,
  /** Antennas that look to this side. */
  antennas: z.array(z.int().min(1).max(255)).min(1).max(32),
});

/** Two light beams across the doorway, inputs of one device that are active while somebody stands in them. */
const beamSchema = z.strictObject({
  deviceId: idSchema,
  /** The line of the beam nearer to side A, and of the one nearer to side B. */
  lineA: z.string().min(1).max(64),
  lineB: z.string().min(1).max(64),
  /** A beam that is broken for longer says nothing any more: something stands in it, or it is out of line. */
  stuckAfterMs: durationMsSchema.min(1000).max(3_600_000).default(60_000),
});
export type BeamConfig = z.infer<typeof beamSchema>;

/** A portal between two locations. */
export const portalConfigSchema = z
  .strictObject({
    deviceId: idSchema,
    sideA: sideSchema,
    sideB: sideSchema,
    /** Where they are wired, a movement is told when somebody crossed them, and hardly where nobody did. */
    beams: beamSchema.optional(),
    /** Weights of its own (`gondola-edge label fit`), a file beside the configuration; without it those that every portal begins with. */
    weightsFile: z.string().min(1).max(500).optional(),
    /** What is in that file. */
    weights: portalWeightsSchema.optional(),
    stepAToB: stepSchema.default("relocating"),
    stepBToA: stepSchema.default("relocating"),
    /** A passage is over when its tag was silent for this long. */
    quietMs: durationMsSchema.min(100).max(60_000).default(1500),
    /** Fewest reads for a movement. */
    readCountMin: z.int().min(1).max(1000).default(3),
    /** Shortest passage that is a movement. */
    spanMsMin: durationMsSchema.max(60_000).default(300),
    /** Least probability of a movement; chosen on tuning seeds so that 99 of 100 in a normal store are right. */
    confidenceMin: z.number().min(0.5).max(0.999).default(0.95),
    /** A tag that stays longer than this is background: it stands there. */
    staticAfterMs: durationMsSchema.min(1000).max(3_600_000).default(60_000),
    /** A tag seen clearly and then silent for this long has gone; a stay begins anew. */
    goneAfterMs: durationMsSchema.min(1000).max(600_000).default(5_000),
    /** The same for a tag of which a read is caught now and then. */
    rareGoneAfterMs: durationMsSchema.min(1000).max(3_600_000).default(60_000),
    /** Background that was silent for this long, the portal being online, is forgotten. */
    forgetAfterMs: durationMsSchema.min(10_000).max(86_400_000).default(600_000),
    /** Background that is heard this much more strongly than before may be on its way. */
    wakeDb: z.number().min(1).max(40).default(6),
    /** Weaker reads are left out. */
    rssiDbmMin: z.number().min(-150).max(0).optional(),
    /** Most tags followed at once, background included. */
    tagCountMax: z.int().min(100).max(1_000_000).default(50_000),
  })
  .refine(({ sideA, sideB }) => !sideA.antennas.some((one) => sideB.antennas.includes(one)), {
    message: "an antenna looks to one side only",
    path: ["sideB", "antennas"],
  });
export type PortalConfig = z.infer<typeof portalConfigSchema>;
