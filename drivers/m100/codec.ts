// What frames of the M100 dialect say, in both directions: drivers encode commands and decode answers,
// simulated modules the reverse. Clauses are those of "Communication User Protocol" V2.1.

import { encodeFrame, type Frame, frameTypes } from "./frame.ts";
import {
  commandCodes,
  errorResponse,
  type Info,
  infoCodes,
  type Region,
  regionCodes,
  tagNotice,
} from "./tables.ts";

/** What the host asks. */
export type Command =
  | { readonly type: "get_info"; readonly info: Info }
  | { readonly type: "get_region" | "get_power" | "stop" }
  | { readonly type: "set_region"; readonly region: Region }
  /** Kept in the module's flash; steps of 0.01 dBm. */
  | { readonly type: "set_power"; readonly powerDbm: number }
  /** Polls so many times, 1 to 65535; each poll is answered by a tag or by "no tag" (4.3). */
  | { readonly type: "poll"; readonly pollCount: number };

/** What the module says. */
export type Answer =
  | { readonly type: "info"; readonly info: Info; readonly text: string }
  /** `region` is undefined for a code that is not in the manual. */
  | { readonly type: "region"; readonly region: Region | undefined }
  | { readonly type: "power"; readonly powerDbm: number }
  /** A command was done; `status` is 0, or what the command itself says. */
  | { readonly type: "done"; readonly command: number; readonly status: number }
  | { readonly type: "error"; readonly code: number }
  | {
      readonly type: "tag";
      /** Upper-case hex, as long as the PC word says; empty for a tag that says it has none. */
      readonly epc: string;
      readonly rssiDbm: number;
    };

/** A command as the host sends it. */
export function encodeCommand(command: Command): Uint8Array {
  const data = Uint8Array.from(commandData(command));
  return encodeFrame({ type: frameTypes.command, command: commandCodes[command.type], data });
}

function commandData(command: Command): readonly number[] {
  switch (command.type) {
    case "get_info":
      return [infoCodes[command.info]];
    case "get_region":
    case "get_power":
    case "stop":
      return [];
    case "set_region":
      return [regionCodes[command.region]];
    case "set_power":
      return word(Math.round(command.powerDbm * 100));
    case "poll":
      // The first byte is fixed (4.3.1).
      return [0x22, ...word(command.pollCount)];
  }
}

/** What a frame of the host asks; undefined for what is not used here. */
export function decodeCommand({ type, command, data }: Frame): Command | undefined {
  if (type !== frameTypes.command) return undefined;
  switch (command) {
    case commandCodes.get_info: {
      const info = nameOf(infoCodes, data[0]);
      return info === undefined ? undefined : { type: "get_info", info };
    }
    case commandCodes.get_region:
      return { type: "get_region" };
    case commandCodes.get_power:
      return { type: "get_power" };
    case commandCodes.stop:
      return { type: "stop" };
    case commandCodes.set_region: {
      const region = nameOf(regionCodes, data[0]);
      return region === undefined ? undefined : { type: "set_region", region };
    }
    case commandCodes.set_power:
      return data.length === 2 ? { type: "set_power", powerDbm: wordAt(data, 0) / 100 } : undefined;
    case commandCodes.poll:
      return data.length === 3 ? { type: "poll", pollCount: wordAt(data, 1) } : undefined;
    default:
      return undefined;
  }
}

/** An answer as the module sends it. */
export function encodeAnswer(answer: Answer): Uint8Array {
  const { response, notice } = frameTypes;
  const frame = (command: number, data: readonly number[], type: number = response) =>
    encodeFrame({ type, command, data: Uint8Array.from(data) });
  switch (answer.type) {
    case "info":
      return frame(commandCodes.get_info, [infoCodes[answer.info], ...Buffer.from(answer.text)]);
    case "region":
      return frame(commandCodes.get_region, [regionCodes[answer.region ?? "chn"]]);
    case "power":
      return frame(commandCodes.get_power, word(Math.round(answer.powerDbm * 100)));
    case "done":
      return frame(answer.command, [answer.status]);
    case "error":
      return frame(errorResponse, [answer.code]);
    case "tag": {
      const epc = Buffer.from(answer.epc, "hex");
      const pc = word((epc.length / 2) << 11);
      // The tag's own check, which the module has looked at; a simulated tag has none to tell.
      return frame(tagNotice, [answer.rssiDbm & 0xff, ...pc, ...epc, 0, 0], notice);
    }
  }
}

/** What a frame of the module says; undefined for what is not used here. */
export function decodeAnswer({ type, command, data }: Frame): Answer | undefined {
  if (type === frameTypes.notice) return command === tagNotice ? decodeTag(data) : undefined;
  const [first] = data;
  if (type !== frameTypes.response || first === undefined) return undefined;
  switch (command) {
    case errorResponse:
      return { type: "error", code: first };
    case commandCodes.get_info: {
      const info = nameOf(infoCodes, first);
      if (info === undefined) return undefined;
      return { type: "info", info, text: Buffer.from(data.subarray(1)).toString("latin1").trim() };
    }
    case commandCodes.get_region:
      return { type: "region", region: nameOf(regionCodes, first) };
    case commandCodes.get_power:
      return data.length === 2 ? { type: "power", powerDbm: wordAt(data, 0) / 100 } : undefined;
    case commandCodes.set_region:
    case commandCodes.set_power:
    case commandCodes.stop:
      return { type: "done", command, status: first };
    default:
      return undefined;
  }
}

// RSSI, PC word, EPC, the tag's check (4.2.2). The EPC is what lies between, and as long as the PC says.
function decodeTag(data: Uint8Array): Answer | undefined {
  const epcByteCount = 2 * ((data[1] ?? 0) >> 3);
  if (data.length < 5 + epcByteCount) return undefined;
  const epc = Buffer.from(data.subarray(3, 3 + epcByteCount));
  const rssiDbm = (data[0]! << 24) >> 24;
  return { type: "tag", epc: epc.toString("hex").toUpperCase(), rssiDbm };
}

function nameOf<Name extends string>(
  codes: Readonly<Record<Name, number>>,
  code: number | undefined,
): Name | undefined {
  return (Object.keys(codes) as Name[]).find((name) => codes[name] === code);
}

function word(value: number): [number, number] {
  return [(value >> 8) & 0xff, value & 0xff];
}

function wordAt(data: Uint8Array, at: number): number {
  return (data[at]! << 8) | data[at + 1]!;
}
