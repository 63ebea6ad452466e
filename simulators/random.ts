// Seeded chance: the same seed gives the same store, shoppers and noise, on any machine.

/** A source of numbers in [0, 1). */
export type Random = () => number;

/** mulberry32: small, fast, and good enough for shoppers (not for secrets). */
export function seededRandom(seed: number): Random {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 0x1_0000_0000;
  };
}

/** A number in [least, most). */
export function between(random: Random, least: number, most: number): number {
  return least + random() * (most - least);
}

/** A whole number in [least, most]. */
export function integerBetween(random: Random, least: number, most: number): number {
  return least + Math.floor(random() * (most - least + 1));
}

/** One member, or undefined of an empty list. */
export function pickOne<T>(random: Random, list: readonly T[]): T | undefined {
  return list[Math.floor(random() * list.length)];
}

/** A normally distributed number (Box-Muller). */
export function gaussian(random: Random, mean: number, standardDeviation: number): number {
  const radius = Math.sqrt(-2 * Math.log(1 - random()));
  return mean + standardDeviation * radius * Math.cos(2 * Math.PI * random());
}

/** Time to the next of events that come by chance, `meanMs` apart on average (exponential, whole ms). */
export function waitMs(random: Random, meanMs: number): number {
  return Math.round(-Math.log(1 - random()) * meanMs);
}
