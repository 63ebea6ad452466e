// What the door contact D-1 says, in both directions ("D-1 Manual" 2): lines that end with CR LF.

import type { Unreadable } from "../../../drivers/line-decoder.ts";

/** A line of the contact. */
export type ContactLine =
  | { readonly type: "version"; readonly version: string }
  | { readonly type: "door"; readonly isOpen: boolean };

/** Longest line, without its end. */
export const lineLengthMax = 32;
/** What the host asks. */
export const versionQuestion = Buffer.from("V\r\n");

/** Reads a line; what is none of the contact's is a value with its reason, never an exception. */
export function parseContactLine(line: string): ContactLine | Unreadable {
  const text = line.trimEnd();
  if (text === "OPEN" || text === "SHUT") return { type: "door", isOpen: text === "OPEN" };
  const version = /^D-1 (\d+\.\d+)$/.exec(text)?.[1];
  return version === undefined
    ? { type: "discarded", reason: "unknown_line" }
    : { type: "version", version };
}

/** A line as the contact sends it: for the simulator, which is the codec's other user. */
export function encodeContactLine(line: ContactLine): Uint8Array {
  const text = line.type === "version" ? `D-1 ${line.version}` : line.isOpen ? "OPEN" : "SHUT";
  return Buffer.from(`${text}\r\n`);
}
