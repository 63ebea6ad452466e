// The edge as a client of any MQTT 3.1.1 broker. Each connection is a fresh mqtt.js client: its own
// reconnecting has no back-off, stops for ever after one refused CONNACK unless told otherwise, and
// sends what was in flight again from a store of its own, while here only the uplink repeats
// (messaging 2.4). The session is clean: what the edge needs again is retained or asked for.

import { Socket } from "node:net";
import { connect, type MqttClient } from "mqtt";
import type { EdgeStatus, Health, Reply } from "../contract/delivery.ts";
import { errorMessageOf } from "../contract/errors.ts";
import { topics } from "../contract/topics.ts";
import { type Clock, sleep } from "../drivers/clock.ts";
import {
  type BrokerAddress,
  type Certificates,
  endingOf,
  readCertificates,
} from "./link-certificates.ts";
import type { LinkSettings } from "./uplink-settings.ts";

/** Messages that may wait for the broker's receipt; more are dropped and counted. */
export const linkInFlightCountMax = 64;

/** What the edge listens to, and the largest payload that it takes there. */
const payloadSizeBytesMaxOf = {
  ack: 512 * 1024,
  command: 64 * 1024,
  plan: 64 * 1024 * 1024,
  sold: 16 * 1024 * 1024,
};
/** A topic that the edge subscribes to. */
export type LinkChannel = keyof typeof payloadSizeBytesMaxOf;
const channels = Object.keys(payloadSizeBytesMaxOf) as LinkChannel[];
/** A connection on which nobody answers is given up this often at most: where no bridge runs, no other one is better. */
const renewIntervalMs = 600_000;

/** What the link is given. No callback may throw. */
export interface EdgeLinkOptions {
  readonly broker: BrokerAddress;
  readonly storeId: string;
  readonly edgeId: string;
  readonly settings: LinkSettings;
  readonly clock: Clock;
  readonly random: () => number;
  /** The status to publish, and to leave as last will; asked anew for every connection. */
  readonly status: (state: EdgeStatus["state"], reason: EdgeStatus["reason"]) => EdgeStatus;
  /** Connected, and the ack topic subscribed. */
  readonly onOnline: () => void;
  /** The connection ended after `onOnline`. */
  readonly onOffline: () => void;
  readonly onMessage: Readonly<Record<LinkChannel, (payload: Uint8Array) => void>>;
  /** Something a technician wants to read in the log: why a connection failed, what was refused. */
  readonly onProblem: (message: string) => void;
  readonly count: (name: string, by?: number) => void;
}

type Backoff = Pick<LinkSettings, "reconnectDelayMs" | "reconnectDelayMsMax">;

const rangeMsOf = (attempt: number, { reconnectDelayMs, reconnectDelayMsMax }: Backoff) =>
  Math.min(reconnectDelayMsMax, reconnectDelayMs * 2 ** Math.min(attempt, 30));

/** The wait after an attempt: anything up to a bound that doubles, so that a chain's edges do not come all at once. */
export function linkDelayMs(attempt: number, settings: Backoff, random: () => number): number {
  return Math.ceil(random() * rangeMsOf(attempt, settings));
}

/**
 * Whether a connection that lasted so long begins the waits anew. Let in and thrown out again (two edges under one id do
 * that to each other, each after its wait) is not health; half a minute between two restarts of a bridge is.
 */
function isHealthy(lastedMs: number, attempt: number, settings: Backoff): boolean {
  return lastedMs > Math.min(settings.reconnectDelayMsMax, 4 * rangeMsOf(attempt, settings));
}

/** The edge's link to its broker. */
export class EdgeLink {
  readonly #options: EdgeLinkOptions;
  readonly #channelOf: ReadonlyMap<string, LinkChannel>;
  /** The connection that is up and subscribed. */
  #online:
    | { readonly client: MqttClient; inFlightCount: number; cancelRefresh: () => void }
    | undefined;
  #running = false;
  #renewedAtMs = Number.NEGATIVE_INFINITY;

