// Settings of presence: zones that antennas look at all the time, of shelves, floors and back rooms.

import { z } from "zod";
import { durationMsSchema, epcHexSchema, idSchema, locationSchema } from "../../contract/units.ts";

const capsSchema = z.strictObject({
  /** A tag that is silent has gone at the earliest after this long of live antenna rounds, ... */
  departAfterMsMin: durationMsSchema.min(1000).max(86_400_000),
  /** ... and at the latest after this long, however seldom it was read before. */
  departAfterMsMax: durationMsSchema.min(1000).max(86_400_000),
  /** Silence that many tags share is taken for a body before the shelf for this long, and thrice for bodies in a row. */
  sharedSilenceMsMax: durationMsSchema.min(1000).max(86_400_000),
  /** Another zone must be this much stronger, ... */
  moveLeadDb: z.number().min(0).max(40),
  /** ... until the tag was silent here for this long; from then on the lead it needs falls, ... */
  moveHoldMs: durationMsSchema.max(3_600_000),
  /** ... by this. */
  moveFallDbPerSecond: z.number().min(0).max(40),
});
/** How patient a zone is. */
export type Caps = z.infer<typeof capsSchema>;

const patience = { moveLeadDb: 9, moveFallDbPerSecond: 0.5 };
/** By kind of zone. */
const profiles = {
  shelf: {
    ...patience,
    departAfterMsMin: 24_000,
    departAfterMsMax: 180_000,
    sharedSilenceMsMax: 300_000,
    moveHoldMs: 10_000,
  },
  zone: {
    ...patience,
    departAfterMsMin: 60_000,
    departAfterMsMax: 600_000,
    sharedSilenceMsMax: 900_000,
    moveHoldMs: 30_000,
  },
  backroom: {
    ...patience,
    departAfterMsMin: 120_000,
    departAfterMsMax: 1_800_000,
    sharedSilenceMsMax: 1_800_000,
    moveHoldMs: 60_000,
  },
} satisfies Record<string, Caps>;

const departTargets = ["basket", "unknown", "notice"] as const;
/** Where a tag is said to have gone: a shelf's into the basket; elsewhere nobody knows, unless told. */
const departToByProfile = { shelf: "basket", zone: "unknown", backroom: "notice" } as const;

const zoneSchema = z
  .strictObject({
    location: locationSchema,
    profile: z.enum(["shelf", "zone", "backroom"]),
    antennas: z
      .array(
        z.strictObject({
          deviceId: idSchema,
          antennas: z.array(z.int().min(1).max(255)).min(1).max(32),
        }),
      )
      .min(1)
      .max(32),
    /** `basket`: a customer's pick; `unknown`: moved, and nobody knows where to; `notice`: no movement. */
    departTo: z.enum(departTargets).optional(),
    /** A count of the zone is concluded this often; never, where absent. */
    countEveryMs: durationMsSchema.min(60_000).max(604_800_000).optional(),
    /** Weaker reads are left out. */
    rssiDbmMin: z.number().min(-150).max(0).optional(),
    /** Other patience than its profile's. */
    caps: capsSchema.partial().prefault({}),
  })
  .transform(({ caps, departTo, ...zone }) => ({
    ...zone,
    departTo: departTo ?? departToByProfile[zone.profile],
    caps: { ...profiles[zone.profile], ...caps } as Caps,
  }))
  .refine(({ caps }) => caps.departAfterMsMin <= caps.departAfterMsMax, {
    message: "departAfterMsMin is at most departAfterMsMax",
    path: ["caps"],
  });
export type ZoneConfig = z.infer<typeof zoneSchema>;

/** Zones between which tags may move. */
export const presenceConfigSchema = z
  .strictObject({
    /** Names it in what is stored. */
    id: idSchema,
    zones: z.array(zoneSchema).min(1).max(64),
    /** What a read rate counts in: about the time in which a reader goes round its antennas. */
    roundMs: durationMsSchema.min(100).max(60_000).default(500),
    /** An antenna that read any tag within this time is alive. */
    aliveWithinMs: durationMsSchema.min(500).max(600_000).default(2_000),
    /**
     * What proves that silence is silence: reads by the `antenna` itself, or its `device` being online.
     * With `antenna` the last tags of an antenna stay, unless a reference tag is read there.
     */
    proofOfLife: z.enum(["antenna", "device"]).default("antenna"),
    /** Tags that are fixed to the furniture: they prove an antenna alive and are no stock. */
    referenceEpcs: z.array(epcHexSchema).max(1000).default([]),
    /** A tag has arrived when it was read in so many rounds ... */
    arriveRoundCountMin: z.int().min(1).max(20).default(4),
    /** ... of this time, ... */
    arriveWithinMs: durationMsSchema.min(1000).max(600_000).default(15_000),
    /** ... the first and the last this far apart: who passes by does not arrive. */
    arriveSpanMsMin: durationMsSchema.max(600_000).default(5_000),
    /** Antennas that hear nothing for this long, their device being online, are reported. */
    frozenNoticeMs: durationMsSchema.min(10_000).max(86_400_000).default(600_000),
    /** Where a tag went is known for this long, should it come back. */
    departedKeepMs: durationMsSchema.min(60_000).max(2_592_000_000).default(86_400_000),
    /** Most tags followed at once, departed ones included. */
    tagCountMax: z.int().min(100).max(200_000).default(50_000),
  })
  .superRefine(({ zones }, context) => {
    const antennas = new Set<string>();
    const locations = new Set<string>();
    for (const [index, zone] of zones.entries()) {
      const names = zone.antennas.flatMap((one) => one.antennas.map((n) => `${one.deviceId}/${n}`));
      const twice = names.find((name, at) => antennas.has(name) || names.indexOf(name) !== at);
      for (const name of names) antennas.add(name);
      if (twice !== undefined) {
        const message = `antenna ${twice} looks at one zone only`;
        context.addIssue({ code: "custom", path: ["zones", index, "antennas"], message });
      }
      if (locations.has(zone.location)) {
        const message = `${zone.location} is one zone; list all its antennas there`;
        context.addIssue({ code: "custom", path: ["zones", index, "location"], message });
      }
      locations.add(zone.location);
    }
  });
export type PresenceConfig = z.infer<typeof presenceConfigSchema>;
