// Packets of Zebra's Simple Serial Interface, both directions: `length opcode source status data
// checksum checksum`. The length counts all but the checksum, which is the two's complement of the sum
// of the bytes before it, high byte first.

import assert from "node:assert/strict";
import { EnvelopeDecoder } from "../envelope-decoder.ts";
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
export class PacketDecoder extends EnvelopeDecoder<Packet> {
  /** `onDamaged` hears of a scan whose checksum is wrong: it is worth asking for again. */
  constructor(source: Packet["source"], onDamaged: () => void = () => undefined) {
    super({
      idleMs: splitMs,
      lengthAt: (bytes, at) => {
        const [length = 0, from] = [bytes[at], bytes[at + 2]];
        const isLength =
          length >= headerSizeBytes && length <= headerSizeBytes + packetDataLengthMax;
        if (!isLength || (from !== undefined && from !== sources[source])) return 0;
        return length + checksumSizeBytes;
      },
      open: (bytes) => {
        const body = bytes.subarray(0, -checksumSizeBytes);
        const sum = checksumOf(body);
        if (bytes.at(-2) === sum >> 8 && bytes.at(-1) === (sum & 0xff))
          return openPacket(body, source);
        if (body[1] === opcodes.decode_data) onDamaged();
        return undefined;
      },
    });
  }
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
