// A simulated reader that publishes at a broker: each of its writes is a message.

import { connectAsync } from "mqtt";
import { errorMessageOf, GatewayError } from "../contract/errors.ts";
import type { DeviceLink } from "./device-link.ts";

/** How often it tries to come back to a broker that went, as readers do. */
const reconnectMs = 500;
/** Messages that may wait for the broker; more are lost, as with a reader's retention. */
const waitingCountMax = 1_000;

/** Connects to the broker and publishes under the topic, QoS 1. DRIVER_PORT_FAILED without a broker. */
export async function openMqttFace(url: string, topic: string): Promise<DeviceLink> {
  const client = await connectAsync(url, { reconnectPeriod: reconnectMs }, false).catch((cause) => {
    const message = `cannot publish at ${url}: ${errorMessageOf(cause)}`;
    throw new GatewayError("DRIVER_PORT_FAILED", message, { cause });
  });
  client.on("error", () => undefined);
  let waitingCount = 0;
  return {
    address: `${url} ${topic}`,
    write: (bytes) => {
      if (waitingCount >= waitingCountMax) return;
      waitingCount += 1;
      client.publish(topic, Buffer.from(bytes), { qos: 1 }, () => {
        waitingCount -= 1;
      });
    },
    close: () => client.endAsync(true),
  };
}
