// Numbers of the Mercury dialect.

export const opcodes = {
  getVersion: 0x03,
  bootFirmware: 0x04,
  getProgram: 0x0c,
  readSingle: 0x21,
  readMultiple: 0x22,
  getTagBuffer: 0x29,
  clearTagBuffer: 0x2a,
  multiProtocol: 0x2f,
  getAntennas: 0x61,
  getPower: 0x62,
  getRegion: 0x67,
  setAntennas: 0x91,
  setPower: 0x92,
  setProtocol: 0x93,
  setRegion: 0x97,
  setReaderParameter: 0x9a,
  setProtocolParameter: 0x9b,
  silion: 0xaa,
} as const;

/** The only tag protocol here: EPC Gen2. */
export const gen2 = 0x05;

/** Where radio rules are those of. */
export const regions = {
  na: 0x01,
  eu: 0x02,
  kr: 0x03,
  in: 0x04,
  jp: 0x05,
  prc: 0x06,
  eu2: 0x07,
  eu3: 0x08,
  kr2: 0x09,
  prc2: 0x0a,
  au: 0x0b,
  nz: 0x0c,
  open: 0xff,
} as const;
export type Region = keyof typeof regions;
export const regionNames = Object.keys(regions) as [Region, ...Region[]];

export const statuses = {
  ok: 0x0000,
  opcode: 0x0101,
  noTag: 0x0400,
  tooHot: 0x0504,
  returnLoss: 0x0505,
} as const;

const texts: Readonly<Record<number, string>> = {
  256: "wrong length",
  257: "command not known, or the boot loader runs",
  258: "command not implemented",
  259: "power too high",
  260: "frequency not allowed",
  261: "value not allowed",
  262: "power too low",
  266: "speed not supported",
  267: "region not supported",
  1024: "no tag",
  1025: "no protocol is set",
  1026: "protocol not known",
  1281: "the channel is busy",
  1284: "too hot, it rests",
  1285: "high return loss: is an antenna plugged in?",
  1287: "antenna not set up",
  1536: "not enough tags in the buffer",
  1537: "the buffer is full",
  32512: "fatal error",
  32513: "fatal error",
};

/** A status in words. */
export function statusText(status: number): string {
  const number = `0x${status.toString(16).padStart(4, "0").toUpperCase()}`;
  return `${texts[status] ?? "error"} (${number})`;
}

/** What a tag record has, by the bits of its metadata flags, in the order in which it has them. */
export const metadata = {
  readCount: 0x0001,
  rssi: 0x0002,
  antenna: 0x0004,
  frequency: 0x0008,
  timestamp: 0x0010,
  phase: 0x0020,
  protocol: 0x0040,
  data: 0x0080,
  gpio: 0x0100,
} as const;
/** All of these. */
export const metadataFlags = 0x01ff;
/** What Silion modules tell of a tag: not its phase, whose place they keep free, and no data and inputs. */
export const silionMetadataFlags =
  metadata.readCount |
  metadata.rssi |
  metadata.antenna |
  metadata.frequency |
  metadata.timestamp |
  metadata.protocol;
