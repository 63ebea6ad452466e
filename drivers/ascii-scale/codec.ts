// Lines that scales print, for ever or when asked: those of A&D, CAS and T-Scale (`ST,GS,+  1.234kg`), those of
// Ohaus and Adam (`-  1.640 kg   ?N`), and the print-out of Mettler-Toledo (`N   0.3746 g`). They cannot be
// mistaken for each other, so nobody has to say which it is.

import type { WeightReading } from "../../contract/reading.ts";
import type { Unreadable } from "../line-decoder.ts";
import { gramsOf, weightGramsMax } from "../mass-units.ts";

/** Longest line that is taken. */
export const lineLengthMax = 80;

/** A weight as a scale prints it. */
export interface PrintedWeight {
  readonly type: "weight";
  /** 0 where the status is not `ok`. */
  readonly weightGrams: number;
  readonly status: WeightReading["status"];
  /** Whether the scale has come to rest; scales that do not say so are taken to rest. */
  readonly isStable: boolean;
  /** `tare` is what the scale subtracts, and no weight on it. */
  readonly load: "gross" | "net" | "tare";
  /** As printed, where it is not known. */
  readonly unknownUnit?: string;
}

const loads = { GS: "gross", NT: "net", TR: "tare", G: "gross", N: "net", T: "tare" } as const;

const number = "([+-]?) *(\\d{1,8}(?:\\.\\d{0,5})?|\\.\\d{1,5})";
const unit = "([A-Za-z%]{0,5})";
/** A&D, CAS, T-Scale: rest, kind of weight, sign, number, unit; the second comma is not always there. */
const headed = new RegExp(`^(ST|US|OL|UL),(GS|NT|TR),? *${number} *${unit}$`);
/** Ohaus, Adam: number and unit, then `?` while it moves, then the kind of weight. */
const tailed = new RegExp(`^${number} *${unit}(?: +(\\?)?([GNT])?)?$`);
/** Indicators that print no unit: number, an auxiliary digit that is not verified, kind of weight, rest or motion. */
const bare = /^([+-])(\d{1,8}\.\d{0,5})(?:\/\d)? ([GN]) ([SD])$/;
/** Mettler-Toledo's print-out: the kind of weight, then number and unit. */
const labelled = new RegExp(`^([GNT]) +${number} +${unit}$`);

/** Reads a line; `unitDefault` is the unit of lines that carry none, which are no weights without it. */
export function parsePrintedLine(line: string, unitDefault?: string): PrintedWeight | Unreadable {
  const weight = parse(line, unitDefault ?? "");
  return weight?.unknownUnit === ""
    ? { type: "discarded", reason: "no_unit" }
    : (weight ?? { type: "discarded", reason: "noise" });
}

function parse(line: string, unitDefault: string): PrintedWeight | undefined {
  // At power-on some drivers of RS-232 lines send zeros or DEL.
  const text = line.replace(/^[\0\u007f]+/, "").trim();
  const head = headed.exec(text);
  if (head !== null) {
    const [, rest, load, sign, value, printedUnit] = head;
    const parts = { rest, load: loads[load as keyof typeof loads], isStable: rest !== "US" };
    return weightOf(parts, sign, value, printedUnit || unitDefault);
  }
  const label = labelled.exec(text);
  if (label !== null) {
    const [, load, sign, value, printedUnit] = label;
    return weightOf(
      { load: loads[load as "G"], isStable: true },
      sign,
      value,
      printedUnit || unitDefault,
    );
  }
  const unitless = bare.exec(text);
  if (unitless !== null) {
    const [, sign, value, load, motion] = unitless;
    return weightOf(
      { load: loads[load as "G"], isStable: motion === "S" },
      sign,
      value,
      unitDefault,
    );
  }
  const tail = tailed.exec(text);
  if (tail === null) return undefined;
  const [, sign, value, printedUnit, moves, load = "G"] = tail;
  const isStable = moves === undefined;
  return weightOf({ load: loads[load as "G"], isStable }, sign, value, printedUnit || unitDefault);
}

function weightOf(
  parts: { rest?: string | undefined; load: PrintedWeight["load"]; isStable: boolean },
  sign = "",
  value = "",
  printedUnit = "",
): PrintedWeight {
  const { rest, load, isStable } = parts;
  const none = { type: "weight", weightGrams: 0, isStable: false, load } as const;
  // The number beside these is the last one that was good, or nines.
  if (rest === "OL") return { ...none, status: "overload" };
  if (rest === "UL") return { ...none, status: "underload" };
  const weightGrams = gramsOf(Number(`${sign}${value}`), printedUnit);
  if (weightGrams === undefined) {
    return { ...none, isStable, status: "fault", unknownUnit: printedUnit };
  }
  // Minus zero is zero.
  // No scale weighs so much: digits were damaged on the line.
  if (Math.abs(weightGrams) > weightGramsMax) return { ...none, isStable, status: "fault" };
  return { type: "weight", weightGrams: weightGrams + 0, status: "ok", isStable, load };
}

/** A line of the A&D form, for simulated scales; grams with one decimal. */
export function encodePrintedLine(weight: PrintedWeight, printedUnit = "g"): Uint8Array {
  const { status, weightGrams, isStable, load } = weight;
  const marks = { overload: "OL", underload: "UL", fault: "US", ok: isStable ? "ST" : "US" };
  const kind = { gross: "GS", net: "NT", tare: "TR" }[load];
  const sign = weightGrams < 0 ? "-" : "+";
  const value = Math.abs(weightGrams).toFixed(1).padStart(8);
  return Buffer.from(`${marks[status]},${kind},${sign}${value}${printedUnit}\r\n`, "latin1");
}
