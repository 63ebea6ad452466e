// Reports of a HID POS bar-code scanner, both directions (USB-IF "Point of Sale" usage tables, page
// 0x8C): `02 length AIM AIM AIM data ... more`. Some makers put the AIM identifier one byte later.

import assert from "node:assert/strict";
import { ReportDecoder, type ReportResult } from "../report-decoder.ts";

/** One scanned data report (usage 0x12): a scan or a piece of one. */
export interface ScanReport {
  /** AIM identifier with its bracket; absent where the scanner sends none. */
  readonly symbology?: string;
  readonly data: Uint8Array;
  /** The maker's own code id (Honeywell's), 0 elsewhere. */
  readonly codeId: number;
  /** More reports of this scan follow. */
  readonly more: boolean;
}

/** Report id of scanned data, and of Honeywell's commands. */
const scanReportId = 0x02;
const commandReportId = 0xfd;
/** Report id, length, three of the AIM identifier and three behind the data. */
const overheadSizeBytes = 8;
/** Usual size, with its id. */
export const reportSizeBytesDefault = 64;
const bracket = 0x5d;
/** Honeywell's menu commands begin so (SYN M CR). */
const menuPrefix = [0x16, 0x4d, 0x0d];

/** Bytes of data in one report of a size. */
export function dataLengthMaxOf(reportSizeBytes: number): number {
  return reportSizeBytes - overheadSizeBytes;
}

/** A report as the scanner sends it. */
export function encodeScanReport(report: ScanReport, sizeBytes = reportSizeBytesDefault) {
  assert(report.data.length <= dataLengthMaxOf(sizeBytes), "a longer scan takes several reports");
  const bytes = new Uint8Array(sizeBytes);
  bytes.set([scanReportId, report.data.length, ...Buffer.from(report.symbology ?? "", "latin1")]);
  bytes.set(report.data, 5);
  bytes[sizeBytes - 3] = report.codeId;
  bytes[sizeBytes - 1] = report.more ? 1 : 0;
  return bytes;
}

/** The reports of one scan. */
export function encodeScanReports(
  scan: { readonly symbology?: string; readonly data: string },
  sizeBytes = reportSizeBytesDefault,
): Uint8Array[] {
  const data = Buffer.from(scan.data);
  const lengthMax = dataLengthMaxOf(sizeBytes);
  const pieceCount = Math.max(1, Math.ceil(data.length / lengthMax));
  const { symbology } = scan;
  return Array.from({ length: pieceCount }, (_, index) => {
    const piece = data.subarray(index * lengthMax, (index + 1) * lengthMax);
    const rest = { data: piece, codeId: 0, more: index + 1 < pieceCount };
    return encodeScanReport(symbology === undefined ? rest : { symbology, ...rest }, sizeBytes);
  });
}

/** Finds reports. */
export function createScanReportDecoder(
  sizeBytes = reportSizeBytesDefault,
): ReportDecoder<ScanReport> {
  return new ReportDecoder(sizeBytes, parseScanReport, [scanReportId]);
}

function parseScanReport(report: Uint8Array): ReportResult<ScanReport> {
  const length = report[1]!;
  const sizeBytes = report.length;
  if (length > dataLengthMaxOf(sizeBytes)) return { ok: false, reason: "length" };
  // Where the AIM identifier begins; a scanner without one leaves its place empty.
  const at = report[2] === bracket ? 2 : report[2] === 0 && report[3] === bracket ? 3 : undefined;
  const hasNone = report[2] === 0 && report[3] === 0 && report[4] === 0;
  if (at === undefined && !hasNone) return { ok: false, reason: "aim" };
  const start = (at ?? 2) + 3;
  const symbology =
    at === undefined ? "" : Buffer.from(report.subarray(at, start)).toString("latin1");
  if (at !== undefined && !/^\][A-Za-z][0-9A-Za-z]$/.test(symbology)) {
    return { ok: false, reason: "aim" };
  }
  const rest = {
    data: report.slice(start, start + length),
    codeId: report[sizeBytes - 3]!,
    more: (report[sizeBytes - 1]! & 1) === 1,
  };
  return { ok: true, frames: [at === undefined ? rest : { symbology, ...rest }] };
}

/** A menu command of Honeywell scanners, like `REVINF.`, as a report of the host. */
export function encodeMenuCommand(text: string): Uint8Array {
  return encodeCommand([...menuPrefix, ...Buffer.from(text, "latin1")]);
}

/** A command of Honeywell scanners: `16 07 0D` beeps, `16 54 0D` pulls the trigger. */
export function encodeCommand(bytes: readonly number[]): Uint8Array {
  assert(bytes.length <= 62, "a command fits one report");
  return Uint8Array.from([commandReportId, bytes.length, ...bytes]);
}

/** The text of a menu command; undefined for another report. */
export function decodeMenuCommand(report: Uint8Array): string | undefined {
  if (report[0] !== commandReportId || menuPrefix.some((byte, at) => report[at + 2] !== byte)) {
    return undefined;
  }
  return Buffer.from(report.subarray(5, 2 + report[1]!)).toString("latin1");
}
