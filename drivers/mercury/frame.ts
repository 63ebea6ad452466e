// The frames of ThingMagic's Mercury dialect and of the modules that speak it (Silion): `FF len opcode data crc` from
// the host, `FF len opcode status data crc` from the module, where len counts the data alone. "Mercury API
// Programmer's Guide"; the CRC is over len to data, high byte first.

import assert from "node:assert/strict";
import { type Envelope, EnvelopeDecoder } from "../envelope-decoder.ts";

const head = 0xff;
/** Head, len, opcode and CRC; an answer has two bytes of status beside them. */
const commandSizeBytes = 5;
const answerSizeBytes = 7;
/** Most data that a frame can have. */
export const dataSizeBytesMax = 248;
/** A module sends a frame without pauses; 50 ms are hundreds of characters. */
const idleMs = 50;

/** What the host asks. */
export interface CommandFrame {
  readonly opcode: number;
  readonly data: Uint8Array;
}

/** What the module says. */
export interface AnswerFrame extends CommandFrame {
  /** 0 where all is well. */
  readonly status: number;
}

export function encodeCommandFrame({ opcode, data }: CommandFrame): Uint8Array {
  return closed([data.length, opcode, ...data]);
}

export function encodeAnswerFrame({ opcode, status, data }: AnswerFrame): Uint8Array {
  return closed([data.length, opcode, status >> 8, status & 0xff, ...data]);
}

function closed(body: readonly number[]): Uint8Array {
  assert(body[0]! <= dataSizeBytesMax, "a frame's data is 248 bytes at most");
  const check = checkOf(Uint8Array.from(body));
  return Uint8Array.of(head, ...body, check >> 8, check & 0xff);
}

const lengthAt = (overheadSizeBytes: number) => (bytes: Uint8Array, at: number) => {
  if (bytes[at] !== head) return 0;
  const length = bytes[at + 1];
  if (length === undefined) return undefined;
  return length > dataSizeBytesMax ? 0 : length + overheadSizeBytes;
};

const commandEnvelope: Envelope<CommandFrame> = {
  idleMs,
  lengthAt: lengthAt(commandSizeBytes),
  open: (bytes) => (isChecked(bytes) ? { opcode: bytes[2]!, data: bytes.slice(3, -2) } : undefined),
};

const answerEnvelope: Envelope<AnswerFrame> = {
  idleMs,
  lengthAt: lengthAt(answerSizeBytes),
  open: (bytes) => {
    if (!isChecked(bytes)) return undefined;
    return { opcode: bytes[2]!, status: (bytes[3]! << 8) | bytes[4]!, data: bytes.slice(5, -2) };
  },
};

/** Finds the host's frames. */
export class CommandDecoder extends EnvelopeDecoder<CommandFrame> {
  constructor() {
    super(commandEnvelope);
  }
}

/** Finds the module's frames. */
export class AnswerDecoder extends EnvelopeDecoder<AnswerFrame> {
  constructor() {
    super(answerEnvelope);
  }
}

/** Finds frames of both directions, as a listener on the line sees them: the check tells which one it is. */
export class LineDecoder extends EnvelopeDecoder<CommandFrame | AnswerFrame> {
  constructor() {
    super({
      idleMs,
      lengthAt: (bytes, at) => {
        const length = commandEnvelope.lengthAt(bytes, at);
        if (length === undefined || length === 0) return length;
        if (bytes.length < at + length) return undefined;
        return isChecked(bytes.subarray(at, at + length))
          ? length
          : answerEnvelope.lengthAt(bytes, at);
      },
      open: (bytes) =>
        bytes.length === bytes[1]! + commandSizeBytes
          ? commandEnvelope.open(bytes)
          : answerEnvelope.open(bytes),
    });
  }
}

function isChecked(bytes: Uint8Array): boolean {
  const check = (bytes.at(-2)! << 8) | bytes.at(-1)!;
  return check === checkOf(bytes.subarray(1, -2));
}

/** Multiples of the polynomial 0x1021, without carry. */
const multiples = Array.from({ length: 16 }, (_, nibble) => {
  let product = 0;
  for (let bit = 0; bit < 4; bit += 1) if ((nibble >> bit) & 1) product ^= 0x1021 << bit;
  return product & 0xffff;
});

/** The check, a nibble at a time. It is no CRC-16 of the lists: bits are shifted in at the low end. */
export function checkOf(bytes: Uint8Array): number {
  let crc = 0xffff;
  for (const byte of bytes) {
    for (const nibble of [byte >> 4, byte & 0xf]) {
      crc = (((crc << 4) | nibble) & 0xffff) ^ multiples[crc >> 12]!;
    }
  }
  return crc;
}
