// READER_EVENT_NOTIFICATION: what happened to the reader (LLRP 14.2, 17.2.7.5).

import {
  lengthAndText,
  parametersOf,
  textAt,
  tlv,
  u8,
  u16,
  u32,
  u64,
  viewOf,
} from "./parameter.ts";

/** One thing that happened. Antennas, ports and ROSpecs by their numbers. */
export type ReaderEvent =
  | { readonly type: "connection_attempt"; readonly status: ConnectionStatus }
  | { readonly type: "connection_close" }
  | { readonly type: "gpi"; readonly port: number; readonly isHigh: boolean }
  | { readonly type: "ro_spec"; readonly what: RoSpecChange; readonly roSpecId: number }
  | { readonly type: "buffer_warning"; readonly percentFull: number }
  | { readonly type: "buffer_overflow" }
  | { readonly type: "exception"; readonly text: string }
  | { readonly type: "antenna"; readonly antenna: number; readonly isConnected: boolean };

/** How a connection began (17.2.7.5.14). */
export const connectionStatuses = [
  "success",
  "reader_initiated_exists",
  "client_initiated_exists",
  "failed",
  "another_attempted",
] as const;
export type ConnectionStatus = (typeof connectionStatuses)[number];

export const roSpecChanges = ["started", "ended", "preempted"] as const;
export type RoSpecChange = (typeof roSpecChanges)[number];

/** A notification: when, by the reader's clock (UTC, or uptime of a reader without one), and what. */
export interface Notification {
  readonly utcUs: number | undefined;
  readonly uptimeUs: number | undefined;
  readonly events: readonly ReaderEvent[];
}

const dataType = 246;
const utcType = 128;
const uptimeType = 129;
const types = {
  gpi: 248,
  ro_spec: 249,
  buffer_warning: 250,
  buffer_overflow: 251,
  exception: 252,
  antenna: 255,
  connection_attempt: 256,
  connection_close: 257,
} as const;

/** A notification's content; undefined where it is malformed. Events of other kinds are skipped. */
export function readNotification(content: Uint8Array): Notification | undefined {
  const data = parametersOf(content)?.find(({ type }) => type === dataType)?.content;
  const parameters = data === undefined ? undefined : parametersOf(data);
  if (parameters === undefined) return undefined;
  const timeOf = (wanted: number) => {
    const found = parameters.find(
      ({ type, content: { length } }) => type === wanted && length === 8,
    );
    return found === undefined ? undefined : Number(viewOf(found.content).getBigUint64(0));
  };
  const events = parameters.flatMap(({ type, content: each }) => readEvent(type, each) ?? []);
  return { utcUs: timeOf(utcType), uptimeUs: timeOf(uptimeType), events };
}

function readEvent(type: number, content: Uint8Array): ReaderEvent | undefined {
  const view = viewOf(content);
  const { length } = content;
  switch (type) {
    case types.connection_attempt: {
      const status = length < 2 ? undefined : connectionStatuses[view.getUint16(0)];
      return status === undefined ? undefined : { type: "connection_attempt", status };
    }
    case types.connection_close:
      return { type: "connection_close" };
    case types.gpi:
      if (length < 3) return undefined;
      return { type: "gpi", port: view.getUint16(0), isHigh: content[2]! >= 0x80 };
    case types.ro_spec: {
      const what = roSpecChanges[content[0] ?? roSpecChanges.length];
      if (what === undefined || length < 5) return undefined;
      return { type: "ro_spec", what, roSpecId: view.getUint32(1) };
    }
    case types.buffer_warning:
      return length < 1 ? undefined : { type: "buffer_warning", percentFull: content[0]! };
    case types.buffer_overflow:
      return { type: "buffer_overflow" };
    case types.exception:
      return { type: "exception", text: textAt(content, 0) ?? "" };
    case types.antenna:
      if (length < 3) return undefined;
      return { type: "antenna", antenna: view.getUint16(1), isConnected: content[0] === 1 };
    default:
      return undefined;
  }
}

/** What a simulated reader says happened. */
export function encodeNotification(notification: Notification): Uint8Array {
  const { utcUs, uptimeUs, events } = notification;
  return tlv(
    dataType,
    ...(utcUs === undefined ? [] : [tlv(utcType, u64(utcUs))]),
    ...(uptimeUs === undefined ? [] : [tlv(uptimeType, u64(uptimeUs))]),
    ...events.map((event) => tlv(types[event.type], ...eventFields(event))),
  );
}

function eventFields(event: ReaderEvent): Uint8Array[] {
  switch (event.type) {
    case "connection_attempt":
      return [u16(connectionStatuses.indexOf(event.status))];
    case "gpi":
      return [u16(event.port), u8(event.isHigh ? 0x80 : 0)];
    case "ro_spec":
      return [u8(roSpecChanges.indexOf(event.what)), u32(event.roSpecId), u32(0)];
    case "buffer_warning":
      return [u8(event.percentFull)];
    case "exception":
      return [lengthAndText(event.text)];
    case "antenna":
      return [u8(event.isConnected ? 1 : 0), u16(event.antenna)];
    case "connection_close":
    case "buffer_overflow":
      return [];
  }
}
