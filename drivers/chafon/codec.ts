// What the frames say, in both directions. The two families differ in the inventory: an UHFReader18 has one antenna and
// tells no signal; an UHFReader288 names the antenna (a bit each) and gives a raw signal byte behind every EPC.

import { encodeFrame, type Frame } from "./frame.ts";
import { commandCodes, statuses, unasked } from "./tables.ts";

/** Which of the two. */
export const families = ["reader18", "reader288"] as const;
export type Family = (typeof families)[number];

/** What the host asks. */
export type Command =
  | { readonly type: "get_info" | "get_work_mode" | "set_answer_mode" }
  | { readonly type: "set_power"; readonly powerDbm: number }
  | { readonly type: "set_scan_time"; readonly scanTimeMs: number }
  | {
      readonly type: "inventory";
      readonly family: Family;
      readonly antenna: number;
      readonly session: number;
      readonly q: number;
      readonly scanTimeMs: number;
    };

/** A tag in an answer. */
export interface Tag {
  /** Upper-case hex. */
  readonly epc: string;
  /** As the reader gives it; no document says what it is in dBm. */
  readonly rawRssi: number | undefined;
}

/** What the reader says. */
export type Answer =
  | {
      readonly type: "info";
      readonly firmware: string;
      readonly readerType: number;
      /** Two bytes of band and channel, see `bandOf`. */
      readonly bandMax: number;
      readonly bandMin: number;
      readonly powerDbm: number;
      readonly scanTimeMs: number;
    }
  | { readonly type: "work_mode"; readonly isAnswering: boolean }
  | {
      readonly type: "tags";
      readonly status: number;
      /** Undefined where the family does not tell it. */
      readonly antenna: number | undefined;
      readonly tags: readonly Tag[];
    }
  | { readonly type: "result"; readonly command: number; readonly status: number };

const scanTimeUnitMs = 100;
/** Antenna numbers of a request: 0x80 is the first. */
const firstAntenna = 0x80;
/** Wiegand settings, states and memory of the answer mode, as the maker's tool sends them. */
const answerMode = [0, 2, 4, 2, 6, 0] as const;
/** Where the work mode says whether the reader scans by itself. */
const readModeAt = 4;

/** A command as the host sends it. */
export function encodeCommand(address: number, command: Command): Uint8Array {
  const data = Uint8Array.from(commandData(command));
  return encodeFrame({ address, command: commandCodes[command.type], data });
}

function commandData(command: Command): readonly number[] {
  switch (command.type) {
    case "get_info":
    case "get_work_mode":
      return [];
    case "set_answer_mode":
      return answerMode;
    case "set_power":
      return [command.powerDbm];
    case "set_scan_time":
      return [command.scanTimeMs / scanTimeUnitMs];
    case "inventory": {
      const { family, antenna, q, scanTimeMs, session } = command;
      if (family === "reader18") return [];
      const target = 0;
      return [q, session, target, firstAntenna + antenna - 1, scanTimeMs / scanTimeUnitMs];
    }
  }
}

/** What a host's frame asks; undefined for one that is not of this subset. */
export function decodeCommand({ command, data }: Frame): Command | undefined {
  const [first = 0, session = 0, , antenna = firstAntenna, scanTime = 0] = data;
  switch (command) {
    case commandCodes.get_info:
      return { type: "get_info" };
    case commandCodes.get_work_mode:
      return { type: "get_work_mode" };
    case commandCodes.set_answer_mode:
      return { type: "set_answer_mode" };
    case commandCodes.set_power:
      return { type: "set_power", powerDbm: first };
    case commandCodes.set_scan_time:
      return { type: "set_scan_time", scanTimeMs: first * scanTimeUnitMs };
    case commandCodes.inventory:
      return {
        type: "inventory",
        family: data.length === 0 ? "reader18" : "reader288",
        antenna: antenna - firstAntenna + 1,
        q: first,
        session,
        scanTimeMs: scanTime * scanTimeUnitMs,
      };
    default:
      return undefined;
  }
}