  constructor(options: EdgeLinkOptions) {
    this.#options = options;
    const { storeId, edgeId } = options;
    this.#channelOf = new Map(
      channels.map((channel) => [topics[channel](storeId, edgeId), channel] as const),
    );
  }

  /** Where the link stands. */
  state(): "offline" | "connecting" | "online" {
    if (this.#online !== undefined) return "online";
    return this.#running ? "connecting" : "offline";
  }

  /** Connects, and again whenever the connection ends, until `signal` aborts; then says goodbye. Never rejects. */
  async run(signal: AbortSignal): Promise<void> {
    const { clock, random, settings, count, onProblem } = this.#options;
    this.#running = true;
    for (let attempt = 0; !signal.aborted; attempt += 1) {
      const startedAtMs = clock.monotonicMs();
      // Certificates that TLS cannot use are thrown; they may be whole again at the next attempt.
      const reason = await this.#attempt(signal).catch(errorMessageOf);
      if (signal.aborted) break;
      if (isHealthy(clock.monotonicMs() - startedAtMs, attempt, settings)) attempt = 0;
      const delayMs = linkDelayMs(attempt, settings, random);
      count("link_connections_ended");
      onProblem(`${reason}; connecting again in ${delayMs} ms`);
      await sleep(clock, delayMs, signal);
    }
    this.#running = false;
  }

  /** Gives up a connection on which nobody answers: behind the broker's name there may be a node that is better off. */
  renew(): void {
    const { clock, count, onProblem } = this.#options;
    const online = this.#online;
    const nowMs = clock.monotonicMs();
    if (online === undefined || nowMs - this.#renewedAtMs < renewIntervalMs) return;
    this.#renewedAtMs = nowMs;
    count("link_connections_renewed");
    onProblem("nobody answers on this connection; another one is tried");
    online.client.end(true);
  }

  /** Publishes with QoS 1. Lost when offline: whoever needs it there repeats it. */
  send(topic: string, payload: Uint8Array | string): void {
    this.#publish(topic, payload, { qos: 1, retain: false });
  }

  publishHealth(health: Health): void {
    const { storeId, edgeId } = this.#options;
    this.#publish(topics.health(storeId, edgeId), JSON.stringify(health), {
      qos: 0,
      retain: false,
    });
  }

  publishReply(reply: Reply): void {
    const { storeId, edgeId } = this.#options;
    this.send(topics.reply(storeId, edgeId), JSON.stringify(reply));
  }

  #publish(
    topic: string,
    payload: Uint8Array | string,
    options: { qos: 0 | 1; retain: boolean },
  ): void {
    const { count } = this.#options;
    const online = this.#online;
    if (online === undefined) {
      count("link_publish_offline");
    } else if (online.inFlightCount >= linkInFlightCountMax) {
      count("link_publish_dropped");
    } else {
      online.inFlightCount += 1;
      const bytes = typeof payload === "string" ? payload : Buffer.from(payload);
      online.client.publish(topic, bytes, options, (error) => {
        online.inFlightCount -= 1;
        if (error) count("link_publish_failed");
      });
    }
  }

  #publishStatus(state: EdgeStatus["state"], reason: EdgeStatus["reason"]): void {
    const { storeId, edgeId, status } = this.#options;
    const text = JSON.stringify(status(state, reason));
    this.#publish(topics.status(storeId, edgeId), text, { qos: 1, retain: true });
  }

  async #attempt(signal: AbortSignal): Promise<string> {
    let certificates: Certificates;
    try {
      certificates = await readCertificates(this.#options.broker);
    } catch (error) {
      return errorMessageOf(error);
    }
    const ending = endingOf(certificates, this.#options.clock.nowMs());
    if (ending !== undefined) {
      this.#options.count("link_certificate_ending");
      this.#options.onProblem(ending);
    }
    return await this.#connection(certificates, signal);
  }

  /** One connection from CONNECT to its end; gives the reason it ended. */
  #connection(certificates: Certificates, signal: AbortSignal): Promise<string> {
    const { clock, settings } = this.#options;
    const client = this.#open(certificates);
    return new Promise((resolve) => {
      let reason = "the broker closed the connection";
      const fail = (message: string) => {
        reason = message;
        client.end(true);
      };
      const cancels = [
        clock.timer(settings.connectTimeoutMs, () => {
          if (this.#online?.client !== client) fail("the broker did not answer in time");
        }),
      ];
      const sayGoodbye = () => {
        const isOnline = this.#online?.client === client;
        if (isOnline) this.#publishStatus("offline", "stopped");
        // DISCONNECT follows the receipt of what is in flight, or is not waited for any longer.
        client.end(!isOnline);
        cancels.push(clock.timer(settings.connectTimeoutMs, () => client.stream.destroy()));
      };
      client.on("message", (topic, payload, { retain }) => this.#take(topic, payload, retain));
      client.on("connect", () => {
        // A batch waits for its answer: Nagle's algorithm would hold each back for a delayed ACK.
        if (client.stream instanceof Socket) client.stream.setNoDelay(true);
        void this.#subscribe(client, fail);
      });
      client.on("error", (error) => fail(error.message));
      client.on("close", () => {
        signal.removeEventListener("abort", sayGoodbye);
        for (const cancel of cancels) cancel();
        this.#closed(client);
        resolve(reason);
      });
      if (signal.aborted) sayGoodbye();
      else signal.addEventListener("abort", sayGoodbye);
    });
  }

  #open(certificates: Certificates): MqttClient {
    const { broker, storeId, edgeId, settings, status } = this.#options;
    return connect(broker.url, {
      ...certificates,
      ...(certificates.password === undefined ? {} : { username: `${storeId}:${edgeId}` }),
      clientId: `${storeId}:${edgeId}`,
      protocolVersion: 4,
      clean: true,
      keepalive: Math.ceil(settings.keepaliveMs / 1000),
      connectTimeout: settings.connectTimeoutMs,
      reconnectPeriod: 0,
      resubscribe: false,
      queueQoSZero: false,
      will: {
        topic: topics.status(storeId, edgeId),
        payload: Buffer.from(JSON.stringify(status("offline", "lost"))),
        qos: 1,
        retain: true,
      },
    });
  }

  #closed(client: MqttClient): void {
    client.end(true);
    if (this.#online?.client !== client) return;
    this.#online.cancelRefresh();
    this.#online = undefined;
    this.#options.onOffline();
  }

  async #subscribe(client: MqttClient, fail: (message: string) => void): Promise<void> {
    for (const failed of await this.#subscribeTo(client, channels)) {
      // Without acknowledgements nothing can be delivered; without a plan, everything can.
      if (failed.channel === "ack") return fail(failed.text);
    }
    if (!client.connected) return;
    this.#online = { client, inFlightCount: 0, cancelRefresh: this.#refreshLater(client) };
    this.#publishStatus("online", "started");
    this.#options.onOnline();
  }

  /**
   * With QoS 0: an answer that is lost is asked for again, and what is kept is refreshed, while for QoS 1 a cluster must
   * agree on a state of each subscription before it is granted (NATS: seconds to minutes beside a lost node).
   */
  async #subscribeTo(
    client: MqttClient,
    wanted: readonly LinkChannel[],
  ): Promise<{ channel: LinkChannel; text: string }[]> {
    const { storeId, edgeId, onProblem, count } = this.#options;
    // One SUBSCRIBE each: mqtt.js does not say which of several topics was refused.
    const outcomes = wanted.map(async (channel) => {
      const topic = topics[channel](storeId, edgeId);
      try {
        await client.subscribeAsync(topic, { qos: 0 });
        return [];
      } catch (error) {
        return [{ channel, text: `subscribing to ${topic} failed: ${errorMessageOf(error)}` }];
      }
    });
    const failed = (await Promise.all(outcomes)).flat();
    if (!client.connected) return [];
    for (const { channel, text } of failed) {
      count("link_subscriptions_refused");
      if (channel !== "ack") onProblem(text);
    }
    return failed;
  }

  /** Who subscribes again is sent what the broker keeps once more: what was missed does not stay so. Gives its cancel. */
  #refreshLater(client: MqttClient): () => void {
    const { clock, random, settings } = this.#options;
    // Spread, so that a chain's edges that came back together do not ask together.
    const delayMs = Math.ceil(settings.retainedIntervalMs * (0.5 + random() / 2));
    return clock.timer(delayMs, () => {
      const online = this.#online;
      if (online?.client !== client) return;
      online.cancelRefresh = this.#refreshLater(client);
      // A command that was refused at first is heard after all; `ack` was granted, or there would be no link.
      void this.#subscribeTo(client, ["plan", "sold", "command"]);
    });
  }

  #take(topic: string, payload: Uint8Array, isRetained: boolean): void {
    const { count, onMessage } = this.#options;
    const channel = this.#channelOf.get(topic);
    if (channel === undefined) count("link_messages_foreign");
    else if (payload.length > payloadSizeBytesMaxOf[channel]) count("link_messages_too_large");
    // Kept by the broker it would come, and be carried out, with every connection.
    else if (channel === "command" && isRetained) count("link_commands_retained");
    else onMessage[channel](payload);
  }
}
