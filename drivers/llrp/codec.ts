// LLRP's requests and answers in both directions: the driver encodes requests and reads answers, a simulated
// reader the reverse. What they carry is in the files beside this one. LLRP 1.0.1 and 1.1, clause 17.1.

import type { LlrpVersion, Message } from "./frame.ts";
import { u8, u16, u32, viewOf } from "./parameter.ts";
import { encodeSettings, type ReaderSettings } from "./reader-config.ts";
import { impinj, messageTypes, responseTypeOf } from "./tables.ts";

/** What the client asks; `spec` is an encoded ROSpec. */
export type Request =
  | {
      readonly type:
        | "GET_READER_CAPABILITIES"
        | "GET_READER_CONFIG"
        | "GET_ROSPECS"
        | "GET_SUPPORTED_VERSION"
        | "ENABLE_EVENTS_AND_REPORTS"
        | "KEEPALIVE_ACK"
        | "CLOSE_CONNECTION"
        | "IMPINJ_ENABLE_EXTENSIONS";
    }
  | { readonly type: "SET_READER_CONFIG"; readonly settings: ReaderSettings }
  | { readonly type: "ADD_ROSPEC"; readonly spec: Uint8Array }
  | {
      readonly type: "DELETE_ROSPEC" | "ENABLE_ROSPEC" | "START_ROSPEC" | "STOP_ROSPEC";
      /** 0 means all. */
      readonly roSpecId: number;
    }
  | { readonly type: "DELETE_ACCESSSPEC"; readonly accessSpecId: number }
  | { readonly type: "SET_PROTOCOL_VERSION"; readonly version: LlrpVersion };

const none = new Uint8Array(0);
/** Asks for everything the reader has to tell. */
const all = 0;

/** A request as a message. */
export function encodeRequest(request: Request, id: number, version: LlrpVersion): Message {
  const type =
    request.type === "IMPINJ_ENABLE_EXTENSIONS"
      ? messageTypes.CUSTOM_MESSAGE
      : messageTypes[request.type];
  return { version, type, id, content: requestContent(request) };
}

function requestContent(request: Request): Uint8Array {
  switch (request.type) {
    case "GET_READER_CAPABILITIES":
      return u8(all);
    case "GET_READER_CONFIG":
      // Every antenna, everything, every input and output.
      return Buffer.concat([u16(0), u8(all), u16(0), u16(0)]);
    case "SET_READER_CONFIG":
      return encodeSettings(request.settings);
    case "ADD_ROSPEC":
      return request.spec;
    case "DELETE_ROSPEC":
    case "ENABLE_ROSPEC":
    case "START_ROSPEC":
    case "STOP_ROSPEC":
      return u32(request.roSpecId);
    case "DELETE_ACCESSSPEC":
      return u32(request.accessSpecId);
    case "SET_PROTOCOL_VERSION":
      return u8(request.version);
    case "IMPINJ_ENABLE_EXTENSIONS":
      return Buffer.concat([u32(impinj.vendorId), u8(impinj.enableExtensions), u32(0)]);
    default:
      return none;
  }
}

/** Whether a message answers the request with this type and id: its response, or an ERROR_MESSAGE. */
export function isAnswerTo(message: Message, requestType: number, id: number): boolean {
  if (message.id !== id) return false;
  return (
    message.type === responseTypeOf(requestType) || message.type === messageTypes.ERROR_MESSAGE
  );
}

/** The parameters of an answer, past the header of a vendor's message; undefined where they are malformed. */
export function answerParameters(message: Message): Uint8Array | undefined {
  const { type, content } = message;
  if (type === messageTypes.CUSTOM_MESSAGE) {
    return content.length < 5 ? undefined : content.subarray(5);
  }
  // GET_SUPPORTED_VERSION_RESPONSE has two bytes before its status.
  if (type === messageTypes.GET_SUPPORTED_VERSION_RESPONSE) {
    return content.length < 2 ? undefined : content.subarray(2);
  }
  return content;
}

/** Highest version a reader supports; undefined where it does not say. */
export function supportedVersion({ content }: Message): number | undefined {
  return content[1];
}

/** An answer of a simulated reader. */
export function encodeAnswer(
  request: Message,
  parameters: readonly Uint8Array[],
  head: Uint8Array = none,
): Message {
  const { version, type, id } = request;
  const content = Buffer.concat([head, ...parameters]);
  return { version, type: responseTypeOf(type), id, content };
}

/** The ROSpec or AccessSpec number, or the version, that a simulated reader is asked about. */
export function numberIn({ content }: Message): number | undefined {
  if (content.length === 1) return content[0];
  return content.length === 4 ? viewOf(content).getUint32(0) : undefined;
}

/** Whether a message asks for Impinj's extensions. */
export function isEnableExtensions({ type, content }: Message): boolean {
  return (
    type === messageTypes.CUSTOM_MESSAGE &&
    content.length >= 5 &&
    viewOf(content).getUint32(0) === impinj.vendorId &&
    content[4] === impinj.enableExtensions
  );
}
