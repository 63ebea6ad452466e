// Cuts a connection whose next MQTT packet announces more bytes than allowed (the broker's parser would collect up to
// 256 MB for one packet, even before CONNECT), or that sends packets of control faster than the broker answers them.

import type { Socket } from "node:net";
import { PublishRate } from "./broker-rate.ts";

/** Packets that cost work and are no messages (MQTT 3.1.1, table 2.1): acknowledgements come as messages are delivered. */
const controls = { PUBREL: 6, SUBSCRIBE: 8, UNSUBSCRIBE: 10, PINGREQ: 12 };
const controlTypes: readonly number[] = Object.values(controls);
const connectType = 1;
/** A packet with many filters counts as many. */
const controlSizeBytes = 64;

/** How many packets of control a packet counts as. */
export function controlCount(type: number, lengthBytes: number): number {
  return controlTypes.includes(type) ? 1 + Math.floor(lengthBytes / controlSizeBytes) : 0;
}

/** Follows the packet borders of an MQTT byte stream (MQTT 3.1.1, 2.2: a type byte, a length of 1-4 bytes, the rest). */
export class PacketBorders {
  readonly #sizeBytesMax: number;
  readonly #admit: (type: number, lengthBytes: number) => boolean;
  #type = 0;
  #restBytes = 0;
  #lengthBytes = 0;
  #length = 0;
  #inLength = false;

  /** `admit` is asked for each packet once its length is known. */
  constructor(
    sizeBytesMax: number,
    admit: (type: number, lengthBytes: number) => boolean = () => true,
  ) {
    this.#sizeBytesMax = sizeBytesMax;
    this.#admit = admit;
  }

  /** Takes the next bytes; false as soon as a packet is too large, is not admitted or its length is malformed. */
  accept(chunk: Uint8Array): boolean {
    let at = 0;
    while (at < chunk.length) {
      if (this.#restBytes > 0) {
        const step = Math.min(this.#restBytes, chunk.length - at);
        this.#restBytes -= step;
        at += step;
      } else if (!this.#acceptHeaderByte(chunk[at++]!)) {
        return false;
      }
    }
    return true;
  }

  #acceptHeaderByte(byte: number): boolean {
    if (!this.#inLength) {
      this.#inLength = true;
      this.#type = byte >> 4;
      this.#length = 0;
      this.#lengthBytes = 0;
      return true;
    }
    this.#length += (byte & 0x7f) * 128 ** this.#lengthBytes;
    this.#lengthBytes += 1;
    if (this.#length > this.#sizeBytesMax) return false;
    if ((byte & 0x80) !== 0) return this.#lengthBytes < 4;
    this.#inLength = false;
    this.#restBytes = this.#length;
    return this.#admit(this.#type, this.#length);
  }
}

/** A guard on a socket; `lift` takes it away (for the bridge's own connection, whose plans are large). */
export function guardPackets(
  socket: Socket,
  options: {
    sizeBytesMax: number;
    connectSizeBytesMax: number;
    controlsPerSecondMax: number;
    monotonicMs: () => number;
    onRefused: (message: string) => void;
  },
): { lift: () => void } {
  const { sizeBytesMax, connectSizeBytesMax, controlsPerSecondMax, monotonicMs } = options;
  const rate = new PublishRate(controlsPerSecondMax, monotonicMs());
  let message = `an MQTT packet is malformed or larger than ${sizeBytesMax} bytes`;
  let isFirst = true;
  const borders = new PacketBorders(sizeBytesMax, (type, lengthBytes) => {
    // Nobody knows yet who it is: no more is kept for it than a CONNECT with a will needs.
    if (isFirst && (type !== connectType || lengthBytes > connectSizeBytesMax)) {
      message = `the first packet is no CONNECT of at most ${connectSizeBytesMax} bytes`;
      return false;
    }
    isFirst = false;
    const count = controlCount(type, lengthBytes);
    if (count === 0 || rate.waitMs(monotonicMs(), count) === 0) return true;
    message = `more than ${controlsPerSecondMax} packets of control a second`;
    return false;
  });
  const read = socket.read.bind(socket);
  // The broker pulls with read(): here every byte passes once, before its parser keeps it.
  socket.read = (sizeBytes) => {
    const chunk: unknown = read(sizeBytes);
    if (!(chunk instanceof Uint8Array) || borders.accept(chunk)) return chunk;
    options.onRefused(message);
    socket.destroy();
    return null;
  };
  return {
    lift: () => {
      socket.read = read;
    },
  };
}
