// Packets of Zebra's Simple Serial Interface, both directions: `length opcode source status data
// checksum checksum`. The length counts all but the checksum, which is the two's complement of the sum
// of the bytes before it, high byte first.

import assert from "node:assert/strict";
import type { Decoded, StreamDecoder } from "../stream-decoder.ts";
import { nakCauses, opcodes } from "./tables.ts";

/** One packet. */
export interface Packet {
  readonly opcode: number;
  readonly source: "decoder" | "host";
  /** Sent again, because the first time was not answered. */
  readonly isRetransmission: boolean;
  /** More packets of this message follow. */
  readonly isContinued: boolean;
  readonly data: Uint8Array;
}

const sources = { decoder: 0, host: 4 } as const;
const headerSizeBytes = 4;
const checksumSizeBytes = 2;
const statusRetransmission = 0x01;
const statusContinued = 0x02;
/** Data of one packet: the length is a byte. */
export const packetDataLengthMax = 251;
/** Bytes of one packet follow each other within this time. */
const splitMs = 200;
/** PARAM_SEND: no beep, then parameter EE hex (decode data as packets) set to 1. */
const packetedParameter = [0xff, 0xee, 0x01];

/** A packet as it is sent. */
export function encodePacket(packet: Packet): Uint8Array {
  assert(packet.data.length <= packetDataLengthMax, "a longer message takes several packets");
  const status =
    (packet.isRetransmission ? statusRetransmission : 0) |
    (packet.isContinued ? statusContinued : 0);
  const length = headerSizeBytes + packet.data.length;
  const body = [length, packet.opcode, sources[packet.source], status, ...packet.data];
  const sum = checksumOf(body);
  return Uint8Array.from([...body, sum >> 8, sum & 0xff]);
}

/** A command of the host without data, or with it. */
export function encodeCommand(
  name: keyof typeof opcodes,
  data: readonly number[] = [],
): Uint8Array {
  return encodePacket({
    ...plain,
    opcode: opcodes[name],
    source: "host",
    data: Uint8Array.from(data),
  });
}

/** Asks the scanner to send scans as packets, not as bare text. */
export function encodePacketedMode(): Uint8Array {
  return encodeCommand("param_send", packetedParameter);
}

/** Asks for a packet that came damaged. */
export function encodeResendRequest(): Uint8Array {
  return encodeCommand("nak", [nakCauses.resend]);
}

/** The packets of one scan; each begins with the code type. */
export function encodeDecodeData(type: number, text: string): Packet[] {
  const data = Buffer.from(text);
  const lengthMax = packetDataLengthMax - 1;
  const pieceCount = Math.max(1, Math.ceil(data.length / lengthMax));
  return Array.from({ length: pieceCount }, (_, index) => ({
    ...plain,
    opcode: opcodes.decode_data,
    source: "decoder" as const,
    isContinued: index + 1 < pieceCount,
    data: Uint8Array.of(type, ...data.subarray(index * lengthMax, (index + 1) * lengthMax)),
  }));
}

/** What a packet without anything particular says. */
export const plain = { isRetransmission: false, isContinued: false } as const;

/** Finds the packets of one side. */
export class PacketDecoder implements StreamDecoder<Packet> {
  readonly idleMs = splitMs;
  readonly #source: Packet["source"];
  readonly #onDamaged: () => void;
  #buffer: Uint8Array = new Uint8Array();

  /** `onDamaged` hears of a scan whose checksum is wrong: it is worth asking for again. */
  constructor(source: Packet["source"], onDamaged: () => void = () => undefined) {
    this.#source = source;
    this.#onDamaged = onDamaged;
  }

  get pendingByteCount(): number {
    return this.#buffer.length;
  }

  push(chunk: Uint8Array): Decoded<Packet>[] {
    this.#buffer = Buffer.concat([this.#buffer, chunk]);
    return this.#scan();
  }

  idle(): Decoded<Packet>[] {
    if (this.#buffer.length === 0) return [];
    this.#buffer = this.#buffer.subarray(1);
    return [{ kind: "discarded", byteCount: 1, reason: "incomplete" }, ...this.#scan()];
  }

  #scan(): Decoded<Packet>[] {
    const found: Decoded<Packet>[] = [];
    let at = 0;
    while (at < this.#buffer.length) {
      const rest = this.#buffer.subarray(at);
      const step = packetAt(rest, sources[this.#source]);
      if (step === "more") break;
      if (step === "noise" || step === "checksum") {
        if (step === "checksum" && rest[1] === opcodes.decode_data) this.#onDamaged();
        at += 1;
        const last = found.at(-1);
        const byteCount =
          last?.kind === "discarded" && last.reason === step ? last.byteCount + 1 : 1;
        if (byteCount > 1) found.pop();
        found.push({ kind: "discarded", byteCount, reason: step });
        continue;
      }
      const size = step + checksumSizeBytes;
      found.push({ kind: "frame", frame: openPacket(rest.slice(0, step), this.#source) });
      at += size;
    }
    this.#buffer = this.#buffer.slice(at);
    return found;
  }
}

// The length of the packet at the beginning, or why there is none.
function packetAt(bytes: Uint8Array, source: number): number | "more" | "noise" | "checksum" {
  const [length = 0, , from] = bytes;
  if (length < headerSizeBytes || length > headerSizeBytes + packetDataLengthMax) return "noise";
  if (from !== undefined && from !== source) return "noise";
  if (bytes.length < length + checksumSizeBytes) return "more";
  const sum = checksumOf(bytes.subarray(0, length));
  return bytes[length] === sum >> 8 && bytes[length + 1] === (sum & 0xff) ? length : "checksum";
}

function openPacket(bytes: Uint8Array, source: Packet["source"]): Packet {
  const [, opcode = 0, , status = 0] = bytes;
  return {
    opcode,
    source,
    isRetransmission: (status & statusRetransmission) !== 0,
    isContinued: (status & statusContinued) !== 0,
    data: Uint8Array.from(bytes.subarray(headerSizeBytes)),
  };
}

function checksumOf(bytes: ArrayLike<number>): number {
  return -Array.from(bytes).reduce((sum, byte) => sum + byte, 0) & 0xffff;
}