/** What a reader's frame says; undefined for one that cannot be an answer to our commands. */
export function decodeAnswer({ command, data }: Frame, family: Family): Answer | undefined {
  const status = data[0];
  if (status === undefined || command === unasked) return undefined;
  const rest = data.subarray(1);
  if (command === commandCodes.inventory && (rest.length > 0 || status === statuses.noTag)) {
    return decodeTags(status, rest, family);
  }
  if (command === commandCodes.get_info && rest.length >= 8) {
    const [major, minor, readerType, , bandMax, bandMin, powerDbm, scanTime] = rest;
    return {
      type: "info",
      firmware: `${major}.${String(minor).padStart(2, "0")}`,
      readerType: readerType!,
      bandMax: bandMax!,
      bandMin: bandMin!,
      powerDbm: powerDbm!,
      scanTimeMs: scanTime! * scanTimeUnitMs,
    };
  }
  if (command === commandCodes.get_work_mode && rest.length > readModeAt) {
    return { type: "work_mode", isAnswering: rest[readModeAt] === 0 };
  }
  return { type: "result", command, status };
}

function decodeTags(status: number, rest: Uint8Array, family: Family): Answer | undefined {
  const hasSignal = family === "reader288";
  const head = hasSignal ? 2 : 1;
  const antenna = hasSignal && rest.length > 0 ? 1 + Math.log2(rest[0]!) : undefined;
  // The antenna is one bit; a reader without a tag to tell may name none.
  if (antenna !== undefined && !Number.isInteger(antenna) && rest[0] !== 0) return undefined;
  const tags: Tag[] = [];
  const count = rest[head - 1] ?? 0;
  let at = head;
  for (let index = 0; index < count; index += 1) {
    const end = at + 1 + (rest[at] ?? 0);
    if (end + (hasSignal ? 1 : 0) > rest.length) return undefined;
    const epc = Buffer.from(rest.subarray(at + 1, end))
      .toString("hex")
      .toUpperCase();
    tags.push({ epc, rawRssi: hasSignal ? rest[end] : undefined });
    at = end + (hasSignal ? 1 : 0);
  }
  if (at < rest.length) return undefined;
  return { type: "tags", status, antenna: rest[0] === 0 ? undefined : antenna, tags };
}

/** An answer as the reader sends it. */
export function encodeAnswer(address: number, answer: Answer): Uint8Array {
  const frame = (command: number, ...data: number[]) =>
    encodeFrame({ address, command, data: Uint8Array.from(data) });
  switch (answer.type) {
    case "info": {
      const [major, minor] = answer.firmware.split(".").map(Number);
      const { readerType, bandMax, bandMin, powerDbm, scanTimeMs } = answer;
      const scanTime = scanTimeMs / scanTimeUnitMs;
      const rest = [major!, minor!, readerType, 2, bandMax, bandMin, powerDbm, scanTime];
      return frame(commandCodes.get_info, statuses.success, ...rest);
    }
    case "work_mode": {
      const rest = [0, 30, 10, 15, answer.isAnswering ? 0 : 1, 2, 4, 2, 6, 0, 0, 0];
      return frame(commandCodes.get_work_mode, statuses.success, ...rest);
    }
    case "tags": {
      const tags = answer.tags.flatMap(({ epc, rawRssi }) => {
        const bytes = [...Buffer.from(epc, "hex")];
        return [bytes.length, ...bytes, ...(rawRssi === undefined ? [] : [rawRssi])];
      });
      const antenna = answer.antenna === undefined ? [] : [1 << (answer.antenna - 1)];
      return frame(commandCodes.inventory, answer.status, ...antenna, answer.tags.length, ...tags);
    }
    case "result":
      return frame(answer.command, answer.status);
  }
}
