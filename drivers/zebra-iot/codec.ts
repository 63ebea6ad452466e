// Messages of Zebra's IoT Connector, as text and back. "Zebra Fixed Reader MQTT API" 1.0.0: /tagDataEvents and
// /mode_tag_data_events (an envelope with the mode as its type), /async-events (heartbeat, gpi, error, warning).
// Which keys a read has depends on the mode and its `tagMetaData`; unknown keys are passed over.

import { z } from "zod";
import { type EventResult, hexWords, isoAtMs, type ReaderEvent } from "../reader-event.ts";
import { rssiUnknownDbm } from "../rssi.ts";

const eventNumSchema = z.int().min(0);
const tagSchema = z.object({
  idHex: z.string().max(200),
  TID: z.string().max(200).optional(),
  antenna: z.int().min(1).max(255).optional(),
  peakRssi: z.number().min(-150).max(50).optional(),
  reads: z.int().min(1).max(1_000_000).optional(),
  phase: z.number().min(-360).max(360).optional(),
  /** In MHz. */
  channel: z.number().min(1).max(6_000).optional(),
  eventNum: eventNumSchema.optional(),
});
const connectionSchema = z.enum(["connected", "disconnected"]);
const radioSchema = z.object({
  antennas: z.record(z.string().regex(/^\d{1,2}$/), connectionSchema).default({}),
  radioConnection: connectionSchema.optional(),
  radioActivity: z.enum(["active", "inactive"]).optional(),
  /** As older firmware spells it. */
  radioActivitiy: z.enum(["active", "inactive"]).optional(),
});
const pinSchema = z.object({ pin: z.int().min(1).max(255), state: z.enum(["HIGH", "LOW"]) });
const messageSchema = z.object({ message: z.string().max(2000).default("without a word") });
const envelopeSchema = z.object({
  type: z.string().max(64),
  timestamp: z.string().max(64).optional(),
  data: z.record(z.string(), z.unknown()),
});

/** A message as the reader sends it. */
export interface ZebraMessage {
  readonly type: string;
  readonly timestamp: string;
  readonly component?: "RC" | "RG";
  readonly eventNum?: number;
  readonly data: object;
}

/** Reads a message. Reasons: `malformed`, `unknown` (BLE, GPO, firmware progress, ...), `unreadable_tag`. */
export function readEvent(value: unknown): EventResult {
  const { data: envelope } = envelopeSchema.safeParse(value);
  if (envelope === undefined) return { ok: false, reason: "malformed" };
  const { type, timestamp, data } = envelope;
  if ("idHex" in data) return readTag(data, timestamp);
  switch (type) {
    case "heartbeat": {
      const { data: radio } = radioSchema.safeParse(data["radio_control"]);
      return radio === undefined ? malformed : { ok: true, events: radioEvents(radio) };
    }
    case "gpi": {
      const { data: input } = pinSchema.safeParse(data);
      if (input === undefined) return malformed;
      return {
        ok: true,
        events: [{ type: "input", port: input.pin, isHigh: input.state === "HIGH" }],
      };
    }
    case "error":
    case "warning": {
      const { data: said } = messageSchema.safeParse(data);
      if (said === undefined) return malformed;
      const text = `the reader's ${type}: ${said.message}`;
      return { ok: true, events: [{ type: "fault", name: type, text, isPassing: true }] };
    }
    default:
      return { ok: false, reason: "unknown" };
  }
}

const malformed = { ok: false, reason: "malformed" } as const;

/** The message as the reader sends it. */
export function encodeMessage(message: ZebraMessage): Uint8Array {
  return Buffer.from(JSON.stringify(message));
}

/** A time as the reader writes it. */
export function zebraTime(atMs: number): string {
  return new Date(atMs).toISOString().replace("Z", "+0000");
}

function readTag(data: object, timestamp: string | undefined): EventResult {
  const parsed = tagSchema.safeParse(data);
  if (!parsed.success) return malformed;
  const { idHex, TID, antenna = 1, peakRssi, reads, phase, channel, eventNum } = parsed.data;
  const epc = hexWords(idHex);
  if (epc === undefined) return { ok: false, reason: "unreadable_tag" };
  const tid = TID === undefined ? undefined : hexWords(TID);
  const readerAtMs = isoAtMs(timestamp);
  const tag = {
    antenna,
    epc,
    rssiDbm: peakRssi ?? rssiUnknownDbm,
    ...(tid === undefined ? {} : { tid }),
    ...(reads === undefined ? {} : { count: reads }),
    ...(phase === undefined ? {} : { phaseDeg: phase < 0 ? phase + 360 : phase }),
    ...(channel === undefined ? {} : { channelMhz: channel }),
    ...(readerAtMs === undefined ? {} : { readerAtMs }),
  };
  const events: ReaderEvent[] = [{ type: "tag", tag }];
  return { ok: true, events, ...(eventNum === undefined ? {} : { sequence: eventNum }) };
}

function radioEvents(radio: z.output<typeof radioSchema>): ReaderEvent[] {
  const events: ReaderEvent[] = [];
  const say = (name: string, text: string, isWrong: boolean) =>
    events.push(
      isWrong ? { type: "fault", name, text, isPassing: false } : { type: "cleared", name },
    );
  for (const [port, state] of Object.entries(radio.antennas)) {
    events.push({ type: "antenna", antenna: Number(port), isConnected: state === "connected" });
  }
  say("radio", "the reader's radio is not connected", radio.radioConnection === "disconnected");
  const activity = radio.radioActivity ?? radio.radioActivitiy;
  say("idle", "the reader's radio is inactive: no inventory runs", activity === "inactive");
  return events;
}
