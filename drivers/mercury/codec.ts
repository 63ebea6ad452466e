// What the frames say, in both directions.

import {
  type AnswerFrame,
  type CommandFrame,
  encodeAnswerFrame,
  encodeCommandFrame,
} from "./frame.ts";
import { recordAt, recordBytes, silionRecordBytes, type Tag, u16 } from "./record.ts";
import { gen2, metadataFlags, opcodes, silionMetadataFlags } from "./tables.ts";

/** What the host asks. */
export type Command =
  | {
      readonly type:
        | "get_version"
        | "boot"
        | "get_program"
        | "get_region"
        | "get_antennas"
        | "disable_read_filter"
        | "set_protocol"
        | "start"
        | "stop"
        /** The same on Silion modules, which have a command of their own for it. */
        | "start_silion"
        | "stop_silion"
        | "get_tags"
        | "clear_tags";
    }
  | { readonly type: "set_region"; readonly region: number }
  | { readonly type: "set_power"; readonly powerDbm: number }
  | { readonly type: "set_session"; readonly session: number }
  | { readonly type: "set_antennas"; readonly antennas: readonly number[] }
  /** Reads into the buffer for so long. */
  | { readonly type: "read"; readonly durationMs: number };

/** What the module says. */
export type Answer =
  | {
      readonly type: "version";
      /** Of its own command, or of `boot`, which answers with it too. */
      readonly opcode?: number;
      readonly bootLoader: string;
      readonly hardware: string;
      readonly firmware: string;
      /** YYYYMMDD. */
      readonly firmwareDate: string;
    }
  | { readonly type: "program"; readonly isBootLoader: boolean }
  | { readonly type: "region"; readonly region: number }
  | { readonly type: "antennas"; readonly connected: readonly number[] }
  | { readonly type: "read"; readonly tagCount: number }
  | { readonly type: "tags"; readonly opcode: number; readonly tags: readonly Tag[] }
  /** By which command: `multiProtocol` where none is named. */
  | { readonly type: "started" | "stopped"; readonly opcode?: number }
  /** A Silion module reads on. */
  | { readonly type: "heartbeat" }
  | { readonly type: "result"; readonly opcode: number; readonly status: number };

/** Antennas of the search list, large populations, tags as they are read. */
const streamFlags = 0x001b;
const listFlags = 0x0003;
/** How long a search of the stream lasts before the next one begins; no pause is between them. */
const searchMs = 1000;
const withMetadata = 0x10;
const continuous = { start: 0x01, stop: 0x02 } as const;
const programs = { bootLoader: 0x11, application: 0x12 } as const;
/** Option of the antennas: a list to search; and which ones are plugged in. */
const antennaOption = { list: 0x02, detected: 0x05 } as const;
/** Key of the reader's parameters that keeps a tag from being told twice. */
const readFilterKey = 0x0c;
const sessionKey = 0x00;

/** Begins the commands of Silion modules and the answers to them; the other word begins their heartbeats. */
const silionWord = Buffer.from("Moduletech");
const heartbeatWord = Buffer.from("XTSJ");
const silionCodes = { start: [0xaa, 0x48], stop: [0xaa, 0x49] } as const;
const silionEnd = 0xbb;
/** Search flag: heartbeats, please. */
const silionHeartbeat = 0x8000;

/** A command as the host sends it. */
export function encodeCommand(command: Command): Uint8Array {
  const [opcode, ...data] = commandBytes(command);
  return encodeCommandFrame({ opcode: opcode!, data: Uint8Array.from(data) });
}

