// ROSpec: what a reader shall read and how it shall report (LLRP 11.2, 17.2.4). Ours has one AISpec that never
// ends, starts at once, and reports every N reads.

import {
  custom,
  customContent,
  findParameter,
  type Parameter,
  parametersOf,
  tlv,
  u8,
  u16,
  u32,
  viewOf,
} from "./parameter.ts";
import { impinj } from "./tables.ts";

/** A ROSpec as far as we use it. */
export interface RoSpec {
  readonly roSpecId: number;
  readonly antennas: readonly number[];
  /** Index in the reader's power table; undefined leaves what the reader has. */
  readonly powerIndex?: number | undefined;
  /** Index in the reader's hop table or table of fixed frequencies, of power's parameter; 1 as a rule. */
  readonly hopTableId?: number | undefined;
  readonly channelIndex?: number | undefined;
  /** A mode identifier of the reader's capabilities. */
  readonly modeIndex?: number | undefined;
  /** Gen2 session, 0 to 3, and how many tags are expected. */
  readonly session?: number | undefined;
  readonly tagPopulation?: number | undefined;
  /** Impinj only. */
  readonly searchMode?: number | undefined;
  /** Reads that make a report. */
  readonly reportEveryReadCount: number;
  /** Impinj's phase, finer RSSI and, where asked for, TID. */
  readonly hasImpinjContent: boolean;
  readonly hasTid: boolean;
}

/** State of a ROSpec in the reader (17.2.4.1). */
export const roSpecStates = ["disabled", "inactive", "active"] as const;
export type RoSpecState = (typeof roSpecStates)[number];

/** A ROSpec that a reader has. */
export interface StoredRoSpec {
  readonly roSpecId: number;
  readonly state: RoSpecState;
  /** Its bytes with the state of a new one, to be compared. */
  readonly bytes: Uint8Array;
}

const types = {
  roSpec: 177,
  boundarySpec: 178,
  startTrigger: 179,
  stopTrigger: 182,
  aiSpec: 183,
  aiStopTrigger: 184,
  inventoryParameterSpec: 186,
  antennaConfiguration: 222,
  rfTransmitter: 224,
  reportSpec: 237,
  contentSelector: 238,
  inventoryCommand: 330,
  rfControl: 335,
  singulationControl: 336,
} as const;
/** Bytes of a ROSpec before its parameters: u32 id, u8 priority, u8 state. */
const roSpecHeadSizeBytes = 6;
const stateAt = 5;
const immediate = 1;
const gen2 = 1;
const inventoryParameterSpecId = 1;
const tagsOrEndOfAiSpec = 1;
const tagsOneByOne = Uint8Array.of(tagsOrEndOfAiSpec, 0, 1);
/** Antenna, channel, peak RSSI, first and last seen, count (17.2.7.1: bits from the top). */
const reportContent = 0b0001_1111_1000_0000;

/** The ROSpec parameter. */
export function encodeRoSpec(spec: RoSpec): Uint8Array {
  const duration = u32(0);
  return tlv(
    types.roSpec,
    u32(spec.roSpecId),
    u8(0), // highest priority
    u8(roSpecStates.indexOf("disabled")),
    tlv(
      types.boundarySpec,
      tlv(types.startTrigger, u8(immediate)),
      tlv(types.stopTrigger, u8(0), duration),
    ),
    tlv(
      types.aiSpec,
      u16(spec.antennas.length),
      ...spec.antennas.map(u16),
      tlv(types.aiStopTrigger, u8(0), duration),
      tlv(
        types.inventoryParameterSpec,
        u16(inventoryParameterSpecId),
        u8(gen2),
        ...antennaConfigurations(spec),
      ),
    ),
    reportSpec(spec),
  );
}

function antennaConfigurations(spec: RoSpec): Uint8Array[] {
  const { powerIndex, hopTableId = 1, channelIndex = 1 } = spec;
  const commands: Uint8Array[] = [];
  if (spec.modeIndex !== undefined) {
    commands.push(tlv(types.rfControl, u16(spec.modeIndex), u16(0)));
  }
  if (spec.session !== undefined) {
    const population = u16(spec.tagPopulation ?? 32);
    commands.push(tlv(types.singulationControl, u8(spec.session << 6), population, u32(0)));
  }
  if (spec.searchMode !== undefined) {
    commands.push(custom(impinj.vendorId, impinj.searchMode, u16(spec.searchMode)));
  }
  if (powerIndex === undefined && commands.length === 0) return [];
  return spec.antennas.map((antenna) => {
    const parts = [u16(antenna)];
    if (powerIndex !== undefined) {
      parts.push(tlv(types.rfTransmitter, u16(hopTableId), u16(channelIndex), u16(powerIndex)));
    }
    if (commands.length > 0) parts.push(tlv(types.inventoryCommand, u8(0), ...commands));
    return tlv(types.antennaConfiguration, ...parts);
  });
}

