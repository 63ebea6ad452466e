// One edge of a fleet: the real link and the real uplink over an outbox in memory, without devices.

import { commandSchema, type EdgeStatus } from "../../contract/delivery.ts";
import type { Clock } from "../../drivers/clock.ts";
import { EdgeLink } from "../../edge/link.ts";
import { Uplink } from "../../edge/uplink.ts";
import { linkSettingsSchema, uplinkSettingsSchema } from "../../edge/uplink-settings.ts";
import { MemoryOutbox } from "./memory-outbox.ts";
import { StoreTrade } from "./store-trade.ts";

/** What an edge of a fleet is given. */
export interface FleetEdgeOptions {
  readonly url: string;
  readonly storeId: string;
  readonly bootId: string;
  readonly outboxId: string;
  readonly gtinCount: number;
  readonly clock: Clock;
  readonly random: () => number;
  readonly randomId: () => string;
  readonly onLatency: (ms: number) => void;
  /** It was without its broker for so long. */
  readonly onBack: (offlineMs: number) => void;
  readonly onFailure: (storeId: string, error: unknown) => void;
  /** Why a connection failed, or what a person should know. */
  readonly onProblem: (message: string) => void;
  readonly count: (name: string, by?: number) => void;
}

const edgeId = "edge-1";

/** One edge, and the store that it stands in. */
export class FleetEdge {
  readonly outbox: MemoryOutbox;
  readonly #options: FleetEdgeOptions;
  readonly #trade: StoreTrade;
  readonly #uplink: Uplink;
  readonly #link: EdgeLink;
  #offlineSinceMs: number;
  #hasFailed = false;

  constructor(options: FleetEdgeOptions) {
    const { clock, storeId, random, randomId, count, onLatency } = options;
    this.#options = options;
    this.#offlineSinceMs = clock.monotonicMs();
    this.#trade = new StoreTrade(storeId, options.gtinCount, random);
    this.outbox = new MemoryOutbox(options.outboxId, () => clock.monotonicMs(), onLatency);
    this.#uplink = new Uplink({
      ...{ storeId, edgeId, clock, random, randomId, count },
      outbox: this.outbox,
      settings: uplinkSettingsSchema.parse({}),
      send: (topic, payload) => this.#link.send(topic, payload),
      // What happens is accepted in the same breath.
      completeThroughAtMs: () => clock.nowMs(),
      alarm: (code, message) => options.onProblem(`${code}: ${message}`),
      onRejected: (rejections) => count("events_rejected", rejections.length),
      onUnanswered: () => this.#link.renew(),
      onFailure: (error) => {
        this.#hasFailed = true;
        options.onFailure(storeId, error);
      },
    });
    this.#link = this.#createLink();
  }

  get isOnline(): boolean {
    return this.#link.state() === "online";
  }

  /** Whether it can still deliver. */
  get hasFailed(): boolean {
    return this.#hasFailed;
  }

  /** Connects and delivers until `signal` aborts. */
  async run(signal: AbortSignal): Promise<void> {
    await this.#link.run(signal);
    this.#uplink.disconnected();
  }

  /** Something moves in the store; false where so much waits already that the edge takes no more. */
  move(): boolean {
    const { clock, bootId } = this.#options;
    const stamp = { bootId, uptimeMs: Math.floor(clock.monotonicMs()), clockSynced: true };
    const isAccepted = this.outbox.append({
      ...this.#trade.next(Math.floor(clock.nowMs())),
      ...stamp,
    });
    if (isAccepted) this.#uplink.wake();
    return isAccepted;
  }

  #createLink(): EdgeLink {
    const { url, storeId, clock, random, count, onProblem, onBack } = this.#options;
    const ignored = () => count("messages_ignored");
    return new EdgeLink({
      ...{ storeId, edgeId, clock, random, count, onProblem },
      broker: { url },
      settings: linkSettingsSchema.parse({}),
      status: (state, reason) => this.#status(state, reason),
      onOnline: () => {
        onBack(clock.monotonicMs() - this.#offlineSinceMs);
        this.#uplink.connected();
      },
      onOffline: () => {
        this.#offlineSinceMs = clock.monotonicMs();
        this.#uplink.disconnected();
      },
      onMessage: {
        ack: (payload) => this.#uplink.receive(payload),
        command: (payload) => this.#command(payload),
        plan: ignored,
        sold: ignored,
      },
    });
  }

  #command(payload: Uint8Array): void {
    const text = Buffer.from(payload).toString("utf8");
    const { data } = commandSchema.safeParse(JSON.parse(text));
    if (data?.command === "hello_request") this.#uplink.helloRequested();
    else this.#options.count("messages_ignored");
  }

  #status(state: EdgeStatus["state"], reason: EdgeStatus["reason"]): EdgeStatus {
    const { storeId, bootId, outboxId, clock } = this.#options;
    const sinceAtMs = Math.floor(clock.nowMs());
    return {
      storeId,
      edgeId,
      state,
      reason,
      bootId,
      outboxId,
      softwareVersion: "fleet",
      sinceAtMs,
    };
  }
}
