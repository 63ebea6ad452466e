// MT-SICS, the "Standard Interface Command Set" of Mettler-Toledo and its likes, both directions: the host's
// questions and the scale's answers, a line each, ended by CR LF. Levels 0 and 1.

import type { WeightReading } from "../../contract/reading.ts";
import type { Unreadable } from "../line-decoder.ts";
import { gramsOf, weightGramsMax } from "../mass-units.ts";

/** Longest line that is taken. */
export const lineLengthMax = 200;

/** What the host asks: model and capacity, serial number, one weight now, or weights for ever. */
export const questions = { model: "I2", serial: "I4", once: "SI", repeat: "SIR" } as const;
export type Question = keyof typeof questions;

/** What a scale says. */
export type ScaleLine =
  | {
      readonly type: "weight";
      /** 0 where the status is not `ok`. */
      readonly weightGrams: number;
      readonly status: WeightReading["status"];
      /** Whether the scale has come to rest. */
      readonly isStable: boolean;
      /** As printed, where it is not known. */
      readonly unknownUnit?: string;
    }
  | {
      readonly type: "answer";
      /** Which command is answered: `I4`, `T`. */
      readonly command: string;
      /** `B` is a line of several, `A` the only or last one. */
      readonly isLast: boolean;
      readonly text: string;
    }
  /** A command that was not carried out. */
  | { readonly type: "refusal"; readonly command: string; readonly reason: RefusalReason };

/** `transmission` is a parity error on the line, `busy` may be asked again. */
export type RefusalReason =
  | "busy"
  | "parameter"
  | "syntax"
  | "transmission"
  | "logical"
  | "over_range"
  | "under_range";

const lineErrors: ReadonlyMap<string, RefusalReason> = new Map([
  ["ES", "syntax"],
  ["ET", "transmission"],
  ["EL", "logical"],
]);
const refusals: ReadonlyMap<string, RefusalReason> = new Map([
  ["I", "busy"],
  ["L", "parameter"],
  ["+", "over_range"],
  ["-", "under_range"],
]);

/** Reads a scale's line. */
export function parseScaleLine(line: string): ScaleLine | Unreadable {
  const text = line.trimEnd();
  const lineError = lineErrors.get(text);
  if (lineError !== undefined) return { type: "refusal", command: "", reason: lineError };
  const [, command, status, rest = ""] =
    /^([A-Z@][A-Z0-9]{0,4}) ([A-Z+-])(?: (.*))?$/.exec(text) ?? [];
  if (command === undefined || status === undefined) return { type: "discarded", reason: "noise" };
  if (command === "S" && status !== "I" && status !== "L") return parseWeight(status, rest);
  const reason = refusals.get(status);
  if (reason !== undefined && rest === "") return { type: "refusal", command, reason };
  // `ZI D`, `ZI S`: done while the scale moved, or rested.
  if (!/^[ABDS]$/.test(status)) return { type: "discarded", reason: "malformed" };
  return { type: "answer", command, isLast: status !== "B", text: unquoted(rest) };
}

function parseWeight(status: string, rest: string): ScaleLine | Unreadable {
  if (rest === "" && (status === "+" || status === "-")) {
    const limit = status === "+" ? "overload" : "underload";
    return { type: "weight", weightGrams: 0, status: limit, isStable: false };
  }
  const [, value, unit] = /^ *(-? *\d{1,9}(?:\.\d{1,6})?) +(\S{1,5})$/.exec(rest) ?? [];
  if (value === undefined || unit === undefined || !/^[SD]$/.test(status)) {
    return { type: "discarded", reason: "malformed" };
  }
  const isStable = status === "S";
  const weightGrams = gramsOf(Number(value.replaceAll(" ", "")), unit);
  if (weightGrams === undefined) {
    return { type: "weight", weightGrams: 0, status: "fault", isStable, unknownUnit: unit };
  }
  // No scale weighs so much: digits were damaged on the line.
  const isPossible = Math.abs(weightGrams) <= weightGramsMax;
  return isPossible
    ? { type: "weight", weightGrams, status: "ok", isStable }
    : { type: "weight", weightGrams: 0, status: "fault", isStable };
}

function unquoted(text: string): string {
  return text.replace(/^"(.*)"$/, "$1").trim();
}

/** A question as the host sends it. */
export function encodeQuestion(question: Question): Uint8Array {
  return Buffer.from(`${questions[question]}\r\n`, "latin1");
}

/** What a host's line asks; undefined for what is not asked here. */
export function decodeQuestion(line: string): Question | undefined {
  const text = line.trim();
  return (Object.keys(questions) as Question[]).find((name) => questions[name] === text);
}

/** A scale's line as it sends it, for simulated ones; weights in grams with two decimals. */
export function encodeScaleLine(line: ScaleLine, unit = "g"): Uint8Array {
  const end = (text: string) => Buffer.from(`${text}\r\n`, "latin1");
  if (line.type === "answer") {
    return end(`${line.command} ${line.isLast ? "A" : "B"} "${line.text}"`);
  }
  if (line.type === "refusal") {
    for (const [text, reason] of lineErrors) if (reason === line.reason) return end(text);
    for (const [text, reason] of refusals) {
      if (reason === line.reason) return end(`${line.command} ${text}`);
    }
  }
  if (line.type !== "weight" || line.status === "fault") return end("EL");
  if (line.status !== "ok") return end(line.status === "overload" ? "S +" : "S -");
  const value = line.weightGrams.toFixed(2).padStart(10);
  return end(`S ${line.isStable ? "S" : "D"} ${value} ${unit}`);
}
