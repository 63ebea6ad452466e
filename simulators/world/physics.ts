// The physics of a UHF world: every parameter by name, with its source and two ranges. A tuning world (what
// a model may be fitted to) and a judging world (what it is held against) draw from different ranges;
// the judging ranges are the wider ones, and were fixed before anything was fitted.

import { between, type Random } from "../random.ts";

/** Which ranges a world's physics is drawn from. */
export type WorldUse = "tuning" | "judging";

/** How kind the physics is. */
export const climates = ["easy", "normal", "hard"] as const;
export type Climate = (typeof climates)[number];

/** Least and most of tuning worlds, least and most of judging worlds. */
type Ranges = readonly [number, number, number, number];

/**
 * Sources by number: 1 ITU-R P.1238 (indoor loss, shadowing); 2 ITU-R P.2040 (walls at 900 MHz);
 * 3 Gudmundson 1991 (correlation of shadowing); 4 EPC Gen2 v2.1 (6.3.1.6.7 and table 6-20 flags, 6.3.2.10
 * slots); 5 ETSI EN 302 208 (2 W e.r.p.); 6 3GPP TR 38.901 table 7.3-1 (form of an antenna's pattern);
 * 7 maker's sheets of garment tag chips and of 9 dBic / 6 dBi panel antennas; 8 Nikitin and Rao 2006-2008
 * (backscatter link, orientation, modulation loss, fading of both ways); 9 bodies at UHF: 8-20 dB in
 * published portal and body-worn trials; 10 quoted in the project's study of RFID stores: read rates of
 * 60-70 % are common, gaps p50 1.5 s and p90 13 s on a walk, 36 ms and 0.14 s on a bench.
 */
const normal = {
  /** Of the reader's port less cable; with the antenna within the limit of 5. */
  txPowerDbm: [28, 30, 27, 30.5],
  /** 7 */
  antennaGainDbi: [5, 6.5, 5, 7],
  /** 6, 7: width at -3 dB. */
  beamWidthDeg: [62, 75, 58, 80],
  /** 7 says 18 and more; what comes round a door by way of ceiling, rails and racks leaves less. */
  frontToBackDb: [7, 11, 5, 12],
  /** 1: line of sight in shops, below 2 in corridors. */
  pathLossExponent: [1.8, 2.2, 1.7, 2.4],
  /** 1 */
  shadowSdDb: [2.5, 4, 2.5, 4.5],
  /** 3: scaled to rooms. */
  shadowLengthMetres: [0.8, 1.6, 0.6, 2],
  /** 8: a direct way and some reflections. */
  ricianKDb: [1, 5, 0, 6],
  /** People and doors move: how fast the reflections change while nothing of ours does. */
  driftHz: [0.1, 0.4, 0.05, 0.6],
  /** 9: the carrier between tag and antenna. */
  bodyLossDb: [9, 15, 8, 18],
  /** 9: somebody else for a moment, or standing there. */
  fadeLossDb: [8, 15, 8, 18],
  /** How often somebody comes between, an antenna. */
  fadesPerMinute: [0.5, 2, 0.3, 3],
  /** 2: plasterboard to brick. */
  wallLossDb: [2.5, 6, 2, 7],
  /** 8: the null of a dipole, as far as reflections fill it. */
  orientationLossDbMax: [10, 16, 9, 18],
  /** 8 */
  polarisationLossDb: [3, 3, 2.5, 3.5],
  /** 7: read sensitivity on cloth. */
  tagSensitivityDbm: [-18.5, -16.5, -19, -15.5],
  /** 7, 8: from tag to tag, its goods and its neighbours. */
  tagSpreadDb: [1, 2, 0.8, 2.6],
  /** 8 */
  modulationLossDb: [4, 7, 3, 8],
  /** What a reader makes of the same strength. */
  rssiNoiseDb: [0.5, 1.2, 0.4, 1.6],
  /** Step of the reported strength. */
  rssiStepDb: [0.5, 1, 0.5, 1],
  /** 4: a singulation, by radio mode (Miller 4 to FM0). */
  singulationMs: [2, 3.6, 1.6, 4.2],
  /** 4: Query and empty slots before and after. */
  roundOverheadMs: [12, 22, 10, 26],
  /** 4: a reply in its slot is decoded (collisions, noise). */
  decodeShare: [0.88, 0.97, 0.85, 0.98],
  /** 4, table 6-20: S1 keeps its flag 0.5 to 5 s. */
  persistenceMs: [800, 3000, 500, 5000],
  /** Reader, network, driver. */
  latencyMsMin: [3, 10, 2, 15],
  latencyMsMax: [20, 60, 15, 90],
  /** A report that comes late with all behind it. */
  stallsPerHour: [0, 6, 0, 12],
  stallMsMax: [100, 400, 100, 600],
  duplicateShare: [0, 0.01, 0, 0.015],
  missingShare: [0, 0.01, 0, 0.015],
  /** Two readings that change places. */
  reorderedShare: [0, 0.01, 0, 0.02],
  /** The reader's clock against ours. */
  clockErrorMs: [-500, 500, -2000, 2000],
  clockDriftPpm: [-50, 50, -100, 100],
  /** How fast people walk. */
  walkMetresPerSecondMin: [0.8, 1, 0.7, 1],
  walkMetresPerSecondMax: [1.3, 1.6, 1.3, 1.8],
} as const satisfies Record<string, Ranges>;