function commandBytes(command: Command): readonly number[] {
  switch (command.type) {
    case "get_version":
      return [opcodes.getVersion];
    case "boot":
      return [opcodes.bootFirmware];
    case "get_program":
      return [opcodes.getProgram];
    case "get_region":
      return [opcodes.getRegion];
    case "get_antennas":
      return [opcodes.getAntennas, antennaOption.detected];
    case "disable_read_filter":
      return [opcodes.setReaderParameter, 0x01, readFilterKey, 0x00];
    case "set_protocol":
      return [opcodes.setProtocol, ...u16(gen2)];
    case "start": {
      const search = [opcodes.readMultiple, withMetadata, ...u16(streamFlags)];
      const sub = [...search, ...u16(searchMs), ...u16(metadataFlags)];
      const option = [...u16(0), continuous.start, opcodes.readMultiple, ...u16(0)];
      return [opcodes.multiProtocol, ...option, gen2, sub.length - 1, ...sub];
    }
    case "stop":
      return [opcodes.multiProtocol, ...u16(0), continuous.stop];
    case "start_silion": {
      const search = [...u16(silionMetadataFlags), 0x00, ...u16(silionHeartbeat)];
      return [opcodes.silion, ...silionBytes([...silionCodes.start, ...search])];
    }
    case "stop_silion":
      return [opcodes.silion, ...silionBytes(silionCodes.stop)];
    case "read":
      return [opcodes.readMultiple, 0x00, ...u16(listFlags), ...u16(command.durationMs)];
    case "get_tags":
      return [opcodes.getTagBuffer, ...u16(metadataFlags), 0x00];
    case "clear_tags":
      return [opcodes.clearTagBuffer];
    case "set_region":
      return [opcodes.setRegion, command.region];
    case "set_power":
      return [opcodes.setPower, ...u16(Math.round(command.powerDbm * 100))];
    case "set_session":
      return [opcodes.setProtocolParameter, gen2, sessionKey, command.session];
    case "set_antennas": {
      const pairs = command.antennas.flatMap((antenna) => [antenna, antenna]);
      return [opcodes.setAntennas, antennaOption.list, ...pairs];
    }
  }
}

// The word, a code and its data, the low byte of their sum, and an end.
function silionBytes(body: readonly number[]): number[] {
  const sum = body.reduce((total, byte) => total + byte, 0);
  return [...silionWord, ...body, sum & 0xff, silionEnd];
}

/** What a host's frame asks; undefined for one that is not of this subset. */
export function decodeCommand({ opcode, data }: CommandFrame): Command | undefined {
  const word = (at: number) => (data[at]! << 8) | data[at + 1]!;
  switch (opcode) {
    case opcodes.setRegion:
      return data.length === 1 ? { type: "set_region", region: data[0]! } : undefined;
    case opcodes.setPower:
      return data.length === 2 ? { type: "set_power", powerDbm: word(0) / 100 } : undefined;
    case opcodes.setProtocolParameter:
      return data.length === 3 ? { type: "set_session", session: data[2]! } : undefined;
    case opcodes.setAntennas:
      if (data[0] !== antennaOption.list) return undefined;
      return { type: "set_antennas", antennas: [...data].filter((_, at) => at % 2 === 1) };
    case opcodes.readMultiple:
      return data.length === 5 ? { type: "read", durationMs: word(3) } : undefined;
    default: {
      // The others are always the same bytes.
      const hex = Buffer.from([opcode, ...data]).toString("hex");
      return fixedCommands.get(hex);
    }
  }
}

const fixedCommands: ReadonlyMap<string, Command> = new Map(
  (
    [
      "get_version",
      "boot",
      "get_program",
      "get_region",
      "get_antennas",
      "disable_read_filter",
      "set_protocol",
      "start",
      "stop",
      "start_silion",
      "stop_silion",
      "get_tags",
      "clear_tags",
    ] as const
  ).map((type) => [Buffer.from(commandBytes({ type })).toString("hex"), { type }]),
);

/** What a module's frame says; undefined for a record that its length contradicts. */
export function decodeAnswer({ opcode, status, data }: AnswerFrame): Answer | undefined {
  const result = { type: "result", opcode, status } as const;
  if (status !== 0) return result;
  const hex = (from: number, to: number) =>
    Buffer.from(data.subarray(from, to)).toString("hex").toUpperCase();
  switch (opcode) {
    case opcodes.getVersion:
    case opcodes.bootFirmware: {
      if (data.length < 16) return result;
      const [bootLoader, hardware] = [hex(0, 4), hex(4, 8)];
      return {
        type: "version",
        bootLoader,
        hardware,
        firmwareDate: hex(8, 12),
        firmware: hex(12, 16),
      };
    }
    case opcodes.getProgram:
      if (data.length !== 1) return undefined;
      return { type: "program", isBootLoader: (data[0]! & 0x03) === (programs.bootLoader & 0x03) };
    case opcodes.getRegion:
      return data.length === 1 ? { type: "region", region: data[0]! } : undefined;
    case opcodes.getAntennas: {
      const pairs = Array.from({ length: (data.length - 1) >> 1 }, (_, at) =>
        data.subarray(1 + 2 * at),
      );
      const connected = pairs.filter(([, isThere]) => isThere === 1).map(([port]) => port!);
      return { type: "antennas", connected };
    }
    case opcodes.multiProtocol:
      return { type: data[0] === continuous.stop ? "stopped" : "started" };
    case opcodes.silion:
      return silionOf(data);
    case opcodes.readMultiple:
      return data[0] === withMetadata ? tagsOf(opcode, data, 3) : countOf(data);
    case opcodes.getTagBuffer:
      return tagsOf(opcode, data, 0);
    default:
      return result;
  }
}

