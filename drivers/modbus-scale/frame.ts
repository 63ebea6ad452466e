// Modbus RTU, both directions: `address function data crcLow crcHigh`. A frame does not say its length: an answer's
// is known from the question, a question's from its function. "MODBUS over Serial Line" V1.02, 2.5; functions and
// exceptions of "MODBUS Application Protocol" V1.1b3.

import type { Envelope } from "../envelope-decoder.ts";

/** Most registers in one question (6.3). */
export const registerCountMax = 125;
/** A pause that ends a frame (2.5.1.1): 3.5 characters, 4 ms at 9600 baud; USB adapters pause by 16 ms. */
const idleMs = 50;
/** Address and function before the data, CRC after it. */
const wrapCount = 4;

/** Functions that read: 3 holding registers, 4 input registers. */
export type ReadFunction = 3 | 4;

/** What a host asks. */
export type Question =
  | {
      readonly type: "read";
      readonly address: number;
      readonly function: ReadFunction;
      readonly register: number;
      readonly count: number;
    }
  | {
      readonly type: "write";
      readonly address: number;
      readonly register: number;
      readonly words: readonly number[];
    }
  /** A function that is not read here. */
  | { readonly type: "other"; readonly address: number; readonly function: number };
export type ReadQuestion = Extract<Question, { type: "read" }>;

/** What a device answers. */
export type Answer =
  | {
      readonly type: "registers";
      readonly address: number;
      readonly function: ReadFunction;
      readonly words: readonly number[];
    }
  /** The question was understood and refused; `code` as in `exceptionText`. */
  | {
      readonly type: "exception";
      readonly address: number;
      readonly function: number;
      readonly code: number;
    };

/** Exceptions of a device that needs time: the question may be asked again. */
export const busyCodes: readonly number[] = [5, 6];
const exceptionTexts: Readonly<Record<number, string>> = {
  1: "illegal function",
  2: "illegal data address",
  3: "illegal data value",
  4: "device failure",
  5: "acknowledged, needs time",
  6: "busy",
  8: "memory parity error",
  10: "gateway path unavailable",
  11: "gateway target does not answer",
};

/** What an exception means (V1.1b3, 7). */
export function exceptionText(code: number): string {
  return exceptionTexts[code] ?? `exception ${code}`;
}

/** How answers are wrapped. With a question only its own answer is one: right device, function and length. */
export function answerEnvelope(question: () => ReadQuestion | undefined): Envelope<Answer> {
  return {
    idleMs,
    lengthAt(bytes, at) {
      const asked = question();
      const address = bytes[at]!;
      const code = bytes[at + 1];
      if (asked === undefined ? !isAddress(address) : address !== asked.address) return 0;
      if (code === undefined) return undefined;
      const isException = code >= 0x80;
      const called = code & 0x7f;
      if (asked === undefined ? called !== 3 && called !== 4 : called !== asked.function) return 0;
      if (isException) return wrapCount + 1;
      const byteCount = bytes[at + 2];
      if (byteCount === undefined) return undefined;
      const isWhole = byteCount > 0 && byteCount % 2 === 0 && byteCount <= 2 * registerCountMax;
      if (asked === undefined ? !isWhole : byteCount !== 2 * asked.count) return 0;
      return wrapCount + 1 + byteCount;
    },
    open: (bytes) => (isSound(bytes) ? openAnswer(bytes) : undefined),
  };
}

/** How questions are wrapped, for whoever listens on the device's side. */
export const questionEnvelope: Envelope<Question> = {
  idleMs,
  lengthAt(bytes, at) {
    const code = bytes[at + 1];
    if (!isAddress(bytes[at]!)) return 0;
    if (code === undefined) return undefined;
    if (code === 0x10) {
      const byteCount = bytes[at + 6];
      return byteCount === undefined ? undefined : 7 + byteCount + 2;
    }
    // Functions 1 to 6 are asked with two words.
    return code >= 1 && code <= 6 ? 8 : 0;
  },
  open: (bytes) => (isSound(bytes) ? openQuestion(bytes) : undefined),
};

function isAddress(byte: number): boolean {
  return byte >= 1 && byte <= 247;
}

function openAnswer(bytes: Uint8Array): Answer {
  const [address = 0, code = 0, third = 0] = bytes;
  if (code >= 0x80) return { type: "exception", address, function: code & 0x7f, code: third };
  const words = wordsOf(bytes.subarray(3, -2));
  return { type: "registers", address, function: code as ReadFunction, words };
}

function openQuestion(bytes: Uint8Array): Question | undefined {
  const [address = 0, code = 0] = bytes;
  const [register = 0, count = 0] = wordsOf(bytes.subarray(2, 6));
  if (code === 3 || code === 4) return { type: "read", address, function: code, register, count };
  if (code !== 0x10) return { type: "other", address, function: code };
  const words = wordsOf(bytes.subarray(7, -2));
  if (words.length !== count || bytes[6] !== 2 * count) return undefined;
  return { type: "write", address, register, words };
}

/** A question as the host sends it. */
export function encodeReadQuestion(question: ReadQuestion): Uint8Array {
  const { address, register, count } = question;
  return wrapped([address, question.function, ...wordBytes([register, count])]);
}

/** An answer as a device sends it. */
export function encodeAnswer(answer: Answer): Uint8Array {
  const { address } = answer;
  if (answer.type === "exception") return wrapped([address, answer.function | 0x80, answer.code]);
  const bytes = wordBytes(answer.words);
  return wrapped([address, answer.function, bytes.length, ...bytes]);
}

function wrapped(body: number[]): Uint8Array {
  const crc = crc16(Uint8Array.from(body));
  return Uint8Array.of(...body, crc & 0xff, crc >> 8);
}

function wordsOf(bytes: Uint8Array): number[] {
  const words: number[] = [];
  for (let at = 0; at + 1 < bytes.length; at += 2) words.push((bytes[at]! << 8) | bytes[at + 1]!);
  return words;
}

function wordBytes(words: readonly number[]): number[] {
  return words.flatMap((word) => [word >> 8, word & 0xff]);
}

function isSound(bytes: Uint8Array): boolean {
  // The CRC of a frame with its CRC, low byte first, is 0.
  return crc16(bytes) === 0;
}

/** CRC-16/MODBUS: polynomial 0x8005 reflected, beginning with 0xFFFF (V1.02, 2.5.1.2). */
export function crc16(bytes: Uint8Array): number {
  let crc = 0xffff;
  for (const byte of bytes) {
    crc ^= byte;
    for (let bit = 0; bit < 8; bit += 1) crc = (crc >> 1) ^ ((crc & 1) === 0 ? 0 : 0xa001);
  }
  return crc;
}
