// Feeds a decoder the same bytes in many ways, which must make no difference.

import fc from "fast-check";
import { expect } from "vitest";
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

/** Bytes written as hex, with spaces where they help to read it. */
export function bytesOf(hex: string): Uint8Array {
  return Uint8Array.from(Buffer.from(hex.replaceAll(" ", ""), "hex"));
}

export function hexOf(bytes: Uint8Array): string {
  return Buffer.from(bytes).toString("hex");
}

/** Pieces of noise, and of a sample with one byte changed. */
export function noisyPieces(sample: Uint8Array): fc.Arbitrary<Uint8Array[]> {
  const mutated = fc
    .tuple(fc.nat(sample.length - 1), fc.nat(255))
    .map(([at, byte]) => Uint8Array.from(sample).fill(byte, at, at + 1));
  return fc.array(fc.oneof(fc.uint8Array({ maxLength: 40 }), mutated));
}

/** Between random garbage, cut anywhere, the frame is found and no byte is lost from the account. */
export function expectFoundInNoise<Frame>(
  create: () => StreamDecoder<Frame>,
  encode: (frame: Frame) => Uint8Array,
  frame: Uint8Array,
): void {
  const noise = fc.uint8Array({ maxLength: 40 });
  const property = fc.property(noise, noise, fc.array(fc.nat(200)), (before, after, cuts) => {
    const stream = Buffer.concat([before, frame, after]);
    const edges = [0, ...cuts.map((cut) => cut % stream.length).sort((a, b) => a - b)];
    const pieces = edges.map((from, index) => stream.subarray(from, edges[index + 1]));
    const { frames, discardedByteCount } = feed(create(), pieces);
    const encoded = frames.map((each) => hexOf(encode(each)));
    const frameByteCount = encoded.reduce((sum, hex) => sum + hex.length / 2, 0);
    expect(frameByteCount + discardedByteCount).toBe(stream.length);
    expect(encoded).toContain(hexOf(frame));
  });
  fc.assert(property);
}
