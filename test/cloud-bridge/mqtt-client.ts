// A plain MQTT client for tests: connects, remembers what arrived, waits for a message.

import type { Socket } from "node:net";
import { connect, type IClientOptions, type MqttClient } from "mqtt";

export interface Received {
  readonly topic: string;
  readonly payload: Buffer;
  readonly retain: boolean;
}

export class TestClient {
  readonly mqtt: MqttClient;
  readonly received: Received[] = [];
  /** Resolves when the broker ends the connection. */
  readonly closed: Promise<void>;
  #wake: (() => void)[] = [];

  private constructor(mqtt: MqttClient) {
    this.mqtt = mqtt;
    mqtt.on("message", (topic, payload, { retain }) => {
      this.received.push({ topic, payload, retain });
      for (const wake of this.#wake.splice(0)) wake();
    });
    // What the broker does to a client shows in `closed`; unheard errors would end the test run.
    mqtt.on("error", () => mqtt.end(true));
    this.closed = new Promise((resolve) => mqtt.on("close", resolve));
  }

  /** Connects, or throws with what the broker answered. */
  static async open(port: number, options: IClientOptions = {}): Promise<TestClient> {
    const mqtt = connect(`mqtt://127.0.0.1:${port}`, {
      reconnectPeriod: 0,
      protocolVersion: 4,
      ...options,
    });
    (mqtt.stream as unknown as Socket).setNoDelay(true);
    const client = new TestClient(mqtt);
    await new Promise<void>((resolve, reject) => {
      mqtt.once("connect", () => resolve());
      mqtt.once("error", reject);
      mqtt.once("close", () => reject(new Error("closed before CONNACK")));
    });
    return client;
  }

  async subscribe(...filters: string[]): Promise<number[]> {
    // mqtt.js throws for a filter that was refused (0x80), with the packet that says so.
    const granted = await this.mqtt.subscribeAsync(filters, { qos: 1 }).catch((error) => {
      if (error.packet === undefined) throw error;
      return (error.packet.granted as number[]).map((qos) => ({ qos }));
    });
    return granted.map(({ qos }) => qos);
  }

  async publish(topic: string, payload: string | Buffer, retain = false): Promise<void> {
    await this.mqtt.publishAsync(topic, payload, { qos: 1, retain });
  }

  /** The first message that fits, now or later. */
  async message(fits: (message: Received) => boolean, waitMs = 5000): Promise<Received> {
    const deadlineAtMs = Date.now() + waitMs;
    for (;;) {
      const found = this.received.find(fits);
      if (found !== undefined) return found;
      if (Date.now() > deadlineAtMs) {
        const seen = this.received.map(({ topic }) => topic).join(" ");
        throw new Error(`no such message among: ${seen}`);
      }
      await new Promise<void>((resolve) => {
        setTimeout(resolve, 100);
        this.#wake.push(resolve);
      });
    }
  }

  async close(): Promise<void> {
    await this.mqtt.endAsync(true);
  }
}
