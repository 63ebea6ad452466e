// Events of Impinj's IoT device interface, as text and back. "Impinj IoT Device Interface" 1.7, models
// ReaderEvent and below. Unknown keys are passed over; the keys of an event depend on its configuration.

import { z } from "zod";
import { type EventResult, hexWords, isoAtMs, type ReaderEvent } from "../reader-event.ts";
import { rssiUnknownDbm } from "../rssi.ts";

export const statusPath = "/api/v1/status";
export const streamPath = "/api/v1/data/stream";
/** Where a preset is started. */
export const startPathOf = (preset: string) =>
  `/api/v1/profiles/inventory/presets/${encodeURIComponent(preset)}/start`;

const portSchema = z.int().min(1).max(255);
const tagInventorySchema = z.object({
  epc: z.string().max(200).optional(),
  epcHex: z.string().max(200).optional(),
  tidHex: z.string().max(200).optional(),
  antennaPort: portSchema.optional(),
  peakRssiCdbm: z.number().min(-15_000).max(5_000).optional(),
  /** In kHz. */
  frequency: z.number().min(1_000).max(6_000_000).optional(),
  phaseAngle: z.number().min(-360).max(360).optional(),
  lastSeenTime: z.string().max(64).optional(),
});
const antennaSchema = z.object({ antennaPort: portSchema });
const eventSchema = z.object({
  timestamp: z.string().max(64),
  eventType: z.string().max(64).optional(),
  tagInventoryEvent: tagInventorySchema.optional(),
  gpiTransitionEvent: z
    .object({ gpi: portSchema, transition: z.enum(["high-to-low", "low-to-high"]) })
    .optional(),
  inventoryStatusEvent: z
    .object({ inventoryStatus: z.enum(["idle", "running", "armed"]) })
    .optional(),
  antennaConnectedEvent: antennaSchema.optional(),
  antennaDisconnectedEvent: antennaSchema.optional(),
  overflowEvent: z.object({ eventsPurged: z.int().min(0).optional() }).optional(),
});
export type ImpinjEvent = z.input<typeof eventSchema>;

const statusSchema = z.object({
  status: z.enum(["idle", "running", "armed"]),
  serialNumber: z.string().max(64).optional(),
  activePreset: z.object({ id: z.string().max(128).optional() }).nullish(),
});
export type ImpinjStatus = z.input<typeof statusSchema>;

/** Reads an event. Reasons: `malformed`, `unknown` (a type of another firmware), `unreadable_tag`. */
export function readEvent(value: unknown): EventResult {
  const parsed = eventSchema.safeParse(value);
  if (!parsed.success) return { ok: false, reason: "malformed" };
  const { timestamp, tagInventoryEvent: tag } = parsed.data;
  if (tag !== undefined) {
    const event = tagEvent(tag, timestamp);
    return event === undefined
      ? { ok: false, reason: "unreadable_tag" }
      : { ok: true, events: [event] };
  }
  const event = otherEvent(parsed.data);
  return event === undefined ? { ok: false, reason: "unknown" } : { ok: true, events: [event] };
}

/** The reader's state in words; undefined where it is none. */
export function readStatus(body: unknown) {
  const { data } = statusSchema.safeParse(body);
  if (data === undefined) return undefined;
  const preset = data.activePreset?.id;
  const serial = data.serialNumber === undefined ? "" : ` ${data.serialNumber}`;
  const description = `Impinj reader${serial}, ${data.status}${preset ? ` with preset ${preset}` : ""}`;
  return { description, isReading: data.status !== "idle" };
}

/** The event as the reader sends it, a line. */
export function encodeEvent(event: ImpinjEvent & { readonly hostname?: string }): Uint8Array {
  return Buffer.from(`${JSON.stringify(event)}\r\n`);
}

function tagEvent(
  tag: z.output<typeof tagInventorySchema>,
  timestamp: string,
): ReaderEvent | undefined {
  const epcHex = tag.epcHex ?? Buffer.from(tag.epc ?? "", "base64").toString("hex");
  const epc = hexWords(epcHex);
  if (epc === undefined) return undefined;
  const tid = tag.tidHex === undefined ? undefined : hexWords(tag.tidHex);
  // `timestamp` is when the event was queued; `lastSeenTime` is off by default.
  const readerAtMs = isoAtMs(tag.lastSeenTime) ?? isoAtMs(timestamp);
  const { peakRssiCdbm, frequency, phaseAngle } = tag;
  return {
    type: "tag",
    tag: {
      antenna: tag.antennaPort ?? 1,
      epc,
      ...(tid === undefined ? {} : { tid }),
      rssiDbm: peakRssiCdbm === undefined ? rssiUnknownDbm : peakRssiCdbm / 100,
      ...(phaseAngle === undefined
        ? {}
        : { phaseDeg: phaseAngle < 0 ? phaseAngle + 360 : phaseAngle }),
      ...(frequency === undefined ? {} : { channelMhz: frequency / 1000 }),
      ...(readerAtMs === undefined ? {} : { readerAtMs }),
    },
  };
}

function otherEvent(event: z.output<typeof eventSchema>): ReaderEvent | undefined {
  const { gpiTransitionEvent: gpi, inventoryStatusEvent: status, overflowEvent: overflow } = event;
  if (gpi !== undefined) {
    return { type: "input", port: gpi.gpi, isHigh: gpi.transition === "low-to-high" };
  }
  if (status !== undefined) {
    if (status.inventoryStatus !== "idle") return { type: "cleared", name: "idle" };
    return {
      type: "fault",
      name: "idle",
      text: "the reader's inventory is idle",
      isPassing: false,
    };
  }
  if (overflow !== undefined) {
    const text = `the reader's buffer ran over, ${overflow.eventsPurged ?? "some"} events are lost`;
    return { type: "fault", name: "overflow", text, isPassing: true };
  }
  const connected = event.antennaConnectedEvent?.antennaPort;
  if (connected !== undefined) return { type: "cleared", name: `antenna ${connected}` };
  const port = event.antennaDisconnectedEvent?.antennaPort;
  if (port === undefined) return undefined;
  const name = `antenna ${port}`;
  return { type: "fault", name, text: `${name} is not connected`, isPassing: false };
}
