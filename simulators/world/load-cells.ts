// Weighing cells as they are in shops: a sample is the load, late, swinging, drifting, rounded and now and then wild.
// Numbers are from stock-and-shelves.md section 3 (gondola noise, creep, HX711 spikes, calibration errors) and from
// data sheets of 5 to 20 kg bending beams. Tuning and judging draw from ranges of their own.

import type { WeightReading } from "../../contract/reading.ts";
import { gaussian, type Random } from "../random.ts";

/** From and to. */
type Range = readonly [number, number];

/** What differs from shelf to shelf. */
export interface CellPhysics {
  /** Standard deviation of the building's and the shoppers' vibration, and its memory from sample to sample. */
  readonly vibrationGrams: number;
  readonly vibrationMemory: number;
  /** Knocks against the shelf in an hour, and how far they swing a cell. */
  readonly bumpsPerHour: number;
  readonly bumpGrams: number;
  /** Share of samples that are wild, each alone. */
  readonly spikeShare: number;
  /** Relative error of a cell's slope, standard deviation. */
  readonly gainSd: number;
  /** Share of a load that creeps in over minutes. */
  readonly creepShare: number;
  /** Swing of the zero over a day by temperature. */
  readonly temperatureGrams: number;
  readonly resolutionGrams: number;
  /** What of the hand's force on a cell its neighbours feel. */
  readonly couplingShare: number;
  readonly capacityGrams: number;
}

const ranges: Readonly<Record<"tuning" | "judging", Record<keyof CellPhysics, Range>>> = {
  tuning: {
    vibrationGrams: [0.8, 2.5],
    vibrationMemory: [0.3, 0.7],
    bumpsPerHour: [2, 10],
    bumpGrams: [15, 60],
    spikeShare: [0.0002, 0.001],
    gainSd: [0.001, 0.003],
    creepShare: [0.0002, 0.0005],
    temperatureGrams: [0.5, 3],
    resolutionGrams: [0.1, 1],
    couplingShare: [0.005, 0.02],
    capacityGrams: [20_000, 20_000],
  },
  judging: {
    vibrationGrams: [1, 3.5],
    vibrationMemory: [0.2, 0.8],
    bumpsPerHour: [3, 15],
    bumpGrams: [20, 80],
    spikeShare: [0.0003, 0.002],
    gainSd: [0.001, 0.004],
    creepShare: [0.0002, 0.0008],
    temperatureGrams: [1, 5],
    resolutionGrams: [0.1, 2],
    couplingShare: [0.005, 0.03],
    capacityGrams: [20_000, 20_000],
  },
};

/** The physics of one shelf; `factor` scales what disturbs it. */
export function drawPhysics(
  kind: "tuning" | "judging",
  factor: number,
  random: Random,
): CellPhysics {
  const drawn = Object.entries(ranges[kind]).map(([name, [from, to]]) => [
    name,
    from + random() * (to - from),
  ]);
  const physics = Object.fromEntries(drawn) as unknown as CellPhysics;
  return {
    ...physics,
    vibrationGrams: physics.vibrationGrams * factor,
    bumpsPerHour: physics.bumpsPerHour * factor,
    spikeShare: physics.spikeShare * factor,
    temperatureGrams: physics.temperatureGrams * factor,
  };
}

/** The load on a cell from a time on, changing to it over `riseMs`; or a hand's force that comes and goes. */
export interface LoadChange {
  readonly atMs: number;
  readonly cell: number;
  readonly deltaGrams: number;
  readonly riseMs: number;
}

const swingHz = 4;
const swingDecayMs = 180;
const bumpDecayMs = 250;
const creepMs = 600_000;
const dayMs = 86_400_000;
/** After a change the cell swings by this share of it. */
const swingShare = 0.08;

interface Cell {
  readonly gain: number;
  readonly phase: number;
  noise: number;
  bump: { atMs: number; grams: number };
  creepGrams: number;
  loadGrams: number;
  swing: { atMs: number; grams: number };
}

