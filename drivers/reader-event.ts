// What readers that publish by themselves say, whatever their maker's JSON looks like. Pure.

import type { TagReading } from "../contract/reading.ts";
import { type EpcHex, epcHexSchema } from "../contract/units.ts";

/** A tag, as far as the event tells. */
export type PublishedTag = Omit<TagReading, "kind" | "deviceId" | "receivedAtMs">;

/** One thing an event says. */
export type ReaderEvent =
  | { readonly type: "tag"; readonly tag: PublishedTag }
  | { readonly type: "input"; readonly port: number; readonly isHigh: boolean }
  /** An antenna is plugged in or not: a fault where it was plugged in before. */
  | { readonly type: "antenna"; readonly antenna: number; readonly isConnected: boolean }
  /** Something is wrong: until it is cleared or, where it is passing, for a while. */
  | {
      readonly type: "fault";
      readonly name: string;
      readonly text: string;
      readonly isPassing: boolean;
    }
  | { readonly type: "cleared"; readonly name: string }
  /** It is there and reads; nothing else. */
  | { readonly type: "alive" };

/** What a JSON object is: events, or why it is none. */
export type EventResult =
  | {
      readonly ok: true;
      readonly events: readonly ReaderEvent[];
      /** Its number, where the reader counts its events: one that is left out was lost. */
      readonly sequence?: number;
    }
  | { readonly ok: false; readonly reason: string };

/** Hex in any case as whole words; undefined where it is no memory bank of 1 to 31 words. */
export function hexWords(text: string): EpcHex | undefined {
  const upper = text.toUpperCase();
  return epcHexSchema.safeParse(upper.padEnd(Math.ceil(upper.length / 4) * 4, "0")).data;
}

/** Unix time of an ISO text; undefined where it is none that a reading can have. */
export function isoAtMs(text: string | undefined): number | undefined {
  // Zebra writes +0000 where ISO 8601's extended format has +00:00.
  const atMs = Date.parse((text ?? "").replace(/([+-]\d\d)(\d\d)$/, "$1:$2"));
  return atMs >= 0 && atMs <= 8_640_000_000_000 ? Math.floor(atMs) : undefined;
}
