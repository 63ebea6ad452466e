// Numbers of the M100 dialect. "Communication User Protocol" V2.1, 4 and 5.

/** Commands that are used here. */
export const commandCodes = {
  get_info: 0x03,
  set_region: 0x07,
  get_region: 0x08,
  poll: 0x27,
  stop: 0x28,
  set_power: 0xb6,
  get_power: 0xb7,
} as const;

/** Command in the notice of a tag, whichever command polls (4.2.2). */
export const tagNotice = 0x22;
/** Command in a response that says what failed. */
export const errorResponse = 0xff;

/** What `get_info` can ask for. */
export const infoCodes = { hardware: 0, software: 1, maker: 2 } as const;
export type Info = keyof typeof infoCodes;

/** Region codes (4.13); `chn` is 920-925 MHz, `chn_800` 840-845 MHz. */
export const regionCodes = { chn: 1, fcc: 2, etsi: 3, chn_800: 4, kor: 6 } as const;
export type Region = keyof typeof regionCodes;

/** Codes of failures that are spoken of here. */
export const errors = { noTag: 0x15, unknownCommand: 0x17, hopping: 0x20 } as const;

const texts: Readonly<Record<number, string>> = {
  9: "read failed: no tag, or its answer was garbled",
  16: "write failed: no tag, or its answer was garbled",
  18: "kill failed",
  19: "lock failed",
  21: "no tag, or its answer was garbled",
  22: "wrong access password",
  23: "unknown command",
  32: "no free channel to transmit on",
};

/** A failure in words. */
export function errorText(code: number): string {
  const hex = `0x${code.toString(16).padStart(2, "0")}`;
  return `${texts[code] ?? "the module says"} (${hex})`;
}
