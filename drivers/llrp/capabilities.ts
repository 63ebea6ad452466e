// GET_READER_CAPABILITIES_RESPONSE: what the reader is and has (LLRP 17.2.3).

import {
  findParameter,
  lengthAndText,
  type Parameter,
  parametersOf,
  textAt,
  tlv,
  u8,
  u16,
  u32,
  viewOf,
} from "./parameter.ts";

/** A reader, as far as we need to know it. */
export interface Capabilities {
  /** IANA private enterprise number of the maker. */
  readonly manufacturerId: number;
  readonly modelId: number;
  readonly firmware: string;
  readonly antennaCount: number;
  readonly gpiCount: number;
  readonly gpoCount: number;
  /** Whether it keeps events and reports while no client is there. */
  readonly isHoldingSupported: boolean;
  /** Power by index, in dBm; indices have gaps in some readers. */
  readonly powersDbm: ReadonlyMap<number, number>;
  /** Frequencies by channel index from 1: those of the first hop table, or the fixed ones. */
  readonly channelsMhz: readonly number[];
  readonly isHopping: boolean;
  readonly hopTableId: number;
  /** Mode identifiers. */
  readonly modeIds: readonly number[];
}

const types = {
  general: 137,
  gpio: 141,
  llrp: 142,
  regulatory: 143,
  uhfBand: 144,
  power: 145,
  frequencies: 146,
  hopTable: 147,
  fixedTable: 148,
  modeTable: 328,
  mode: 329,
} as const;
/** Fields of GeneralDeviceCapabilities before the firmware text. */
const generalHeadSizeBytes = 12;
const holdingBit = 0x08;

/** The content of the response behind its status; undefined where the general part is missing or malformed. */
export function readCapabilities(content: Uint8Array): Capabilities | undefined {
  const parameters = parametersOf(content) ?? [];
  const general = findParameter(parameters, types.general);
  const firmware = general === undefined ? undefined : textAt(general, generalHeadSizeBytes);
  if (general === undefined || firmware === undefined) return undefined;
  const view = viewOf(general);
  const firmwareSizeBytes = view.getUint16(generalHeadSizeBytes);
  const details =
    parametersOf(general.subarray(generalHeadSizeBytes + 2 + firmwareSizeBytes)) ?? [];
  const gpio = findParameter(details, types.gpio);
  const [gpiCount, gpoCount] =
    gpio?.length === 4 ? [viewOf(gpio).getUint16(0), viewOf(gpio).getUint16(2)] : [0, 0];
  const flags = findParameter(parameters, types.llrp)?.[0] ?? 0;
  return {
    manufacturerId: view.getUint32(4),
    modelId: view.getUint32(8),
    firmware,
    antennaCount: view.getUint16(0),
    gpiCount,
    gpoCount,
    isHoldingSupported: (flags & holdingBit) !== 0,
    ...readBand(parameters),
  };
}

type Band = Pick<
  Capabilities,
  "powersDbm" | "channelsMhz" | "isHopping" | "hopTableId" | "modeIds"
>;

function readBand(parameters: readonly Parameter[]): Band {
  const regulatory = findParameter(parameters, types.regulatory);
  const band =
    regulatory && findParameter(parametersOf(regulatory.subarray(4)) ?? [], types.uhfBand);
  const parts = (band && parametersOf(band)) ?? [];
  const powers = parts.filter(({ type, content }) => type === types.power && content.length === 4);
  const frequencies = findParameter(parts, types.frequencies);
  const isHopping = frequencies !== undefined && (frequencies[0] ?? 0) >= 0x80;
  const tables = (frequencies && parametersOf(frequencies.subarray(1))) ?? [];
  const hopTable = findParameter(tables, types.hopTable);
  const fixedTable = findParameter(tables, types.fixedTable);
  const listed = isHopping ? hopTable?.subarray(2) : fixedTable;
  const modeTable = findParameter(parts, types.modeTable);
  const modes = (modeTable && parametersOf(modeTable)) ?? [];
  return {
    powersDbm: new Map(
      powers.map(({ content }) => {
        const view = viewOf(content);
        return [view.getUint16(0), view.getInt16(2) / 100];
      }),
    ),
    channelsMhz: listed === undefined ? [] : readFrequencies(listed),
    isHopping,
    hopTableId: isHopping ? (hopTable?.[0] ?? 0) : 0,
    modeIds: modes
      .filter(({ type, content }) => type === types.mode && content.length >= 4)
      .map(({ content }) => viewOf(content).getUint32(0)),
  };
}

// A u16 count of u32 kHz; as many as are there.
function readFrequencies(bytes: Uint8Array): number[] {
  if (bytes.length < 2) return [];
  const view = viewOf(bytes);
  const count = Math.min(view.getUint16(0), Math.floor((bytes.length - 2) / 4));
  return Array.from({ length: count }, (_, index) => view.getUint32(2 + 4 * index) / 1000);
}

/** The parameters behind the status, as a simulated reader sends them. */
export function encodeCapabilities(reader: Capabilities): Uint8Array {
  const frequencies = reader.channelsMhz.map((mhz) => u32(Math.round(mhz * 1000)));
  const table = reader.isHopping
    ? tlv(types.hopTable, u8(reader.hopTableId), u8(0), u16(frequencies.length), ...frequencies)
    : tlv(types.fixedTable, u16(frequencies.length), ...frequencies);
  const powers = [...reader.powersDbm].map(([index, dbm]) =>
    tlv(types.power, u16(index), u16(Math.round(dbm * 100) & 0xffff)),
  );
  const modes = reader.modeIds.map((id) =>
    tlv(types.mode, u32(id), u8(0xc0), u8(2), u8(0), u8(2), ...[0, 0, 0, 0, 0].map(u32)),
  );
  return Buffer.concat([
    tlv(
      types.general,
      u16(reader.antennaCount),
      u16(0x4000), // has a UTC clock
      u32(reader.manufacturerId),
      u32(reader.modelId),
      lengthAndText(reader.firmware),
      tlv(types.gpio, u16(reader.gpiCount), u16(reader.gpoCount)),
    ),
    tlv(
      types.llrp,
      u8(reader.isHoldingSupported ? 0x40 | holdingBit : 0x40),
      u8(1),
      u16(0),
      ...[1, 32, 1, 1508, 8].map(u32),
    ),
    tlv(
      types.regulatory,
      u16(276),
      u16(2),
      tlv(
        types.uhfBand,
        ...powers,
        tlv(types.frequencies, u8(reader.isHopping ? 0x80 : 0), table),
        tlv(types.modeTable, ...modes),
      ),
    ),
  ]);
}
