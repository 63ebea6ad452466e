// What a driver and a GPIO chip say to each other, one line of text each, so that a chip is a byte stream
// like any other device and can be stood in for by a simulator. Levels are as measured: active-low is the
// driver's. An edge says how long ago it was, as the two sides may have different clocks. The README of
// gpio-input has the whole definition.

import { LineDecoder, type Unreadable } from "../line-decoder.ts";
import { type Bias, biases, type Level, lineOffsetMax } from "./gpio-settings.ts";

/** Longest record, without its line feed. */
const recordLengthMax = 200;
/** A record that pauses this long in its middle will not be finished. */
const idleMs = 1000;
/** Oldest edge: an hour. What is older was not meant. */
export const ageUsMax = 3_600_000_000;

/** What a driver asks for. */
export type HostRecord =
  | { readonly type: "identify" }
  | { readonly type: "find"; readonly lineName: string }
  | { readonly type: "watch"; readonly offset: number; readonly bias: Bias }
  | { readonly type: "drive"; readonly offset: number; readonly level: Level };

/** What a chip says. */
export type ChipRecord =
  | {
      readonly type: "chip";
      readonly lineCount: number;
      readonly name: string;
      readonly label: string;
    }
  | { readonly type: "found"; readonly offset: number; readonly lineName: string }
  | { readonly type: "level"; readonly offset: number; readonly level: Level }
  | { readonly type: "driven"; readonly offset: number; readonly level: Level }
  | {
      readonly type: "edge";
      readonly offset: number;
      /** Level after the edge. */
      readonly level: Level;
      /** Microseconds since it happened. */
      readonly ageUs: number;
    };

/** Reads a driver's line. */
export function parseHostRecord(line: string): HostRecord | Unreadable {
  const text = line.trimEnd();
  if (text === "chip?") return { type: "identify" };
  const [, lineName] = /^find ([ -~]{1,64})$/.exec(text) ?? [];
  if (lineName !== undefined) return { type: "find", lineName };
  const [, word, number, setting] = /^(watch|drive) (\d{1,4}) (\w+)$/.exec(text) ?? [];
  const offset = offsetOf(number);
  if (offset === undefined) return malformed;
  const bias = biases.find((each) => each === setting);
  if (word === "watch" && bias !== undefined) return { type: "watch", offset, bias };
  const level = levelOf(setting);
  if (word === "drive" && level !== undefined) return { type: "drive", offset, level };
  return malformed;
}

/** Reads a chip's line. */
export function parseChipRecord(line: string): ChipRecord | Unreadable {
  const text = line.trimEnd();
  // A chip may have no label.
  const [, count, name, label = ""] =
    /^chip (\d{1,4}) ([!-~]{1,64})(?: ([ -~]{1,64}))?$/.exec(text) ?? [];
  if (name !== undefined) {
    return { type: "chip", lineCount: Number(count), name, label };
  }
  const [, foundAt, lineName] = /^found (\d{1,4}) ([ -~]{1,64})$/.exec(text) ?? [];
  const found = offsetOf(foundAt);
  if (found !== undefined && lineName !== undefined) {
    return { type: "found", offset: found, lineName };
  }
  const [, word, number, digit, age] =
    /^(level|driven|edge) (\d{1,4}) ([01])(?: (\d{1,10}))?$/.exec(text) ?? [];
  const [offset, level] = [offsetOf(number), levelOf(digit)];
  if (offset === undefined || level === undefined) return malformed;
  if (word === "edge") {
    const ageUs = Number(age);
    return ageUs <= ageUsMax ? { type: "edge", offset, level, ageUs } : malformed;
  }
  if (age !== undefined) return malformed;
  return { type: word === "level" ? "level" : "driven", offset, level };
}

/** A driver's line, with its line feed. */
export function encodeHostRecord(record: HostRecord): Uint8Array {
  switch (record.type) {
    case "identify":
      return line("chip?");
    case "find":
      return line(`find ${record.lineName}`);
    case "watch":
      return line(`watch ${record.offset} ${record.bias}`);
    case "drive":
      return line(`drive ${record.offset} ${record.level}`);
  }
}

/** A chip's line, with its line feed. */
export function encodeChipRecord(record: ChipRecord): Uint8Array {
  switch (record.type) {
    case "chip":
      return line(`chip ${record.lineCount} ${record.name} ${printable(record.label)}`.trimEnd());
    case "found":
      return line(`found ${record.offset} ${record.lineName}`);
    case "level":
    case "driven":
      return line(`${record.type} ${record.offset} ${record.level}`);
    case "edge":
      return line(`edge ${record.offset} ${record.level} ${record.ageUs}`);
  }
}

/** Finds a chip's records in its bytes. */
export function createChipRecordDecoder(): LineDecoder<ChipRecord> {
  return new LineDecoder({ lineLengthMax: recordLengthMax, idleMs, parse: parseChipRecord });
}

/** Finds a driver's records in its bytes. */
export function createHostRecordDecoder(): LineDecoder<HostRecord> {
  return new LineDecoder({ lineLengthMax: recordLengthMax, idleMs, parse: parseHostRecord });
}

const malformed = { type: "discarded", reason: "malformed" } as const;

function offsetOf(text: string | undefined): number | undefined {
  const offset = text === undefined ? Number.NaN : Number(text);
  return offset <= lineOffsetMax ? offset : undefined;
}

function levelOf(text: string | undefined): Level | undefined {
  if (text === "0") return 0;
  return text === "1" ? 1 : undefined;
}

// Labels are what a driver's author or a USB device wrote.
function printable(label: string): string {
  return label.replace(/[^ -~]/g, "?").slice(0, 64);
}

function line(text: string): Uint8Array {
  return Buffer.from(`${text}\n`, "latin1");
}
