// What a seed means: which edges, how bad the network, when who dies, and the one special thing that
// happens in this world. Everything is drawn here, before anything runs.

import { between, integerBetween, pickOne, type Random } from "../../simulators/random.ts";
import { leaseMs } from "./bridge-worker.ts";
import type { Pause } from "./stillness.ts";
import { epochAtMs } from "./virtual-clock.ts";
import type { LinkFaults } from "./virtual-link.ts";

/** The special thing of a world. */
export const scenarioKinds = [
  "plain",
  "plain",
  "ledger_restored",
  "plain",
  "ledger_restored_behind_trimmed",
  "edge_cloned",
  "plain",
  "edge_set_back",
  "overflow",
  "bad_row",
  "unreadable_row",
  "wrong_clocks",
  "plain",
  "edge_disk_full",
  "ledger_disk_full",
  "learns_time",
  "plain",
  "poison_batch",
  "slow_link",
  "workers",
] as const;
export type ScenarioKind = (typeof scenarioKinds)[number];

/** One edge's part. */
export interface EdgePlan {
  readonly storeId: string;
  readonly edgeId: string;
  /** When it appends how many events. */
  readonly appends: readonly { readonly atMs: number; readonly count: number }[];
  /** When it dies: at that moment, or at the operation on its file that is so many further on. */
  readonly deaths: readonly Death[];
  /** Whether it knows that its clock is wrong until that jumps. */
  readonly learnsTime: boolean;
  /** How far its wall clock is off at the start, and when it jumps by how much. */
  readonly wallOffsetMs: number;
  readonly jumps: readonly { readonly atMs: number; readonly byMs: number }[];
}

/** A process ends. */
export interface Death {
  readonly atMs: number;
  /** Operations on its file that it still gets to ask for; 0 dies at once. */
  readonly operationCount: number;
  readonly isAfterOperation: boolean;
}

/** A whole run. */
export interface Plan {
  readonly seed: number;
  readonly kind: ScenarioKind;
  /** Faults and load end here; then everything must come to rest. */
  readonly activeMs: number;
  readonly edges: readonly EdgePlan[];
  readonly bridgeDeaths: readonly Death[];
  /** Bridges on one ledger. */
  readonly workerCount: number;
  /** When which of them stands still with its next write. */
  readonly pauses: readonly (Pause & { readonly worker: number; readonly atMs: number })[];
  /** Of its answers, after which the bridge dies at once. */
  readonly deathlyAnswerShare: number;
  readonly faults: LinkFaults;
  readonly isDurable: boolean;
  /** Whether a clone throws the original off the broker, as one client id does; else both are online. */
  readonly sharesClientId: boolean;
  /** The buffer overflows because answers are lost, not because nothing passes. */
  readonly overflowIsMute: boolean;
  readonly brokerForgetsAtMs: readonly number[];
  readonly halfOpens: readonly { readonly edge: number; readonly atMs: number }[];
  readonly intrusionsAtMs: readonly number[];
  /** The special thing begins, and ends or is done. */
  readonly special: { readonly beginAtMs: number; readonly endAtMs: number };
}

const dayMs = 86_400_000;
const unsyncedEventCount = 1_000;
/** Operations within which an edge dies, and a bridge: a few commits, and every statement of one. */
const edgeOperationCount = 8;
const bridgeOperationCount = 40;

