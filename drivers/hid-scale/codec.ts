// Reports of a USB HID scale, both directions: `id status unit exponent low high`, and the request for
// zero. Usage page 0x8D; checked against public drivers (erjiang/usbscale and others).

import assert from "node:assert/strict";
import { weightGramsMax } from "../mass-units.ts";
import { ReportDecoder, type ReportResult } from "../report-decoder.ts";
import {
  type ScaleStatus,
  type ScaleUnit,
  scaleStatuses,
  scaleUnits,
  statusOf,
  unitOf,
} from "./tables.ts";

/** One data report (usage 0x32). */
export interface ScaleReport {
  /** 3; some models use 4. */
  readonly reportId: number;
  readonly status: ScaleStatus;
  readonly unit: ScaleUnit;
  /** Power of ten of `raw`. */
  readonly exponent: number;
  /** Unsigned, also under zero: `status` tells that. */
  readonly raw: number;
}

/** What a report weighs. */
export type Weighed =
  | {
      readonly ok: true;
      readonly weightGrams: number;
      readonly status: "ok" | "overload" | "underload";
    }
  | { readonly ok: false; readonly reason: string };

const reportIds = [3, 4];
const reportSizeBytes = 6;
/** No scale shows more places; a larger exponent is noise. */
const exponentMax = 9;
/** Output report 2: bit 1 asks for zero, bit 0 is the scale's own enforced return to zero. */
const zeroRequest = [0x02, 0x02];

/** A data report as the scale sends it. */
export function encodeScaleReport(report: ScaleReport): Uint8Array {
  const { reportId, status, unit, exponent, raw } = report;
  assert(raw >= 0 && raw <= 0xffff, "a HID scale has 16 bits");
  const codes = [reportId, scaleStatuses[status], scaleUnits[unit].code, exponent & 0xff];
  return Uint8Array.of(...codes, raw & 0xff, raw >> 8);
}

/** Finds data reports. */
export function createScaleDecoder(): ReportDecoder<ScaleReport> {
  return new ReportDecoder(reportSizeBytes, parseScaleReport, reportIds);
}

function parseScaleReport(report: Uint8Array): ReportResult<ScaleReport> {
  const [reportId = 0, statusCode = 0, unitCode = 0, power = 0, low = 0, high = 0] = report;
  const status = statusOf(statusCode);
  const unit = unitOf(unitCode);
  const exponent = (power << 24) >> 24;
  if (status === undefined) return { ok: false, reason: "status" };
  if (unit === undefined) return { ok: false, reason: "unit" };
  if (Math.abs(exponent) > exponentMax) return { ok: false, reason: "exponent" };
  const raw = low | (high << 8);
  return { ok: true, frames: [{ reportId, status, unit, exponent, raw }] };
}

/** The weight of a report in grams, or why there is none. */
export function weigh({ status, unit, exponent, raw }: ScaleReport): Weighed {
  if (status === "fault") return { ok: false, reason: "the scale reports a fault" };
  if (status === "needs_calibration") return { ok: false, reason: "the scale needs calibration" };
  if (status === "needs_zeroing") return { ok: false, reason: "the scale must be zeroed anew" };
  const { grams } = scaleUnits[unit];
  if (grams === undefined)
    return { ok: false, reason: `a ${unit} is not one weight: set the unit` };
  // A division for negative powers: 356 / 10 is 35.6, 356 * 0.1 is not.
  const shown = exponent < 0 ? raw / 10 ** -exponent : raw * 10 ** exponent;
  const sign = status === "under_zero" && raw > 0 ? -1 : 1;
  const weightGrams = sign * shown * grams;
  if (Math.abs(weightGrams) > weightGramsMax) return { ok: false, reason: "more than 10 tonnes" };
  if (status === "over_limit") return { ok: true, weightGrams, status: "overload" };
  return { ok: true, weightGrams, status: status === "under_zero" ? "underload" : "ok" };
}

/** The request for zero, as the host writes it. */
export function encodeZeroRequest(): Uint8Array {
  return Uint8Array.from(zeroRequest);
}

/** Whether a report of the host asks for zero. */
export function isZeroRequest(report: Uint8Array): boolean {
  return report[0] === zeroRequest[0] && ((report[1] ?? 0) & 0x02) !== 0;
}