// An answer to a command, a heartbeat or, without a word before it, a tag: its metadata flags and its record.
function silionOf(data: Uint8Array): Answer | undefined {
  const startsWith = (word: Uint8Array) => Buffer.from(data.subarray(0, word.length)).equals(word);
  if (startsWith(heartbeatWord)) return { type: "heartbeat" };
  if (startsWith(silionWord)) {
    const type = data[silionWord.length + 1] === silionCodes.stop[1] ? "stopped" : "started";
    return { type, opcode: opcodes.silion };
  }
  const record = recordAt(data, 2, (data[0]! << 8) | data[1]!);
  if (record?.end !== data.length) return undefined;
  return { type: "tags", opcode: opcodes.silion, tags: [record.tag] };
}

// Option and search flags, then the count in one byte or in four.
function countOf(data: Uint8Array): Answer | undefined {
  const count = data.subarray(3);
  if (count.length !== 1 && count.length !== 4) return undefined;
  return { type: "read", tagCount: count.reduce((sum, byte) => sum * 256 + byte, 0) };
}

// Metadata flags at `at`, where the buffer's answer has an option behind them; then the count and the records.
function tagsOf(opcode: number, data: Uint8Array, at: number): Answer | undefined {
  const flags = (data[at]! << 8) | data[at + 1]!;
  const countAt = at === 0 ? 3 : at + 2;
  const tags: Tag[] = [];
  let from = countAt + 1;
  for (let left = data[countAt] ?? 0; left > 0; left -= 1) {
    const record = recordAt(data, from, flags);
    if (record === undefined) return undefined;
    tags.push(record.tag);
    from = record.end;
  }
  return from === data.length ? { type: "tags", opcode, tags } : undefined;
}

/** An answer as the module sends it; tags with all their metadata. */
export function encodeAnswer(answer: Answer): Uint8Array {
  const frame = (opcode: number, data: readonly number[], status = 0) =>
    encodeAnswerFrame({ opcode, status, data: Uint8Array.from(data) });
  const bytes = (hex: string) => [...Buffer.from(hex, "hex")];
  switch (answer.type) {
    case "version": {
      const { bootLoader, hardware, firmwareDate, firmware } = answer;
      const parts = bootLoader + hardware + firmwareDate + firmware;
      return frame(answer.opcode ?? opcodes.getVersion, [...bytes(parts), 0, 0, 0, 0x10]);
    }
    case "program":
      return frame(opcodes.getProgram, [
        answer.isBootLoader ? programs.bootLoader : programs.application,
      ]);
    case "region":
      return frame(opcodes.getRegion, [answer.region]);
    case "antennas":
      return frame(opcodes.getAntennas, [
        antennaOption.detected,
        ...answer.connected.flatMap((port) => [port, 1]),
      ]);
    case "read":
      return frame(opcodes.readMultiple, [0, ...u16(listFlags), answer.tagCount]);
    case "started":
    case "stopped": {
      const code = answer.type === "started" ? "start" : "stop";
      return answer.opcode === opcodes.silion
        ? frame(answer.opcode, silionBytes(silionCodes[code]))
        : frame(opcodes.multiProtocol, [continuous[code]]);
    }
    case "heartbeat":
      return frame(opcodes.silion, [...heartbeatWord, ...u16(silionHeartbeat), 0]);
    case "tags": {
      if (answer.opcode === opcodes.silion) {
        const record = answer.tags.flatMap(silionRecordBytes);
        return frame(answer.opcode, [...u16(silionMetadataFlags), ...record]);
      }
      const records = answer.tags.flatMap(recordBytes);
      const flags = u16(metadataFlags);
      const { length } = answer.tags;
      return answer.opcode === opcodes.getTagBuffer
        ? frame(answer.opcode, [...flags, 0, length, ...records])
        : frame(answer.opcode, [withMetadata, ...u16(streamFlags), ...flags, length, ...records]);
    }
    case "result":
      return frame(answer.opcode, [], answer.status);
  }
}
