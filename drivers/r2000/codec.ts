// What A0 frames say, in both directions: drivers encode commands and decode answers, simulated
// readers the reverse. Antennas count from 1 here and from 0 on the wire. Clauses are those of "UHF
// RFID Reader Serial Interface Protocol" V3.7.

import assert from "node:assert/strict";
import { encodeFrame, type Frame } from "./frame.ts";
import { commandCodes, type Region, regions, results } from "./tables.ts";

/** What the host asks. */
export type Command =
  | { readonly type: "get_version" | "get_power" | "get_region" }
  | { readonly type: "set_antenna"; readonly antenna: number }
  /** One value for all antennas, or one for each. Kept in the reader's flash. */
  | { readonly type: "set_power"; readonly powersDbm: readonly number[] }
  | { readonly type: "set_region"; readonly region: Region }
  /** Real-time inventory on the antenna set before: tags are reported as they are read. */
  | { readonly type: "inventory"; readonly repeatCount: number }
  /** Inventory over up to four antennas in turn, `stayCount` rounds on each. */
  | {
      readonly type: "fast_switch";
      readonly antennas: readonly number[];
      readonly stayCount: number;
      readonly intervalMs: number;
      readonly repeatCount: number;
    };

/** What the reader says. */
export type Answer =
  | { readonly type: "version"; readonly major: number; readonly minor: number }
  | { readonly type: "power"; readonly powersDbm: readonly number[] }
  /** `region` is undefined where the user defined the channels. */
  | { readonly type: "region"; readonly region: Region | undefined }
  | { readonly type: "result"; readonly command: number; readonly code: number }
  | TagAnswer
  | {
      readonly type: "round_end";
      readonly antenna: number;
      readonly readsPerSecond: number;
      readonly readCount: number;
    }
  | { readonly type: "fast_switch_end"; readonly readCount: number; readonly durationMs: number }
  | { readonly type: "antenna_missing"; readonly antenna: number };

/** One read of a tag. */
export interface TagAnswer {
  readonly type: "tag";
  /** Command of the round it was read in. */
  readonly command: number;
  /** 1-4; of antennas 5-8 the reader says 1-4 again. */
  readonly antenna: number;
  readonly channelIndex: number;
  /** Upper-case hex, as long as the PC word says. */
  readonly epc: string;
  readonly rssiDbm: number;
}

/** RSSI on the wire is dBm + 129, in 7 bits; 8-port models use the top bit for the antenna. */
const rssiOffsetDbm = 129;
/** Slots of a fast switch, and the antenna number of one that is not used (V3.7, 0x8A). */
const fastSwitchSlotCount = 4;
const noAntenna = 0xff;
/** Commands that report tags: ours, and 0x8B (inventory of a session), whose frames are the same. */
const roundCodes: readonly number[] = [commandCodes.inventory, commandCodes.fast_switch, 0x8b];

/** A command as the host sends it. */
export function encodeCommand(address: number, command: Command): Uint8Array {
  const data = Uint8Array.from(commandData(command));
  return encodeFrame({ address, command: commandCodes[command.type], data });
}

function commandData(command: Command): readonly number[] {
  switch (command.type) {
    case "get_version":
    case "get_power":
    case "get_region":
      return [];
    case "set_antenna":
      return [command.antenna - 1];
    case "set_power":
      return command.powersDbm;
    case "set_region": {
      const { code, first, last } = regions[command.region];
      return [code, first, last];
    }
    case "inventory":
      return [command.repeatCount];
    case "fast_switch": {
      assert(command.antennas.length <= fastSwitchSlotCount, "a fast switch has four slots");
      const slots = Array.from({ length: fastSwitchSlotCount }, (_, slot) => {
        const antenna = command.antennas[slot];
        return antenna === undefined ? [noAntenna, 0] : [antenna - 1, command.stayCount];
      });
      return [...slots.flat(), command.intervalMs, command.repeatCount];
    }
  }
}

/** What a frame of the host asks; undefined for one that this dialect's subset does not have. */
export function decodeCommand({ command, data }: Frame): Command | undefined {
  const [first] = data;
  switch (command) {
    case commandCodes.get_version:
      return { type: "get_version" };
    case commandCodes.get_power:
      return { type: "get_power" };
    case commandCodes.get_region:
      return { type: "get_region" };
    case commandCodes.set_antenna:
      return first === undefined ? undefined : { type: "set_antenna", antenna: first + 1 };
    case commandCodes.set_power:
      return data.length === 0 ? undefined : { type: "set_power", powersDbm: [...data] };
    case commandCodes.set_region: {
      const region = regionOf(first);
      return region === undefined ? undefined : { type: "set_region", region };
    }
    case commandCodes.inventory:
      return first === undefined ? undefined : { type: "inventory", repeatCount: first };
    case commandCodes.fast_switch:
      return data.length === 2 * fastSwitchSlotCount + 2 ? decodeFastSwitch(data) : undefined;
    default:
      return undefined;
  }
}

