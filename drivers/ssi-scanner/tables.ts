// Numbers of Zebra's Simple Serial Interface ("SSI Programmer's Guide"): opcodes, causes of a NAK, and
// code types with the AIM identifiers of ISO/IEC 15424 that they stand for.

export const opcodes = {
  request_revision: 0xa3,
  reply_revision: 0xa4,
  param_send: 0xc6,
  ack: 0xd0,
  nak: 0xd1,
  flush_queue: 0xd2,
  start_session: 0xe4,
  stop_session: 0xe5,
  scan_enable: 0xe9,
  scan_disable: 0xea,
  decode_data: 0xf3,
} as const;

/** Why a message was refused. */
export const nakCauses = { resend: 1, bad_context: 2, denied: 6 } as const;

/** Words for a cause. */
export function nakText(cause: number): string {
  const names = Object.keys(nakCauses) as (keyof typeof nakCauses)[];
  return names.find((name) => nakCauses[name] === cause)?.replace("_", " ") ?? `cause ${cause}`;
}

/** Codes that are none of the others, and those whose identifier is not known. */
const other = "]X0";
export const upcE = 0x09;

const aimByType: ReadonlyMap<number, string> = new Map([
  [0x01, "]A0"], // Code 39
  [0x02, "]F0"], // Codabar
  [0x03, "]C0"], // Code 128
  [0x04, "]S0"], // Discrete 2 of 5
  [0x05, "]R0"], // IATA 2 of 5
  [0x06, "]I0"], // Interleaved 2 of 5
  [0x07, "]G0"], // Code 93
  [0x08, "]E0"], // UPC-A
  [upcE, "]E0"], // UPC-E
  [0x0a, "]E4"], // EAN-8
  [0x0b, "]E0"], // EAN-13
  [0x0c, "]H0"], // Code 11
  [0x0e, "]M0"], // MSI
  [0x0f, "]C1"], // GS1-128
  [0x10, "]E0"], // UPC-E1
  [0x11, "]L0"], // PDF417
  [0x13, "]A4"], // Code 39 full ASCII
  [0x16, "]E0"], // Bookland EAN
  [0x1a, "]L0"], // MicroPDF417
  [0x1b, "]d1"], // Data Matrix
  [0x1c, "]Q1"], // QR
  [0x25, "]U0"], // MaxiCode
  [0x2c, "]Q1"], // Micro QR
  [0x2d, "]z0"], // Aztec
  [0x30, "]e0"], // GS1 DataBar
  [0x31, "]e0"], // GS1 DataBar limited
  [0x32, "]e0"], // GS1 DataBar expanded
  [0x48, "]E3"], // UPC-A with add-on of 2
  [0x4b, "]E3"], // EAN-13 with add-on of 2
  [0x88, "]E3"], // UPC-A with add-on of 5
  [0x8b, "]E3"], // EAN-13 with add-on of 5
  [0xc1, "]d2"], // GS1 Data Matrix
  [0xc2, "]Q3"], // GS1 QR
]);

/** The AIM identifier of a code type. */
export function aimOf(type: number): string {
  return aimByType.get(type) ?? other;
}

/** A code type for an AIM identifier, as a scanner would name it; Code 128 where none fits. */
export function typeOf(aim: string | undefined): number {
  if (aim === "]E0") return 0x0b;
  for (const [type, name] of aimByType) if (name === aim) return type;
  return 0x03;
}
