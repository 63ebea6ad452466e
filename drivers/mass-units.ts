// Units of mass that scales print, exactly. A unit that is not here is unknown, and a weight in it is no
// weight: it is never guessed.

const gramsPerUnit: ReadonlyMap<string, number> = new Map([
  ["mg", 0.001],
  ["g", 1],
  ["kg", 1000],
  ["t", 1_000_000],
  ["ct", 0.2],
  // International pound of 1959 and its sixteenth.
  ["lb", 453.59237],
  ["oz", 28.349523125],
  ["ozt", 31.1034768],
]);

/** Heaviest weight that a reading may have (contract/reading.ts). */
export const weightGramsMax = 1e7;

/** A weight in grams, rounded to micrograms; undefined in a unit that is not known. */
export function gramsOf(value: number, unit: string): number | undefined {
  const gramsPer = gramsPerUnit.get(unit.toLowerCase());
  return gramsPer === undefined ? undefined : Math.round(value * gramsPer * 1e6) / 1e6;
}
