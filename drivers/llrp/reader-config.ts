// SET_READER_CONFIG and GET_READER_CONFIG_RESPONSE: keepalives, events, antennas and inputs (LLRP 17.2.6).

import {
  findParameter,
  type Parameter,
  parametersOf,
  tlv,
  u8,
  u16,
  u32,
  viewOf,
} from "./parameter.ts";

/** What we set. */
export interface ReaderSettings {
  /** The reader says it is alive this often. */
  readonly keepaliveMs: number;
  /** Whether events and reports wait after a reconnect until they are asked for. */
  readonly isHolding: boolean;
}

/** What we ask after. */
export interface ReaderState {
  readonly antennas: ReadonlyMap<number, { readonly isConnected: boolean }>;
  /** Inputs by port; those whose level is unknown are left out. */
  readonly inputs: ReadonlyMap<number, { readonly isHigh: boolean }>;
  /** Where the first antenna transmits; its power may be set without moving it. */
  readonly transmitter?: Transmitter | undefined;
}

/** Hop table and channel of an antenna. */
export interface Transmitter {
  readonly hopTableId: number;
  readonly channelIndex: number;
}

const types = {
  keepaliveSpec: 220,
  antennaProperties: 221,
  antennaConfiguration: 222,
  rfTransmitter: 224,
  gpiPortCurrentState: 225,
  eventsAndReports: 226,
  eventNotificationSpec: 244,
  eventNotificationState: 245,
} as const;
/** GPI, ROSpec, buffer warning, reader exception, antenna (17.2.7.5.2). */
const eventsWanted = [1, 2, 3, 4, 8] as const;
const periodic = 1;
const on = 0x80;

/** Content of SET_READER_CONFIG; nothing is reset to the factory's defaults. */
export function encodeSettings({ keepaliveMs, isHolding }: ReaderSettings): Uint8Array {
  return Buffer.concat([
    u8(0),
    tlv(
      types.eventNotificationSpec,
      ...eventsWanted.map((type) => tlv(types.eventNotificationState, u16(type), u8(on))),
    ),
    tlv(types.keepaliveSpec, u8(periodic), u32(keepaliveMs)),
    tlv(types.eventsAndReports, u8(isHolding ? on : 0)),
  ]);
}

/** What a simulated reader is set to; what is not named stays. Undefined where it is malformed. */
export function readSettings(content: Uint8Array): Partial<ReaderSettings> | undefined {
  const parameters = content.length < 1 ? undefined : parametersOf(content.subarray(1));
  if (parameters === undefined) return undefined;
  const keepalive = findParameter(parameters, types.keepaliveSpec);
  const holding = findParameter(parameters, types.eventsAndReports)?.[0];
  const periodMs = keepalive?.length === 5 ? viewOf(keepalive).getUint32(1) : 0;
  return {
    ...(keepalive === undefined ? {} : { keepaliveMs: keepalive[0] === periodic ? periodMs : 0 }),
    ...(holding === undefined ? {} : { isHolding: holding >= on }),
  };
}

/** Antennas and inputs in the parameters of GET_READER_CONFIG_RESPONSE. */
export function readState(parameters: readonly Parameter[]): ReaderState {
  const antennas = new Map<number, { isConnected: boolean }>();
  const inputs = new Map<number, { isHigh: boolean }>();
  for (const { type, content } of parameters) {
    if (type === types.antennaProperties && content.length >= 5) {
      antennas.set(viewOf(content).getUint16(1), { isConnected: content[0]! >= on });
    }
    if (type === types.gpiPortCurrentState && content.length >= 4 && content[3]! < 2) {
      inputs.set(viewOf(content).getUint16(0), { isHigh: content[3] === 1 });
    }
  }
  return { antennas, inputs, transmitter: readTransmitter(parameters) };
}

function readTransmitter(parameters: readonly Parameter[]): Transmitter | undefined {
  const antenna = findParameter(parameters, types.antennaConfiguration);
  const parts = antenna === undefined ? [] : (parametersOf(antenna.subarray(2)) ?? []);
  const found = findParameter(parts, types.rfTransmitter);
  if (found?.length !== 6) return undefined;
  return { hopTableId: viewOf(found).getUint16(0), channelIndex: viewOf(found).getUint16(2) };
}

/** The same, as a simulated reader says it. */
export function encodeState({ antennas, inputs, transmitter }: ReaderState): Uint8Array {
  const { hopTableId = 0, channelIndex = 0 } = transmitter ?? {};
  const rf = tlv(types.rfTransmitter, u16(hopTableId), u16(channelIndex), u16(1));
  return Buffer.concat([
    ...(transmitter === undefined ? [] : [tlv(types.antennaConfiguration, u16(1), rf)]),
    ...[...antennas].map(([antenna, { isConnected }]) =>
      tlv(types.antennaProperties, u8(isConnected ? on : 0), u16(antenna), u16(0)),
    ),
    ...[...inputs].map(([port, { isHigh }]) =>
      tlv(types.gpiPortCurrentState, u16(port), u8(on), u8(isHigh ? 1 : 0)),
    ),
  ]);
}
