// What the uplink needs of the rest of the edge, and what it says.

import type { Rejection } from "../contract/delivery.ts";
import type { Clock } from "../drivers/clock.ts";
import type { OutboxReader } from "./buffer/outbox.ts";
import type { UplinkSettings } from "./uplink-settings.ts";

/** What the uplink is given. */
export interface UplinkOptions {
  readonly storeId: string;
  readonly edgeId: string;
  readonly outbox: OutboxReader;
  readonly clock: Clock;
  readonly random: () => number;
  /** A new id that fits `randomIdSchema`, never repeated. */
  readonly randomId: () => string;
  /** Publishes with QoS 1; may lose it, never throws. */
  readonly send: (topic: string, payload: Uint8Array) => void;
  /** Everything that happened before this is in the outbox. */
  readonly completeThroughAtMs: () => number;
  /** Something a person should know. */
  readonly alarm: (code: UplinkAlarm, message: string, detail: AlarmDetail) => void;
  /** Events that the ledger put into quarantine, each told once. */
  readonly onRejected: (rejections: readonly Rejection[]) => void;
  /** The outbox failed: the process must stop and start anew. */
  readonly onFailure: (error: unknown) => void;
  /** So many messages in a row had no answer that the connection may be to blame (`unansweredCountMax`). */
  readonly onUnanswered?: () => void;
  readonly count: (name: string, by?: number) => void;
  readonly settings: UplinkSettings;
}

/** What the uplink raises alarms for. */
export type UplinkAlarm =
  | "outbox_diverged"
  | "event_set_aside"
  | "message_refused"
  | "version_unsupported"
  | "ledger_behind"
  | "ledger_epoch_older";
/** Facts of an alarm. */
export type AlarmDetail = Record<string, string | number>;

/** `held`: the bridge does not speak our version. `failed`: the outbox failed. */
export type UplinkState = "offline" | "online" | "held" | "failed";
