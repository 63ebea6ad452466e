// Numbers of the dialect: commands, statuses, bands.

export const commandCodes = {
  inventory: 0x01,
  get_info: 0x21,
  set_scan_time: 0x25,
  set_power: 0x2f,
  set_answer_mode: 0x35,
  get_work_mode: 0x36,
} as const;

/** What a reader in scan mode sends unasked. */
export const unasked = 0xee;

/** How an inventory goes on, or why it does not. */
export const statuses = {
  success: 0x00,
  done: 0x01,
  timeIsUp: 0x02,
  moreFollow: 0x03,
  memoryFull: 0x04,
  antenna: 0xf8,
  noTag: 0xfb,
} as const;

const statusTexts: Readonly<Record<number, string>> = {
  [statuses.memoryFull]: "the reader's memory is full",
  [statuses.antenna]: "antenna is not connected",
  249: "the command failed",
  250: "the tag answers poorly",
  252: "the tag refused",
  253: "wrong length of the command",
  254: "the reader does not know the command",
  255: "wrong parameter",
};

/** A status in words, with its number. */
export function statusText(status: number): string {
  const number = `0x${status.toString(16).padStart(2, "0").toUpperCase()}`;
  return `${statusTexts[status] ?? "unknown status"} (${number})`;
}

/** Bands by the four bits that stand above the two channel numbers: first channel and width, in MHz. */
const bands: Readonly<Record<number, readonly [name: string, firstMhz: number, stepMhz: number]>> =
  {
    0: ["user", 902.6, 0.4],
    1: ["China", 920.125, 0.25],
    2: ["US", 902.75, 0.5],
    3: ["Korea", 917.1, 0.2],
    4: ["EU", 865.1, 0.2],
  };

/** Name and limits of a band, from the two bytes of the reader's information. */
export function bandOf(max: number, min: number) {
  const [name, firstMhz, stepMhz] = bands[((max >> 6) << 2) | (min >> 6)] ?? ["unknown", 0, 0];
  const mhzOf = (byte: number) => Math.round((firstMhz + (byte & 0x3f) * stepMhz) * 1000) / 1000;
  return { name, maxMhz: mhzOf(max), minMhz: mhzOf(min) };
}
