// What every codec's decoder looks like: bytes in, frames out. Garbage is a value, never an
// exception and never silent.

/** One thing found in a stream: a whole frame, or bytes that belong to none. */
export type Decoded<Frame> =
  | { readonly kind: "frame"; readonly frame: Frame }
  | { readonly kind: "discarded"; readonly byteCount: number; readonly reason: string };

/** Finds frames in a stream that may begin, break and err anywhere. */
export interface StreamDecoder<Frame> {
  /** Bytes that may be the beginning of a frame. */
  readonly pendingByteCount: number;
  /** After this time without a byte the beginning is taken for what it is. */
  readonly idleMs: number;
  push(chunk: Uint8Array): Decoded<Frame>[];
  /** The line was quiet for `idleMs`: gives up (or, where silence ends a frame, hands out) what is pending. */
  idle(): Decoded<Frame>[];
}
