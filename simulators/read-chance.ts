// How likely a simulated reader reads a tag.

/** How steeply the chance falls around the sensitivity. */
const slopeDb = 2;

/** From 0 to 1; one half where the signal is the reader's sensitivity. */
export function readChance(rssiDbm: number, sensitivityDbm: number): number {
  return 1 / (1 + Math.exp((sensitivityDbm - rssiDbm) / slopeDb));
}
