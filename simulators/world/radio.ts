// Radio at a portal: which antenna hears a tag, and how strongly, from where the tag is. Side A's
// antennas look into the stockroom (x < 0), side B's onto the floor (x > 0); the door is at 0.

import { gaussian, type Random } from "../random.ts";

/** One tag as one antenna hears it. */
export interface HeardTag {
  readonly epc: string;
  readonly antenna: number;
  readonly rssiDbm: number;
}

/** How far from the door a tag is out of reach of every antenna. */
export const reachMetres = 4;

const antennaOffsetMetres = 0.8;
const passingDistanceMetres = 1.2;
const rssiDbmAtOneMetre = -42;
/** Loss per decade of distance: free space plus bodies and cloth. */
const lossDbPerDecade = 30;
/** Behind its back an antenna hears this much less. */
const backLossDb = 9;
const noiseDb = 1.5;
const sensitivityDbm = -62;

/** What the antennas hear of one tag at `metres` from the door. */
export function hear(
  epc: string,
  metres: number,
  antennas: { a: readonly number[]; b: readonly number[] },
  random: Random,
): HeardTag[] {
  const heard: HeardTag[] = [];
  for (const [side, numbers] of [
    [-1, antennas.a],
    [1, antennas.b],
  ] as const) {
    for (const antenna of numbers) {
      const ahead = metres * side - antennaOffsetMetres;
      const loss = lossDbPerDecade * Math.log10(Math.hypot(ahead, passingDistanceMetres));
      const behind = ahead < 0 ? backLossDb : 0;
      const rssiDbm = Math.round(gaussian(random, rssiDbmAtOneMetre - loss - behind, noiseDb));
      if (rssiDbm >= sensitivityDbm) heard.push({ epc, antenna, rssiDbm });
    }
  }
  return heard;
}
