// Holds the ledger against the truth. A difference is forgiven only where it is made of movements
// that really happened while the edge had declared itself blind.

import { accountKey, addTransfer, type Balances, type Movement } from "../world/truth.ts";

/** A time in which the edge says it (or some of its devices) sensed nothing. */
export interface SensingGap {
  readonly fromAtMs: number;
  readonly toAtMs: number;
  readonly deviceIds: readonly string[];
}

/** What a device says reaches the edge this much later on a busy machine; at a kill it is lost on the way. */
const onTheWayMs = 500;

/**
 * Movements of which something fell into a gap of the device that can sense them, or was on its way to
 * the edge when it began.
 */
export function movementsInside(
  movements: readonly Movement[],
  gaps: readonly SensingGap[],
): Movement[] {
  return movements.filter(({ deviceId, beganAtMs, endedAtMs }) =>
    gaps.some(
      ({ fromAtMs, toAtMs, deviceIds }) =>
        deviceId !== undefined &&
        deviceIds.includes(deviceId) &&
        beganAtMs <= toAtMs &&
        endedAtMs >= fromAtMs - onTheWayMs,
    ),
  );
}

/**
 * Which of `candidates` the ledger missed, if missing exactly these makes the whole `missing` balance;
 * undefined when no choice of them does.
 */
export function explain(
  missing: Balances,
  candidates: readonly Movement[],
): Movement[] | undefined {
  const explained: Movement[] = [];
  for (const gtin of new Set([...missing.keys()].map(gtinOf))) {
    const ofGtin = new Map([...missing].filter(([key]) => gtinOf(key) === gtin));
    const ways = waysOf(candidates.filter((movement) => movement.gtin === gtin));
    const chosen = choose(ofGtin, ways, 0);
    if (chosen === undefined) return undefined;
    explained.push(...chosen);
  }
  return explained;
}

/** Units that moved the same way are alike: only how many of them were missed matters. */
function waysOf(movements: readonly Movement[]): Movement[][] {
  const ways = new Map<string, Movement[]>();
  for (const movement of movements) {
    const { from, to, gtin } = movement;
    const key = `${accountKey(from, gtin)} > ${accountKey(to, gtin)}`;
    ways.set(key, [...(ways.get(key) ?? []), movement]);
  }
  return [...ways.values()];
}

/** Takes as few as possible of each way, so that what is listed is no more than what is missing. */
function choose(
  missing: ReadonlyMap<string, number>,
  ways: readonly Movement[][],
  index: number,
): Movement[] | undefined {
  if (missing.size === 0) return [];
  const way = ways[index];
  const first = way?.[0];
  if (way === undefined || first === undefined) return undefined;
  for (let count = 0; count <= way.length; count += 1) {
    const rest = new Map(missing);
    addTransfer(rest, first, -count);
    const others = choose(rest, ways, index + 1);
    if (others !== undefined) return [...way.slice(0, count), ...others];
  }
  return undefined;
}

function gtinOf(key: string): string {
  return key.slice(key.lastIndexOf(" ") + 1);
}
