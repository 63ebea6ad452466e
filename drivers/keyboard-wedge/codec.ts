// What a scanner that is a keyboard sends, both directions: HID boot reports (HID 1.11, appendix B.1:
// modifiers, 00, six usages) or `struct input_event` of Linux, as keys and as scans.

import { ReportDecoder, type ReportResult } from "../report-decoder.ts";
import { type Scan, ScanDecoder, type ScanFormat } from "../serial-scanner/codec.ts";
import type { Decoded, StreamDecoder } from "../stream-decoder.ts";
import { decodeInputEvent } from "./input-event.ts";
import { keysOf, type Layout, modifiers, usages } from "./tables.ts";
import { type KeyEvent, Typist } from "./typist.ts";

/** How the keyboard is read and what it types. */
export interface WedgeFormat extends ScanFormat {
  readonly layout: Layout;
  /** `boot`: HID reports; `evdev`: events of an event node. */
  readonly source: "boot" | "evdev";
  /** First byte of a report where the keyboard numbers them. */
  readonly reportId?: number | undefined;
  /** `struct input_event` of a 64-bit or a 32-bit system. */
  readonly eventSizeBytes: 24 | 16;
  /** The next key of a scan comes within this time. */
  readonly interKeyTimeoutMs: number;
}

const bootReportSizeBytes = 8;
/** Usage 1 in all six places: too many keys at once, none of them known (HID 1.11, appendix C). */
const rolloverError = 0x01;

/** Finds the keys that went down. */
export function createKeyDecoder(
  format: Pick<WedgeFormat, "source" | "reportId" | "eventSizeBytes">,
): ReportDecoder<KeyEvent> {
  if (format.source === "evdev") {
    let held = 0;
    return new ReportDecoder(format.eventSizeBytes, (bytes) => {
      const result = decodeInputEvent(bytes, held);
      held = result.held;
      return result.ok ? { ok: true, frames: result.frames } : result;
    });
  }
  let down: readonly number[] = [];
  const { reportId } = format;
  const idSize = reportId === undefined ? 0 : 1;
  const parse = (report: Uint8Array): ReportResult<KeyEvent> => {
    const [held = 0, reserved, ...keys] = report.subarray(idSize);
    if (reserved !== 0) return { ok: false, reason: "reserved" };
    if (keys.includes(rolloverError)) return { ok: true, frames: [] };
    const pressed = keys.filter((usage) => usage !== 0 && !down.includes(usage));
    down = keys;
    return { ok: true, frames: [{ modifiers: held, pressed: [...new Set(pressed)] }] };
  };
  const ids = reportId === undefined ? undefined : [reportId];
  return new ReportDecoder(bootReportSizeBytes + idSize, parse, ids);
}

/** Finds scans in what a keyboard sends. Discarded bytes of scans are those of their text. */
export class WedgeDecoder implements StreamDecoder<Scan> {
  readonly idleMs: number;
  readonly #keys: ReportDecoder<KeyEvent>;
  readonly #typist: Typist;
  readonly #scans: ScanDecoder;

  constructor(format: WedgeFormat) {
    this.#keys = createKeyDecoder(format);
    this.#typist = new Typist(format.layout);
    this.#scans = new ScanDecoder(format);
    this.idleMs = format.suffix === "none" ? format.pauseMs : format.interKeyTimeoutMs;
  }

  get pendingByteCount(): number {
    return this.#keys.pendingByteCount + this.#scans.pendingByteCount;
  }

  push(chunk: Uint8Array): Decoded<Scan>[] {
    return this.#keys.push(chunk).flatMap((item) => {
      if (item.kind === "discarded") return [item];
      const text = this.#typist.take(item.frame);
      return text === "" ? [] : this.#scans.push(Buffer.from(text));
    });
  }

  idle(): Decoded<Scan>[] {
    this.#typist.reset();
    const partial = this.#keys.idle().filter((item) => item.kind === "discarded");
    return [...partial, ...(this.#scans.pendingByteCount > 0 ? this.#scans.idle() : [])];
  }
}

/** Boot reports that type a text: press and release of each key, Alt and a number where there is none. */
export function encodeBootReports(text: string, layout: Layout, reportId?: number): Uint8Array[] {
  const id = reportId === undefined ? [] : [reportId];
  const report = (held: number, usage: number) =>
    Uint8Array.from([...id, held, 0, usage, 0, 0, 0, 0, 0]);
  return [...text].flatMap((character) => {
    const strokes = strokesOf(character, layout);
    return strokes.flatMap(([held, usage, heldAfter]) => [
      report(held, usage),
      report(heldAfter, 0),
    ]);
  });
}

type Stroke = readonly [held: number, usage: number, heldAfter: number];

function strokesOf(character: string, layout: Layout): Stroke[] {
  const plain = { "\r": usages.enter, "\t": usages.tab, " ": usages.space }[character];
  if (plain !== undefined) return [[0, plain, 0]];
  for (const [key, { text, isDead }] of keysOf(layout)) {
    if (text !== character) continue;
    const [usage = 0, level = 0] = key.split(":").map(Number);
    const held = [0, modifiers.leftShift, modifiers.rightAlt][level] ?? 0;
    return isDead
      ? [
          [held, usage, 0],
          [0, usages.space, 0],
        ]
      : [[held, usage, 0]];
  }
  const digits = [...`0${character.codePointAt(0) ?? 0}`];
  return digits.map((digit, index): Stroke => {
    const usage = digit === "0" ? 0x62 : 0x58 + Number(digit);
    return [modifiers.leftAlt, usage, index + 1 < digits.length ? modifiers.leftAlt : 0];
  });
}
