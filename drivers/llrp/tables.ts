// Numbers of LLRP 1.0.1 and 1.1: messages (17.1), status codes (15.1), and the custom parameters of Impinj.

/** Message types by name. A response is ten above its request, but for those of 1.0's first messages. */
export const messageTypes = {
  GET_READER_CAPABILITIES: 1,
  GET_READER_CONFIG: 2,
  SET_READER_CONFIG: 3,
  CLOSE_CONNECTION_RESPONSE: 4,
  GET_READER_CAPABILITIES_RESPONSE: 11,
  GET_READER_CONFIG_RESPONSE: 12,
  SET_READER_CONFIG_RESPONSE: 13,
  CLOSE_CONNECTION: 14,
  ADD_ROSPEC: 20,
  DELETE_ROSPEC: 21,
  START_ROSPEC: 22,
  STOP_ROSPEC: 23,
  ENABLE_ROSPEC: 24,
  DISABLE_ROSPEC: 25,
  GET_ROSPECS: 26,
  ADD_ROSPEC_RESPONSE: 30,
  DELETE_ROSPEC_RESPONSE: 31,
  START_ROSPEC_RESPONSE: 32,
  STOP_ROSPEC_RESPONSE: 33,
  ENABLE_ROSPEC_RESPONSE: 34,
  DISABLE_ROSPEC_RESPONSE: 35,
  GET_ROSPECS_RESPONSE: 36,
  ADD_ACCESSSPEC: 40,
  DELETE_ACCESSSPEC: 41,
  ENABLE_ACCESSSPEC: 42,
  DISABLE_ACCESSSPEC: 43,
  GET_ACCESSSPECS: 44,
  CLIENT_REQUEST_OP: 45,
  GET_SUPPORTED_VERSION: 46,
  SET_PROTOCOL_VERSION: 47,
  ADD_ACCESSSPEC_RESPONSE: 50,
  DELETE_ACCESSSPEC_RESPONSE: 51,
  ENABLE_ACCESSSPEC_RESPONSE: 52,
  DISABLE_ACCESSSPEC_RESPONSE: 53,
  GET_ACCESSSPECS_RESPONSE: 54,
  CLIENT_REQUEST_OP_RESPONSE: 55,
  GET_SUPPORTED_VERSION_RESPONSE: 56,
  SET_PROTOCOL_VERSION_RESPONSE: 57,
  GET_REPORT: 60,
  RO_ACCESS_REPORT: 61,
  KEEPALIVE: 62,
  READER_EVENT_NOTIFICATION: 63,
  ENABLE_EVENTS_AND_REPORTS: 64,
  KEEPALIVE_ACK: 72,
  ERROR_MESSAGE: 100,
  CUSTOM_MESSAGE: 1023,
} as const;
export type MessageName = keyof typeof messageTypes;

const messageNames: ReadonlyMap<number, MessageName> = new Map(
  Object.entries(messageTypes).map(([name, type]) => [type, name as MessageName]),
);

/** The standard's name of a message type; undefined for one it does not have. */
export function messageName(type: number): MessageName | undefined {
  return messageNames.get(type);
}

/** Types of the answers to a request: its response. */
export function responseTypeOf(requestType: number): number {
  if (requestType === messageTypes.CLOSE_CONNECTION) return messageTypes.CLOSE_CONNECTION_RESPONSE;
  // A vendor's messages all share one type.
  if (requestType === messageTypes.CUSTOM_MESSAGE) return messageTypes.CUSTOM_MESSAGE;
  return requestType + 10;
}

/** Private enterprise number of Impinj, and what we use of its extensions ("Octane LLRP"). */
export const impinj = {
  vendorId: 25_882,
  enableExtensions: 21,
  enableExtensionsResponse: 22,
  searchMode: 23,
  reportContentSelector: 50,
  enableSerializedTid: 51,
  enableRfPhaseAngle: 52,
  enablePeakRssi: 53,
  serializedTid: 55,
  rfPhaseAngle: 56,
  peakRssi: 57,
} as const;

const statusTexts: Readonly<Record<number, string>> = {
  0: "success",
  100: "a parameter is wrong",
  101: "a field is wrong",
  102: "unexpected parameter",
  103: "a parameter is missing",
  104: "a parameter stands twice",
  105: "too many parameters",
  106: "too many values in a field",
  107: "unknown parameter",
  108: "unknown field",
  109: "the reader does not support this message",
  110: "the reader does not support this version",
  111: "the reader does not support a parameter",
  200: "a parameter within a parameter is wrong",
  201: "a field of a parameter is wrong",
  202: "unexpected parameter within a parameter",
  203: "a parameter within a parameter is missing",
  204: "a parameter within a parameter stands twice",
  205: "too many parameters within a parameter",
  206: "too many values in a parameter's field",
  207: "unknown parameter within a parameter",
  208: "unknown field of a parameter",
  209: "the reader does not support a parameter within a parameter",
  300: "invalid value",
  301: "value out of range",
  401: "the reader's hardware failed",
};

/** A status code in words, with its number (15.1). */
export function statusText(code: number): string {
  return `${statusTexts[code] ?? "unknown status"} (${code})`;
}
