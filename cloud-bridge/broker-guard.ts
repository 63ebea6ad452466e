// Cuts a connection whose next MQTT packet announces more bytes than allowed. The broker's parser
// would collect up to 256 MB for one packet, even before CONNECT.

import type { Socket } from "node:net";

/** Follows the packet borders of an MQTT byte stream (MQTT 3.1.1, 2.2: a type byte, a length of 1-4 bytes, the rest). */
export class PacketBorders {
  readonly #sizeBytesMax: number;
  #restBytes = 0;
  #lengthBytes = 0;
  #length = 0;
  #inLength = false;

  constructor(sizeBytesMax: number) {
    this.#sizeBytesMax = sizeBytesMax;
  }

  /** Takes the next bytes; false as soon as a packet is too large or its length is malformed. */
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
    return true;
  }
}

/** A guard on a socket; `lift` takes it away (for the bridge's own connection, whose plans are large). */
export function guardPackets(
  socket: Socket,
  options: { sizeBytesMax: number; onTooLarge: () => void },
): { lift: () => void } {
  const borders = new PacketBorders(options.sizeBytesMax);
  const read = socket.read.bind(socket);
  // The broker pulls with read(): here every byte passes once, before its parser keeps it.
  socket.read = (sizeBytes) => {
    const chunk: unknown = read(sizeBytes);
    if (!(chunk instanceof Uint8Array) || borders.accept(chunk)) return chunk;
    options.onTooLarge();
    socket.destroy();
    return null;
  };
  return {
    lift: () => {
      socket.read = read;
    },
  };
}
