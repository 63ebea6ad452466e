// From a scan to the ledger: 200 scans a second into a real edge, over real TCP, SQLite and MQTT, until
// a consumer of the entries topic sees them posted. Both ends read the same clock.

import { connect } from "mqtt";
import { entrySchema } from "../../contract/stock.ts";
import { topics } from "../../contract/topics.ts";
import { StoreProcesses } from "../faults/store-processes.ts";

const scansPerSecond = 200;
const durationMs = 20_000;
const warmUpMs = 3_000;

/** Event-to-committed latency, the way to the consumer included. */
export async function benchLatency(): Promise<object> {
  const store = await StoreProcesses.open({ logLevel: "info" });
  const latenciesMs: number[] = [];
  const consumer = connect(`mqtt://127.0.0.1:${store.brokerPort}`);
  try {
    await new Promise((resolve) => consumer.once("connect", resolve));
    consumer.stream.on("error", () => consumer.end(true));
    consumer.on("message", (_topic, payload) => {
      const entry = entrySchema.parse(JSON.parse(payload.toString()));
      latenciesMs.push(Date.now() - entry.occurredAtMs);
    });
    await consumer.subscribeAsync(topics.entries("s0042"), { qos: 1 });
    store.source.start(scansPerSecond);
    await new Promise((resolve) => setTimeout(resolve, warmUpMs));
    latenciesMs.length = 0;
    await new Promise((resolve) => setTimeout(resolve, durationMs));
    const sorted = latenciesMs.toSorted((a, b) => a - b);
    const at = (share: number) => sorted[Math.floor(sorted.length * share)] ?? null;
    return {
      eventsPerSecond: Math.round((sorted.length * 1000) / durationMs),
      latencyMsP50: at(0.5),
      latencyMsP99: at(0.99),
      latencyMsMax: sorted.at(-1) ?? null,
      aimMsP99: 50,
    };
  } finally {
    await consumer.endAsync(true);
    await store.close();
  }
}