function decodeFastSwitch(data: Uint8Array): Command {
  const [intervalMs = 0, repeatCount = 0] = data.subarray(2 * fastSwitchSlotCount);
  const slots = Array.from({ length: fastSwitchSlotCount }, (_, slot) => data[2 * slot]!);
  const antennas = slots.filter((slot) => slot < fastSwitchSlotCount).map((slot) => slot + 1);
  return { type: "fast_switch", antennas, stayCount: data[1]!, intervalMs, repeatCount };
}

/** An answer as the reader sends it. */
export function encodeAnswer(address: number, answer: Answer): Uint8Array {
  const frame = (command: number, data: ArrayLike<number>) =>
    encodeFrame({ address, command, data: Uint8Array.from(data) });
  switch (answer.type) {
    case "version":
      return frame(commandCodes.get_version, [answer.major, answer.minor]);
    case "power":
      return frame(commandCodes.get_power, answer.powersDbm);
    case "region": {
      const region = answer.region === undefined ? undefined : regions[answer.region];
      const userDefined = [4, 0, 0, 0, 0, 0];
      const data = region === undefined ? userDefined : [region.code, region.first, region.last];
      return frame(commandCodes.get_region, data);
    }
    case "result":
      return frame(answer.command, [answer.code]);
    case "tag": {
      const epc = Buffer.from(answer.epc, "hex");
      const wordCount = epc.length / 2;
      const freqAnt = (answer.channelIndex << 2) | ((answer.antenna - 1) & 3);
      const rssi = Math.min(127, Math.max(0, Math.round(answer.rssiDbm) + rssiOffsetDbm));
      return frame(answer.command, [freqAnt, wordCount << 3, 0, ...epc, rssi]);
    }
    case "round_end": {
      const { antenna, readsPerSecond, readCount } = answer;
      const data = [(antenna - 1) & 3, ...bigEndian(readsPerSecond, 2), ...bigEndian(readCount, 4)];
      return frame(commandCodes.inventory, data);
    }
    case "fast_switch_end": {
      const data = [...bigEndian(answer.readCount, 3), ...bigEndian(answer.durationMs, 4)];
      return frame(commandCodes.fast_switch, data);
    }
    case "antenna_missing":
      return frame(commandCodes.fast_switch, [(answer.antenna - 1) & 3, results.antennaMissing]);
  }
}

/** What a frame of the reader says; undefined for one that cannot be an answer to our commands. */
export function decodeAnswer({ command, data }: Frame): Answer | undefined {
  const [first, second] = data;
  if (first === undefined) return undefined;
  if (roundCodes.includes(command) && data.length > 1) return decodeRound(command, data);
  if (command === commandCodes.get_power) return { type: "power", powersDbm: [...data] };
  if (data.length === 1) return { type: "result", command, code: first };
  if (command === commandCodes.get_region) return { type: "region", region: regionOf(first) };
  if (command === commandCodes.get_version && data.length === 2) {
    return { type: "version", major: first, minor: second! };
  }
  return undefined;
}

// Data of a round: 2 bytes say that an antenna is missing, 7 end it, any other number is a tag
// (FreqAnt, PC, EPC of whole words, RSSI: always an even number).
function decodeRound(command: number, data: Uint8Array): Answer | undefined {
  const view = new DataView(data.buffer, data.byteOffset, data.byteLength);
  const antenna = (data[0]! & 3) + 1;
  if (data.length === 2) {
    return data[1] === results.antennaMissing ? { type: "antenna_missing", antenna } : undefined;
  }
  if (data.length === 7 && command === commandCodes.fast_switch) {
    const readCount = view.getUint32(0) >>> 8;
    return { type: "fast_switch_end", readCount, durationMs: view.getUint32(3) };
  }
  if (data.length === 7) {
    const readsPerSecond = view.getUint16(1);
    return { type: "round_end", antenna, readsPerSecond, readCount: view.getUint32(3) };
  }
  const epcByteCount = (data[1]! >> 3) * 2;
  if (epcByteCount === 0 || data.length < epcByteCount + 4) return undefined;
  return {
    type: "tag",
    command,
    antenna,
    channelIndex: data[0]! >> 2,
    epc: Buffer.from(data.subarray(3, 3 + epcByteCount))
      .toString("hex")
      .toUpperCase(),
    rssiDbm: (data.at(-1)! & 0x7f) - rssiOffsetDbm,
  };
}

function regionOf(code: number | undefined): Region | undefined {
  const names = Object.keys(regions) as Region[];
  return names.find((name) => regions[name].code === code);
}

function bigEndian(value: number, byteCount: number): number[] {
  return Array.from(
    { length: byteCount },
    (_, index) => Math.floor(value / 256 ** (byteCount - 1 - index)) & 0xff,
  );
}
