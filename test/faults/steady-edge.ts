// An edge that keeps to the rules: an event every so often, one batch in flight, and how long each event waited for its
// acknowledgement from the moment it was due.

import { setTimeout as delay } from "node:timers/promises";
import { acknowledgementSchema } from "../../contract/delivery.ts";
import { topics } from "../../contract/topics.ts";
import { TestClient } from "../cloud-bridge/mqtt-client.ts";
import { received, TestOutbox } from "../cloud-bridge/test-outbox.ts";
import { good, type HostileBridge } from "./hostile-bridge.ts";

const { storeId, edgeId } = good;
const intervalMs = 25;
const answerWaitMs = 20_000;

/** How long events waited for their acknowledgement. */
export interface Waits {
  readonly eventCount: number;
  readonly p50Ms: number;
  readonly p99Ms: number;
  readonly mostMs: number;
}

/** The edge, from `open` to `stop`. */
export class SteadyEdge {
  readonly outboxId = "aaaaaaaa-0001";
  readonly #client: TestClient;
  readonly #outbox = new TestOutbox(storeId, edgeId, this.outboxId);
  #waitsMs: number[] = [];
  #onThrough: ((sequence: number) => void) | undefined;
  #isOver = false;
  #running: Promise<void> = Promise.resolve();
  /** Acknowledged, which is all that was sent once `stop` has resolved. */
  eventCount = 0;
  batchCount = 0;
  /** What went wrong with it; nothing may. */
  readonly problems: string[] = [];

  private constructor(client: TestClient) {
    this.#client = client;
    client.mqtt.on("message", (_topic, payload) => {
      client.received.length = 0;
      const answer = acknowledgementSchema.parse(JSON.parse(payload.toString()));
      if (answer.code !== undefined || answer.rejected.length > 0) {
        this.problems.push(`the edge was answered ${payload.toString()}`);
      }
      this.#onThrough?.(answer.throughSequence);
    });
    void client.closed.then(() => {
      if (!this.#isOver) this.problems.push("the edge was cut off");
    });
  }

  /** Connects and begins. */
  static async open(bridge: HostileBridge): Promise<SteadyEdge> {
    const { ca, certificate: cert, key } = bridge.papers.good;
    const options = { protocol: "mqtts", clientId: `${storeId}:${edgeId}`, ca, cert, key } as const;
    const client = await TestClient.open(bridge.port, options);
    await client.subscribe(topics.ack(storeId, edgeId));
    const edge = new SteadyEdge(client);
    edge.#running = edge.#run();
    return edge;
  }

  /** The waits since the last time it was asked. */
  takeWaits(): Waits {
    const sorted = this.#waitsMs.sort((a, b) => a - b);
    this.#waitsMs = [];
    const at = (share: number) =>
      Math.round((sorted[Math.ceil(sorted.length * share) - 1] ?? 0) * 10) / 10;
    return { eventCount: sorted.length, p50Ms: at(0.5), p99Ms: at(0.99), mostMs: at(1) };
  }

  /** Ends when all that was due is acknowledged. */
  async stop(): Promise<void> {
    this.#isOver = true;
    await this.#running;
    await this.#client.close();
  }

  async #run(): Promise<void> {
    for (let nextAtMs = performance.now(); !this.#isOver && this.problems.length === 0; ) {
      const due: number[] = [];
      for (; nextAtMs <= performance.now(); nextAtMs += intervalMs) due.push(nextAtMs);
      if (due.length > 0) await this.#send(due);
      await delay(Math.max(0, nextAtMs - performance.now()));
    }
  }

  /** One batch with the events that are due, and its acknowledgement. */
  async #send(due: readonly number[]): Promise<void> {
    const through = this.eventCount + due.length;
    const payload = Buffer.from(
      this.#outbox.batch(...due.map(() => received(storeId, "09506000134352"))),
    );
    const answered = new Promise<boolean>((resolve) => {
      const timer = setTimeout(() => resolve(false), answerWaitMs);
      this.#onThrough = (sequence) => {
        if (sequence !== through) {
          this.problems.push(`acknowledged through ${sequence}, not ${through}`);
        }
        clearTimeout(timer);
        resolve(true);
      };
    });
    this.batchCount += 1;
    await this.#client.publish(topics.events(storeId, edgeId), payload);
    if (!(await answered)) this.problems.push(`event ${through} was not acknowledged`);
    const nowMs = performance.now();
    for (const dueAtMs of due) this.#waitsMs.push(nowMs - dueAtMs);
    this.eventCount = through;
  }
}