/** Samples of all cells of a shelf, from its changes of load in the order of their times. */
export function* weighCells(options: {
  readonly deviceId: string;
  readonly cellCount: number;
  readonly physics: CellPhysics;
  readonly changes: readonly LoadChange[];
  readonly fromMs: number;
  readonly untilMs: number;
  readonly periodMs: number;
  readonly random: Random;
}): Generator<WeightReading> {
  const { deviceId, cellCount, physics, changes, fromMs, untilMs, periodMs, random } = options;
  const cells: Cell[] = Array.from({ length: cellCount }, () => ({
    gain: gaussian(random, 1, physics.gainSd),
    phase: random() * 2 * Math.PI,
    noise: 0,
    bump: { atMs: Number.NEGATIVE_INFINITY, grams: 0 },
    creepGrams: 0,
    loadGrams: 0,
    swing: { atMs: Number.NEGATIVE_INFINITY, grams: 0 },
  }));
  let active: LoadChange[] = [];
  let next = 0;
  const bumpChance = (physics.bumpsPerHour * periodMs) / 3_600_000;
  for (let atMs = fromMs; atMs < untilMs; atMs += periodMs) {
    for (; next < changes.length && changes[next]!.atMs <= atMs; next += 1)
      active.push(changes[next]!);
    for (const change of active.filter((each) => each.atMs + each.riseMs <= atMs)) {
      const cell = cells[change.cell - 1]!;
      cell.loadGrams += change.deltaGrams;
      cell.swing = { atMs, grams: change.deltaGrams * swingShare };
    }
    active = active.filter((each) => each.atMs + each.riseMs > atMs);
    const isBumped = random() < bumpChance;
    for (const [index, cell] of cells.entries()) {
      const weightGrams = sampleOf(cell, index + 1, { atMs, active, isBumped, physics, random });
      const isOver = Math.abs(weightGrams) > physics.capacityGrams;
      yield {
        kind: "weight",
        deviceId,
        cell: index + 1,
        weightGrams: Math.max(-physics.capacityGrams, Math.min(weightGrams, physics.capacityGrams)),
        status: isOver ? "overload" : "ok",
        receivedAtMs: atMs,
      };
    }
  }
}

function sampleOf(
  cell: Cell,
  number: number,
  world: {
    readonly atMs: number;
    readonly active: readonly LoadChange[];
    readonly isBumped: boolean;
    readonly physics: CellPhysics;
    readonly random: Random;
  },
): number {
  const { atMs, active, isBumped, physics, random } = world;
  const rising = active
    .filter((change) => change.cell === number)
    .reduce(
      (sum, { deltaGrams, atMs: fromMs, riseMs }) => sum + (deltaGrams * (atMs - fromMs)) / riseMs,
      0,
    );
  const felt = active
    .filter((change) => Math.abs(change.cell - number) === 1)
    .reduce((sum, { deltaGrams }) => sum + deltaGrams * physics.couplingShare, 0);
  const loadGrams = cell.loadGrams + rising;
  cell.creepGrams += ((loadGrams * physics.creepShare - cell.creepGrams) * 100) / creepMs;
  const memory = physics.vibrationMemory;
  cell.noise =
    cell.noise * memory + gaussian(random, 0, physics.vibrationGrams * Math.sqrt(1 - memory ** 2));
  if (isBumped) cell.bump = { atMs, grams: physics.bumpGrams * (0.3 + random()) };
  const swinging = decayed(cell.swing, atMs, swingDecayMs) + decayed(cell.bump, atMs, bumpDecayMs);
  const temperature =
    physics.temperatureGrams * Math.sin((2 * Math.PI * atMs) / dayMs + cell.phase);
  const isWild = random() < physics.spikeShare;
  const wild = isWild ? (random() < 0.5 ? -1 : 1) * (500 + random() * 9_500) : 0;
  const grams =
    loadGrams * cell.gain + cell.creepGrams + cell.noise + swinging + felt + temperature + wild;
  return Math.round(grams / physics.resolutionGrams) * physics.resolutionGrams;
}

function decayed({ atMs, grams }: { atMs: number; grams: number }, nowMs: number, decayMs: number) {
  const sinceMs = nowMs - atMs;
  if (sinceMs > 10 * decayMs) return 0;
  return grams * Math.exp(-sinceMs / decayMs) * Math.cos((2 * Math.PI * swingHz * sinceMs) / 1000);
}
