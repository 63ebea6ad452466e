// The numbers of the A0 dialect: commands, results, regions and their channels.

/** Command codes, V3.7 section 2. */
export const commandCodes = {
  get_version: 0x72,
  set_antenna: 0x74,
  set_power: 0x76,
  get_power: 0x77,
  set_region: 0x78,
  get_region: 0x79,
  inventory: 0x89,
  fast_switch: 0x8a,
} as const;

/** Result codes that mean something to a program, V3.7 section 3. */
export const results = {
  success: 0x10,
  fail: 0x11,
  antennaMissing: 0x22,
  noTag: 0x36,
  invalid: 0x41,
} as const;

const resultTexts: ReadonlyMap<number, string> = new Map([
  [0x10, "success"],
  [0x11, "failed"],
  [0x20, "reader was reset"],
  [0x21, "carrier failed to switch on"],
  [0x22, "antenna is not connected"],
  [0x23, "flash write failed"],
  [0x24, "flash read failed"],
  [0x25, "power cannot be set"],
  [0x36, "no tag"],
  [0x41, "parameter is invalid"],
  [0x52, "frequency synthesiser does not lock"],
  [0x53, "RF chip does not answer"],
  [0x54, "output power is not reached"],
  [0x56, "spectrum regulation forbids the carrier"],
  [0xee, "return loss cannot be measured"],
]);

/** Words for a result code. */
export function resultText(code: number): string {
  const hex = `0x${code.toString(16).padStart(2, "0")}`;
  return `${resultTexts.get(code) ?? "unknown result"} (${hex})`;
}

/** Regions with a fixed channel table: number on the wire, first and last channel index. */
export const regions = {
  fcc: { code: 1, first: 7, last: 59 },
  etsi: { code: 2, first: 0, last: 6 },
  chn: { code: 3, first: 43, last: 53 },
} as const;
export type Region = keyof typeof regions;

/** Frequency of a channel index: 0-6 are 865.0-868.0 MHz, 7-59 are 902.0-928.0 MHz, steps of 0.5. */
export function channelMhz(index: number): number | undefined {
  if (index < 0 || index > 59) return undefined;
  return index < 7 ? 865 + index / 2 : 902 + (index - 7) / 2;
}