function reportSpec(spec: RoSpec): Uint8Array {
  const selector = tlv(types.contentSelector, u16(reportContent));
  const own = (subtype: number, value: number) => custom(impinj.vendorId, subtype, u16(value));
  const vendor = spec.hasImpinjContent
    ? [
        custom(
          impinj.vendorId,
          impinj.reportContentSelector,
          own(impinj.enableSerializedTid, spec.hasTid ? 1 : 0),
          own(impinj.enableRfPhaseAngle, 1),
          own(impinj.enablePeakRssi, 1),
        ),
      ]
    : [];
  const trigger = u8(tagsOrEndOfAiSpec);
  return tlv(types.reportSpec, trigger, u16(spec.reportEveryReadCount), selector, ...vendor);
}

/** The ROSpecs among the parameters of ADD_ROSPEC or GET_ROSPECS_RESPONSE. */
export function storedRoSpecs(parameters: readonly Parameter[]): StoredRoSpec[] {
  return parameters.flatMap(({ type, content }) => {
    if (type !== types.roSpec || content.length < roSpecHeadSizeBytes) return [];
    const state = roSpecStates[content[stateAt]!];
    if (state === undefined) return [];
    const bytes = content.slice();
    bytes[stateAt] = roSpecStates.indexOf("disabled");
    return [{ roSpecId: viewOf(content).getUint32(0), state, bytes: tlv(types.roSpec, bytes) }];
  });
}

/** A stored ROSpec with the state it is in, as a reader lists it. */
export function encodeStoredRoSpec({ bytes, state }: StoredRoSpec): Uint8Array {
  const copy = bytes.slice();
  copy[4 + stateAt] = roSpecStates.indexOf(state);
  return copy;
}

/** What a simulated reader understands of a ROSpec; undefined where it is not of our form. */
export function readRoSpec(bytes: Uint8Array): RoSpec | undefined {
  const [outer] = parametersOf(bytes) ?? [];
  if (outer?.type !== types.roSpec || outer.content.length < roSpecHeadSizeBytes) return undefined;
  const parts = parametersOf(outer.content.subarray(roSpecHeadSizeBytes));
  const aiSpec = findParameter(parts ?? [], types.aiSpec);
  // Without one it reports as the reader is set to, which is after each read here.
  const report = findParameter(parts ?? [], types.reportSpec) ?? tagsOneByOne;
  if (aiSpec === undefined || report.length < 3) return undefined;
  const antennaCount = aiSpec.length < 2 ? 0 : viewOf(aiSpec).getUint16(0);
  const inner = parametersOf(aiSpec.subarray(2 + 2 * antennaCount));
  const inventory = findParameter(inner ?? [], types.inventoryParameterSpec);
  if (inventory === undefined || inventory.length < 3) return undefined;
  const view = viewOf(aiSpec);
  const contents = (parametersOf(report.subarray(3)) ?? []).flatMap(
    (each) => customContent(each, impinj.vendorId, impinj.reportContentSelector) ?? [],
  );
  const wanted = contents.flatMap((content) => parametersOf(content) ?? []);
  const isOn = (subtype: number) =>
    wanted.some((each) => customContent(each, impinj.vendorId, subtype)?.[1] === 1);
  return {
    roSpecId: viewOf(outer.content).getUint32(0),
    antennas: Array.from({ length: antennaCount }, (_, index) => view.getUint16(2 + 2 * index)),
    ...antennaSettings(inventory.subarray(3)),
    reportEveryReadCount: viewOf(report).getUint16(1),
    hasImpinjContent: isOn(impinj.enablePeakRssi),
    hasTid: isOn(impinj.enableSerializedTid),
  };
}

// Of the first antenna: ours are all alike.
function antennaSettings(bytes: Uint8Array): Partial<RoSpec> {
  const antenna = findParameter(parametersOf(bytes) ?? [], types.antennaConfiguration);
  const parts = antenna === undefined ? [] : (parametersOf(antenna.subarray(2)) ?? []);
  const transmitter = findParameter(parts, types.rfTransmitter);
  const command = findParameter(parts, types.inventoryCommand);
  const controls = command === undefined ? [] : (parametersOf(command.subarray(1)) ?? []);
  const rf = findParameter(controls, types.rfControl);
  const singulation = findParameter(controls, types.singulationControl);
  const search = controls
    .map((each) => customContent(each, impinj.vendorId, impinj.searchMode))
    .find((content) => content !== undefined);
  const number = (content: Uint8Array | undefined, at: number) =>
    content !== undefined && content.length >= at + 2 ? viewOf(content).getUint16(at) : undefined;
  return {
    hopTableId: number(transmitter, 0),
    channelIndex: number(transmitter, 2),
    powerIndex: number(transmitter, 4),
    modeIndex: number(rf, 0),
    session: singulation === undefined ? undefined : singulation[0]! >> 6,
    tagPopulation: number(singulation, 1),
    searchMode: number(search, 0),
  };
}
