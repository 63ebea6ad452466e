// Feeds a decoder the same bytes in many ways, which must make no difference.

import type { Decoded, StreamDecoder } from "../../drivers/stream-decoder.ts";

/** What came out of a decoder: the frames, and how many bytes were none. */
export interface Fed<Frame> {
  readonly frames: Frame[];
  readonly discardedByteCount: number;
}

/** Feeds `pieces` in order, then silence until nothing is pending. */
export function feed<Frame>(decoder: StreamDecoder<Frame>, pieces: Uint8Array[]): Fed<Frame> {
  const found: Decoded<Frame>[] = pieces.flatMap((piece) => decoder.push(piece));
  while (decoder.pendingByteCount > 0) found.push(...decoder.idle());
  return {
    frames: found.flatMap((item) => (item.kind === "frame" ? [item.frame] : [])),
    discardedByteCount: found.reduce(
      (sum, item) => sum + (item.kind === "discarded" ? item.byteCount : 0),
      0,
    ),
  };
}

/** Whole, byte by byte, and in every two-way split. */
export function everyFeeding(bytes: Uint8Array): Uint8Array[][] {
  const splits = Array.from(bytes, (_, at) => [bytes.subarray(0, at), bytes.subarray(at)]);
  return [[bytes], Array.from(bytes, (byte) => Uint8Array.of(byte)), ...splits];
}