/** The plan of a seed. */
export function planOf(seed: number, random: Random): Plan {
  const kind = scenarioKinds[seed % scenarioKinds.length]!;
  const activeMs = integerBetween(random, 20_000, 120_000);
  const times = (countMax: number) =>
    Array.from({ length: integerBetween(random, 0, countMax) }, () =>
      Math.floor(random() * activeMs),
    );
  const deaths = (countMax: number, operationCountMax: number): Death[] =>
    times(countMax).map((atMs) => ({
      atMs,
      operationCount: random() < 0.3 ? 0 : integerBetween(random, 1, operationCountMax),
      isAfterOperation: random() < 0.5,
    }));
  const isBusy = kind === "overflow" || kind === "ledger_restored_behind_trimmed";
  const isShared = kind === "poison_batch";
  const edgeCount = isBusy ? 1 : integerBetween(random, isShared ? 3 : 1, 3);
  const drawn = Array.from({ length: edgeCount }, (_, index): EdgePlan => {
    const appendCount = Math.ceil(integerBetween(random, 16, 40) / edgeCount);
    const plan: EdgePlan = {
      storeId: index < 2 ? "s0001" : "s0002",
      edgeId: `edge-${index + 1}`,
      appends: Array.from({ length: appendCount }, () => ({
        atMs: Math.floor(random() * activeMs),
        count: integerBetween(random, 1, kind === "slow_link" ? 30 : 3),
      })),
      deaths: deaths(2, edgeOperationCount),
      learnsTime: false,
      wallOffsetMs: kind === "wrong_clocks" ? (pickOne(random, wallOffsets) ?? 0) : 0,
      jumps:
        kind === "wrong_clocks"
          ? times(3).map((atMs) => ({ atMs, byMs: Math.floor(between(random, -400, 400) * dayMs) }))
          : [],
    };
    if (kind !== "learns_time" || index > 0) return plan;
    return learningTime(plan, Math.floor(between(random, 0.3, 0.7) * activeMs), random);
  });
  // All at the same times, so that their batches come in one group.
  const appends = drawn[0]!.appends;
  const edges = isShared ? drawn.map((edge) => ({ ...edge, appends })) : drawn;
  const beginAtMs = Math.floor(between(random, 0.1, 0.5) * activeMs);
  const endAtMs = beginAtMs + Math.floor(between(random, 0.1, 0.5) * activeMs);
  return {
    seed,
    kind,
    activeMs,
    edges,
    bridgeDeaths: deaths(3, bridgeOperationCount),
    ...workersOf(kind, activeMs, random),
    deathlyAnswerShare: random() < 0.7 ? 0 : random() * 0.2,
    sharesClientId: random() < 0.5,
    overflowIsMute: random() < 0.5,
    faults: faultsOf(kind, random),
    isDurable: random() < 0.5,
    brokerForgetsAtMs: times(2),
    halfOpens: times(2).map((atMs) => ({ atMs, edge: Math.floor(random() * edgeCount) })),
    intrusionsAtMs: random() < 0.5 ? times(12) : [],
    special: { beginAtMs, endAtMs },
  };
}

/** Workers, each of which stands still for a moment, or for longer than its leases live. */
function workersOf(kind: ScenarioKind, activeMs: number, random: Random) {
  if (kind !== "workers") return { workerCount: 1, pauses: [] };
  const workerCount = integerBetween(random, 2, 3);
  const pauses = Array.from({ length: integerBetween(random, 4, 12) }, () => ({
    worker: integerBetween(random, 0, workerCount - 1),
    atMs: Math.floor(random() * activeMs),
    forMs: Math.floor(leaseMs * (random() < 0.3 ? random() : between(random, 2, 8))),
    isAfterWrite: random() < 0.3,
  }));
  return { workerCount, pauses };
}

/** Wrong by nothing, by a time zone, or 25 years behind as a dead battery leaves it. */
const wallOffsets = [0, 3_600_000, -25 * 365 * dayMs];

/** The plan of an edge that boots at 2000-01-01 and learns the time after a thousand events; about then it dies. */
function learningTime(plan: EdgePlan, learnsAtMs: number, random: Random): EdgePlan {
  const wallOffsetMs = Date.UTC(2000, 0, 1) - epochAtMs;
  const early = Array.from({ length: unsyncedEventCount / 50 }, () => ({
    atMs: Math.floor(random() * learnsAtMs),
    count: 50,
  }));
  const death = {
    atMs: learnsAtMs + integerBetween(random, -10_000, 1_000),
    operationCount: integerBetween(random, 0, 4),
    isAfterOperation: random() < 0.5,
  };
  return {
    ...plan,
    appends: [...early, ...plan.appends],
    deaths: [...plan.deaths, death],
    learnsTime: true,
    wallOffsetMs,
    jumps: [{ atMs: learnsAtMs, byMs: -wallOffsetMs }],
  };
}

function faultsOf(kind: ScenarioKind, random: Random): LinkFaults {
  const share = (most: number) => (random() < 0.3 ? 0 : random() * most);
  return {
    dropShare: share(0.3),
    repeatShare: share(0.3),
    lateShare: share(0.3),
    delayMsMax: integerBetween(random, 5, 1_000),
    lateMsMax: integerBetween(random, 1_000, 60_000),
    bytesPerSecond:
      kind === "slow_link" ? integerBetween(random, 15, 60) : Number.POSITIVE_INFINITY,
  };
}
