// `struct input_event` of Linux (linux/input.h, input-event-codes.h): time, type, code, value, all little
// endian; 24 bytes on 64-bit systems, 16 on 32-bit ones. Key codes become usages of the HID page.

import { modifiers } from "./tables.ts";
import type { KeyEvent } from "./typist.ts";

const typeMax = 0x1f;
const typeSync = 0;
const typeKey = 1;
const syncDropped = 3;
const valueRelease = 0;
const valuePress = 1;

const modifierCodes: ReadonlyMap<number, number> = new Map([
  [29, modifiers.leftControl],
  [42, modifiers.leftShift],
  [56, modifiers.leftAlt],
  [97, modifiers.rightControl],
  [54, modifiers.rightShift],
  [100, modifiers.rightAlt],
]);

/** Rows of usages by their first key code. */
const rows: readonly (readonly [firstCode: number, usages: readonly number[]])[] = [
  // 1 to 0, - =
  [2, [0x1e, 0x1f, 0x20, 0x21, 0x22, 0x23, 0x24, 0x25, 0x26, 0x27, 0x2d, 0x2e]],
  // Tab, q to p, [ ], Enter
  [15, [0x2b, 0x14, 0x1a, 0x08, 0x15, 0x17, 0x1c, 0x18, 0x0c, 0x12, 0x13, 0x2f, 0x30, 0x28]],
  // a to l, ; ' `
  [30, [0x04, 0x16, 0x07, 0x09, 0x0a, 0x0b, 0x0d, 0x0e, 0x0f, 0x33, 0x34, 0x35]],
  // \, z to m, , . /
  [43, [0x31, 0x1d, 0x1b, 0x06, 0x19, 0x05, 0x11, 0x10, 0x36, 0x37, 0x38]],
  // keypad *; space, Caps Lock
  [55, [0x55]],
  [57, [0x2c, 0x39]],
  // keypad 7 8 9 - 4 5 6 + 1 2 3 0 .
  [71, [0x5f, 0x60, 0x61, 0x56, 0x5c, 0x5d, 0x5e, 0x57, 0x59, 0x5a, 0x5b, 0x62, 0x63]],
  // the key beside left Shift; keypad Enter; keypad /
  [86, [0x64]],
  [96, [0x58]],
  [98, [0x54]],
];
const usageOfCode: ReadonlyMap<number, number> = new Map(
  rows.flatMap(([first, list]) => list.map((usage, at): [number, number] => [first + at, usage])),
);

/** Keys of one event; `held` are the modifiers after it. */
export type InputEventResult =
  | { readonly ok: true; readonly held: number; readonly frames: readonly KeyEvent[] }
  | { readonly ok: false; readonly held: number; readonly reason: string };

/** What an event says, given the modifiers before it. Repeats and other types give no keys. */
export function decodeInputEvent(bytes: Uint8Array, held: number): InputEventResult {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
  const at = bytes.length - 8;
  const type = view.getUint16(at, true);
  const code = view.getUint16(at + 2, true);
  const value = view.getInt32(at + 4, true);
  if (type > typeMax) return { ok: false, held, reason: "event_type" };
  if (type === typeSync && code === syncDropped) return { ok: false, held: 0, reason: "dropped" };
  if (type !== typeKey) return { ok: true, held, frames: [] };
  const bit = modifierCodes.get(code);
  if (bit !== undefined) {
    const after = value === valueRelease ? held & ~bit : held | bit;
    return { ok: true, held: after, frames: [{ modifiers: after, pressed: [] }] };
  }
  const usage = usageOfCode.get(code);
  if (usage === undefined || value !== valuePress) return { ok: true, held, frames: [] };
  return { ok: true, held, frames: [{ modifiers: held, pressed: [usage] }] };
}