export type PhysicsName = keyof typeof normal;

/** What differs from `normal`: a well-fitted portal in an empty room, and a bad one in a full store. */
const others: Record<Climate, Partial<Record<PhysicsName, Ranges>>> = {
  normal: {},
  easy: {
    frontToBackDb: [18, 24, 18, 25],
    ricianKDb: [8, 12, 8, 12],
    bodyLossDb: [4, 8, 4, 9],
    wallLossDb: [8, 14, 8, 15],
    fadesPerMinute: [0, 0.2, 0, 0.3],
    shadowSdDb: [1, 2, 1, 2],
    orientationLossDbMax: [6, 10, 6, 10],
  },
  hard: {
    txPowerDbm: [27, 29, 26, 30],
    frontToBackDb: [5, 8, 4, 9],
    ricianKDb: [1, 5, 0, 6],
    bodyLossDb: [10, 17, 10, 20],
    wallLossDb: [1.5, 4, 1, 5],
    shadowSdDb: [3.5, 4.5, 3, 5.5],
    fadesPerMinute: [2, 5, 2, 7],
    orientationLossDbMax: [14, 20, 14, 22],
    tagSensitivityDbm: [-17, -14.5, -17.5, -13.5],
    tagSpreadDb: [2, 3, 2, 3.5],
    decodeShare: [0.75, 0.9, 0.7, 0.92],
    singulationMs: [3, 5, 2.8, 6],
    latencyMsMax: [60, 200, 50, 300],
    stallsPerHour: [10, 60, 10, 90],
    stallMsMax: [300, 1000, 300, 1500],
    duplicateShare: [0.01, 0.04, 0.01, 0.06],
    missingShare: [0.01, 0.05, 0.01, 0.07],
    reorderedShare: [0.01, 0.05, 0.01, 0.07],
    clockErrorMs: [-5000, 5000, -60_000, 60_000],
    walkMetresPerSecondMax: [1.6, 2, 1.6, 2.3],
  },
};

/** One world's physics; units stand in the names. */
export type Physics = Readonly<Record<PhysicsName, number>>;

/** Draws a world's physics. The same `random` gives the same world. */
export function drawPhysics(climate: Climate, use: WorldUse, random: Random): Physics {
  const drawn = Object.entries(normal).map(([name, usual]) => {
    const ranges: Ranges = others[climate][name as PhysicsName] ?? usual;
    const [least, most] = use === "tuning" ? [ranges[0], ranges[1]] : [ranges[2], ranges[3]];
    return [name, between(random, least, most)] as const;
  });
  return Object.fromEntries(drawn) as Physics;
}

/** Seeds below are tuning worlds, from it on judging worlds. */
export const judgingSeedMin = 100_000;

/** Which use a seed is for. */
export function useOf(seed: number): WorldUse {
  return seed < judgingSeedMin ? "tuning" : "judging";
}
