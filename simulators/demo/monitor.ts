// What the demo hears of the edge, only as any MQTT client could: its health, its batches and the
// ledger's acknowledgements.

import mqtt, { type MqttClient } from "mqtt";
import { decodeBatch } from "../../contract/batch-codec.ts";
import { answerSchema, type Health, healthSchema } from "../../contract/delivery.ts";
import { topics } from "../../contract/topics.ts";
import type { Clock } from "../../drivers/clock.ts";
import { LatencyWatch } from "./latency.ts";

/** Events per second are counted over this time. */
const rateWindowMs = 5000;

/** Where to listen. */
export interface MonitorOptions {
  readonly brokerPort: number;
  readonly storeId: string;
  readonly edgeId: string;
  readonly clock: Clock;
}

/** Listens to one edge and its ledger. */
export class Monitor {
  readonly latency = new LatencyWatch();
  readonly #options: MonitorOptions;
  readonly #client: MqttClient;
  readonly #seenSequences = new Map<string, number>();
  readonly #throughSequences = new Map<string, number>();
  #eventTimesMs: number[] = [];
  #healthWaiters: ((report: Health) => void)[] = [];

  private constructor(options: MonitorOptions, client: MqttClient) {
    this.#options = options;
    this.#client = client;
    client.on("message", (topic, payload) => this.#take(topic, payload));
  }

  /** Connects and subscribes. */
  static async open(options: MonitorOptions): Promise<Monitor> {
    const { storeId, edgeId, brokerPort } = options;
    const client = await mqtt.connectAsync(`mqtt://127.0.0.1:${brokerPort}`, {
      clientId: `demo-${process.pid}`,
    });
    const monitor = new Monitor(options, client);
    const names = [topics.events, topics.ack, topics.health].map((name) => name(storeId, edgeId));
    await client.subscribeAsync(names, { qos: 1 });
    return monitor;
  }

  get eventsPerSecond(): number {
    const sinceMs = this.#options.clock.monotonicMs() - rateWindowMs;
    this.#eventTimesMs = this.#eventTimesMs.filter((atMs) => atMs >= sinceMs);
    return this.#eventTimesMs.length / (rateWindowMs / 1000);
  }

  /** What the ledger has acknowledged of an outbox. */
  throughSequence(outboxId: string): number {
    return this.#throughSequences.get(outboxId) ?? 0;
  }

  /** Resolves with the next health report that fits. */
  nextHealth(fits: (report: Health) => boolean): Promise<Health> {
    return new Promise((resolve) => {
      const waiter = (report: Health) => {
        if (!fits(report)) return;
        this.#healthWaiters = this.#healthWaiters.filter((other) => other !== waiter);
        resolve(report);
      };
      this.#healthWaiters.push(waiter);
    });
  }

  async close(): Promise<void> {
    await this.#client.endAsync(true);
  }

  #take(topic: string, payload: Buffer): void {
    const { storeId, edgeId, clock } = this.#options;
    if (topic === topics.events(storeId, edgeId)) this.#takeBatch(payload);
    else if (topic === topics.health(storeId, edgeId)) this.#takeHealth(payload);
    else {
      const answer = answerSchema.parse(JSON.parse(payload.toString("utf8")));
      if (!("throughSequence" in answer)) return;
      this.#throughSequences.set(answer.outboxId, answer.throughSequence);
      this.latency.acknowledged(answer, clock.monotonicMs());
    }
  }

  #takeHealth(payload: Buffer): void {
    const report = healthSchema.parse(JSON.parse(payload.toString("utf8")));
    for (const waiter of this.#healthWaiters) waiter(report);
  }

  #takeBatch(payload: Buffer): void {
    const decoded = decodeBatch(payload);
    if (!decoded.ok) return;
    const { batch } = decoded;
    this.latency.sent(batch);
    const nowMs = this.#options.clock.monotonicMs();
    for (const { sequence = 0 } of batch.events as { sequence?: number }[]) {
      if (sequence <= (this.#seenSequences.get(batch.outboxId) ?? 0)) continue;
      this.#seenSequences.set(batch.outboxId, sequence);
      this.#eventTimesMs.push(nowMs);
    }
  }
}
