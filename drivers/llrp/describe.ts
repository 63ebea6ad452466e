// Any LLRP message with its parameters by name, as a tree: for people who look at bytes.

import type { Message } from "./frame.ts";
import { customType, type Parameter, parametersOf, viewOf } from "./parameter.ts";
import { impinj, messageName, messageTypes } from "./tables.ts";

/** A parameter with what is in it. `hex` are its fields, before the parameters in it. */
export interface ParameterNode {
  readonly name: string;
  readonly hex?: string;
  readonly parameters?: readonly ParameterNode[];
}

/** Bytes of fields before the first parameter in it; undefined for one that has none in it. */
type Form = readonly [name: string, fieldSizeBytes?: number | ((content: Uint8Array) => number)];

const afterText = (at: number) => (content: Uint8Array) =>
  content.length < at + 2 ? content.length : at + 2 + viewOf(content).getUint16(at);

const forms: Readonly<Record<number, Form>> = {
  1: ["AntennaID"],
  2: ["FirstSeenTimestampUTC"],
  3: ["FirstSeenTimestampUptime"],
  4: ["LastSeenTimestampUTC"],
  5: ["LastSeenTimestampUptime"],
  6: ["PeakRSSI"],
  7: ["ChannelIndex"],
  8: ["TagSeenCount"],
  9: ["ROSpecID"],
  10: ["InventoryParameterSpecID"],
  11: ["C1G2CRC"],
  12: ["C1G2PC"],
  13: ["EPC-96"],
  14: ["SpecIndex"],
  15: ["ClientRequestOpSpecResult"],
  16: ["AccessSpecID"],
  17: ["OpSpecID"],
  18: ["C1G2SingulationDetails"],
  19: ["C1G2XPCW1"],
  20: ["C1G2XPCW2"],
  128: ["UTCTimestamp"],
  129: ["Uptime"],
  137: ["GeneralDeviceCapabilities", afterText(12)],
  139: ["ReceiveSensitivityTableEntry"],
  140: ["PerAntennaAirProtocol"],
  141: ["GPIOCapabilities"],
  142: ["LLRPCapabilities"],
  143: ["RegulatoryCapabilities", 4],
  144: ["UHFBandCapabilities", 0],
  145: ["TransmitPowerLevelTableEntry"],
  146: ["FrequencyInformation", 1],
  147: ["FrequencyHopTable"],
  148: ["FixedFrequencyTable"],
  149: ["PerAntennaReceiveSensitivityRange"],
  177: ["ROSpec", 6],
  178: ["ROBoundarySpec", 0],
  179: ["ROSpecStartTrigger", 1],
  180: ["PeriodicTriggerValue", 8],
  181: ["GPITriggerValue"],
  182: ["ROSpecStopTrigger", 5],
  183: ["AISpec", (content) => (content.length < 2 ? 0 : 2 + 2 * viewOf(content).getUint16(0))],
  184: ["AISpecStopTrigger", 5],
  185: ["TagObservationTrigger"],
  186: ["InventoryParameterSpec", 3],
  187: ["RFSurveySpec", 10],
  207: ["AccessSpec", 12],
  208: ["AccessSpecStopTrigger"],
  209: ["AccessCommand", 0],
  217: ["LLRPConfigurationStateValue"],
  218: ["Identification"],
  219: ["GPOWriteData"],
  220: ["KeepaliveSpec"],
  221: ["AntennaProperties"],
  222: ["AntennaConfiguration", 2],
  223: ["RFReceiver"],
  224: ["RFTransmitter"],
  225: ["GPIPortCurrentState"],
  226: ["EventsAndReports"],
  237: ["ROReportSpec", 3],
  238: ["TagReportContentSelector", 2],
  239: ["AccessReportSpec"],
  240: ["TagReportData", 0],
  241: ["EPCData"],
  242: ["RFSurveyReportData", 0],
  243: ["FrequencyRSSILevelEntry", 10],
  244: ["ReaderEventNotificationSpec", 0],
  245: ["EventNotificationState"],
  246: ["ReaderEventNotificationData", 0],
  247: ["HoppingEvent"],
  248: ["GPIEvent"],
  249: ["ROSpecEvent"],
  250: ["ReportBufferLevelWarningEvent"],
  251: ["ReportBufferOverflowErrorEvent"],
  252: ["ReaderExceptionEvent", afterText(0)],
  253: ["RFSurveyEvent"],
  254: ["AISpecEvent", 7],
  255: ["AntennaEvent"],
  256: ["ConnectionAttemptEvent"],
  257: ["ConnectionCloseEvent"],
  287: ["LLRPStatus", afterText(2)],
  288: ["FieldError"],
  289: ["ParameterError", 4],
  327: ["C1G2LLRPCapabilities"],
  328: ["C1G2UHFRFModeTable", 0],
  329: ["C1G2UHFRFModeTableEntry"],
  330: ["C1G2InventoryCommand", 1],
  331: ["C1G2Filter", 1],
  332: ["C1G2TagInventoryMask"],
  335: ["C1G2RFControl"],
  336: ["C1G2SingulationControl", 7],
  338: ["C1G2TagSpec", 0],
  339: ["C1G2TargetTag"],
  341: ["C1G2Read"],
  342: ["C1G2Write"],
  347: ["C1G2BlockWrite"],
  348: ["C1G2EPCMemorySelector"],
  349: ["C1G2ReadOpSpecResult"],
  350: ["C1G2WriteOpSpecResult"],
  354: ["C1G2BlockWriteOpSpecResult"],
};
/** Bytes of a message before its parameters, where there are any. */
const messageFieldSizesBytes: Readonly<Record<number, number>> = {
  [messageTypes.GET_READER_CAPABILITIES]: 1,
  [messageTypes.GET_READER_CONFIG]: 7,
  [messageTypes.SET_READER_CONFIG]: 1,
  [messageTypes.DELETE_ROSPEC]: 4,
  [messageTypes.START_ROSPEC]: 4,
  [messageTypes.STOP_ROSPEC]: 4,
  [messageTypes.ENABLE_ROSPEC]: 4,
  [messageTypes.DISABLE_ROSPEC]: 4,
  [messageTypes.DELETE_ACCESSSPEC]: 4,
  [messageTypes.ENABLE_ACCESSSPEC]: 4,
  [messageTypes.DISABLE_ACCESSSPEC]: 4,
  [messageTypes.SET_PROTOCOL_VERSION]: 1,
  [messageTypes.GET_SUPPORTED_VERSION_RESPONSE]: 2,
  [messageTypes.CUSTOM_MESSAGE]: 5,
};
/** Vendor and subtype before a vendor's fields. */
const customHeadSizeBytes = 8;
/** Impinj's parameters that have others in them. */
const impinjContainers: readonly number[] = [impinj.reportContentSelector];

