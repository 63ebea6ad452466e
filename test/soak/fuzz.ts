// Random and mutated bytes into a decoder, in pieces of any size: it must neither throw nor hang, nor keep more
// than a frame's worth. Deterministic by its seed.

import { strict as assert } from "node:assert";
import { setImmediate } from "node:timers/promises";
import { integerBetween, seededRandom } from "../../simulators/random.ts";
import type { Target } from "./decoders.ts";

/** What was done. */
export interface FuzzReport {
  readonly byteCount: number;
  readonly frameCount: number;
  readonly discardedByteCount: number;
  readonly pendingByteCountMax: number;
}

/** No decoder may keep more than the longest thing it takes; those of serial lines take little. */
const pendingByteCountLimitDefault = 16 * 1024;
const chunkByteCountMax = 64;
const idleShare = 0.02;
const roundsPerTurn = 100;

/** Feeds so many bytes. Throws where the decoder does, or where it keeps too much. */
export async function fuzzDecoder(
  target: Target,
  byteCount: number,
  seed: number,
): Promise<FuzzReport> {
  const { pendingByteCountLimit = pendingByteCountLimitDefault } = target;
  const random = seededRandom(seed);
  const decoder = target.create();
  let fed = 0;
  let frameCount = 0;
  let discardedByteCount = 0;
  let pendingByteCountMax = 0;
  const take = (found: ReturnType<typeof decoder.push>) => {
    for (const item of found) {
      if (item.kind === "discarded") discardedByteCount += item.byteCount;
      else {
        frameCount += 1;
        target.read?.(item.frame);
      }
    }
  };
  for (let round = 1; fed < byteCount; round += 1) {
    // Streams clean up in later turns of the event loop, which bytes from a port always leave.
    if (round % roundsPerTurn === 0) await setImmediate();
    const chunk = random() < 0.5 ? noise() : mutated();
    fed += chunk.length;
    take(decoder.push(chunk));
    if (random() < idleShare) take(decoder.idle());
    pendingByteCountMax = Math.max(pendingByteCountMax, decoder.pendingByteCount);
    assert.ok(pendingByteCountMax <= pendingByteCountLimit, `keeps ${pendingByteCountMax} bytes`);
  }
  return { byteCount: fed, frameCount, discardedByteCount, pendingByteCountMax };

  function noise(): Uint8Array {
    const length = integerBetween(random, 1, chunkByteCountMax);
    return Uint8Array.from({ length }, () => integerBetween(random, 0, 255));
  }

  /** A valid input, whole, cut, or with some bytes changed. */
  function mutated(): Uint8Array {
    const sample = target.samples[integerBetween(random, 0, target.samples.length - 1)]!;
    const from = random() < 0.2 ? integerBetween(random, 0, sample.length - 1) : 0;
    const bytes = sample.slice(from);
    for (let changes = integerBetween(random, 0, 2); changes > 0; changes -= 1) {
      bytes[integerBetween(random, 0, bytes.length - 1)] = integerBetween(random, 0, 255);
    }
    return bytes;
  }
}