/** A message; undefined where a parameter's length runs past the end. */
export function describeMessage(message: Message) {
  const { version, type, id, content } = message;
  const name = messageName(type) ?? `message ${type}`;
  const head = { message: name, version: version === 2 ? "1.1" : "1.0.1", id };
  const fieldSizeBytes = Math.min(messageFieldSizesBytes[type] ?? 0, content.length);
  // What a vendor's message carries is the vendor's.
  if (type === messageTypes.CUSTOM_MESSAGE) return { ...head, hex: hexOf(content) };
  const parameters = nodesOf(content.subarray(fieldSizeBytes));
  if (parameters === undefined) return undefined;
  const fields = fieldSizeBytes === 0 ? {} : { hex: hexOf(content.subarray(0, fieldSizeBytes)) };
  return { ...head, ...fields, parameters };
}

function nodesOf(bytes: Uint8Array): ParameterNode[] | undefined {
  const nodes = parametersOf(bytes)?.map(nodeOf);
  return nodes?.every((node) => node !== undefined) ? nodes : undefined;
}

function nodeOf(parameter: Parameter): ParameterNode | undefined {
  const { type, content } = parameter;
  if (type === customType) return customNode(content);
  const [name, size] = forms[type] ?? [`parameter ${type}`];
  if (size === undefined) return { name, hex: hexOf(content) };
  const fieldSizeBytes = Math.min(content.length, typeof size === "number" ? size : size(content));
  const parameters = nodesOf(content.subarray(fieldSizeBytes));
  if (parameters === undefined) return undefined;
  const fields = fieldSizeBytes === 0 ? {} : { hex: hexOf(content.subarray(0, fieldSizeBytes)) };
  return { name, ...fields, parameters };
}

function customNode(content: Uint8Array): ParameterNode | undefined {
  if (content.length < customHeadSizeBytes) return undefined;
  const view = viewOf(content);
  const [vendorId, subtype] = [view.getUint32(0), view.getUint32(4)];
  const name = `Custom ${vendorId === impinj.vendorId ? "Impinj" : vendorId} ${subtype}`;
  const rest = content.subarray(customHeadSizeBytes);
  const isContainer = vendorId === impinj.vendorId && impinjContainers.includes(subtype);
  const parameters = isContainer ? nodesOf(rest) : undefined;
  return parameters === undefined ? { name, hex: hexOf(rest) } : { name, parameters };
}

function hexOf(bytes: Uint8Array): string {
  return Buffer.from(bytes).toString("hex");
}
