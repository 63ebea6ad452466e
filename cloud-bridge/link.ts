// The bridge as a client of a broker, embedded or any other of MQTT 3.1.1. Each connection is a fresh
// mqtt.js client: its own reconnecting has no back-off, ends for ever after one refused CONNACK unless
// told otherwise, and replays a store that we do not want. What is in flight when a connection ends
// has failed; whoever published it decides what then.

import { Socket } from "node:net";
import { connect, type MqttClient } from "mqtt";
import { errorMessageOf } from "../contract/errors.ts";
import { type Clock, sleep } from "./clock.ts";
import type { Logger } from "./log.ts";

/** A message to publish, always with QoS 1. */
export interface OutgoingMessage {
  readonly topic: string;
  readonly payload: string;
  readonly retain?: boolean;
  /** Somebody waits for it: it may be under way beside all that others publish (`answersInFlightCountMax`). */
  readonly isAnswer?: true;
}

/** A message that arrived. */
export interface IncomingMessage {
  readonly topic: string;
  readonly payload: Uint8Array;
  /** True for a message the broker had kept before we subscribed. */
  readonly isRetained: boolean;
}

/** Bounds of the wait between two attempts to connect. */
export interface Backoff {
  readonly delayMsMin: number;
  readonly delayMsMax: number;
}
export const loopbackBackoff: Backoff = { delayMsMin: 50, delayMsMax: 1000 };
export const networkBackoff: Backoff = { delayMsMin: 1000, delayMsMax: 60_000 };

/** Each is left out where the machine's own will do, or nobody asks. */
export interface LinkCertificates {
  readonly ca?: string;
  readonly cert?: string;
  readonly key?: string;
}

export interface LinkOptions {
  readonly url: string;
  readonly clientId: string;
  /** False where the broker shall keep the session, so that a backlog waits there. */
  readonly clean: boolean;
  readonly subscriptions: readonly string[];
  readonly username?: string;
  readonly password?: string;
  /** What TLS shows and believes, as PEM; read anew for each connection, so that what is renewed needs no restart. */
  readonly certificates?: () => Promise<LinkCertificates>;
  readonly backoff: Backoff;
  readonly clock: Clock;
  readonly random: () => number;
  readonly log: Logger;
  readonly count: (name: string, by?: number) => void;
  /** Takes a message at once and never throws: the PUBACK goes out when it returns. */
  readonly onMessage: (message: IncomingMessage) => void;
  /** Connected, and not yet subscribed: what the broker keeps comes after. */
  readonly onConnected?: () => void;
  /** Connected and subscribed; called again after each reconnection. */
  readonly onOnline: () => void;
}

const connectTimeoutMs = 10_000;
const keepaliveSeconds = 20;
const inFlightCountMax = 2000;
/** What is kept free of them for answers: an edge without one waits ever longer. */
const answersInFlightCountMax = 500;
const publishTimeoutMs = 20_000;
const farewellMs = 2000;

/** The wait before an attempt: doubling from the minimum to the maximum, spread by chance. */
export function backoffDelayMs(attempt: number, backoff: Backoff, random: () => number): number {
  const capMs = Math.min(backoff.delayMsMax, backoff.delayMsMin * 2 ** Math.min(attempt, 30));
  return Math.round(backoff.delayMsMin + random() * (capMs - backoff.delayMsMin));
}

/** The bridge's link to its broker. */
export class BridgeLink {
  readonly #options: LinkOptions;
  readonly #inFlight = new Set<(ok: boolean) => void>();
  #client: MqttClient | undefined;

  constructor(options: LinkOptions) {
    this.#options = options;
  }

  get isOnline(): boolean {
    return this.#client !== undefined;
  }

  get inFlightCount(): number {
    return this.#inFlight.size;
  }

  /** Connects, and again whenever the connection is lost, until `signal` aborts; then says goodbye. */
  async run(signal: AbortSignal): Promise<void> {
    const { backoff, clock, random, log, count } = this.#options;
    for (let attempt = 0; !signal.aborted; attempt += 1) {
      const startedAtMs = clock.monotonicMs();
      // Certificates that TLS cannot use are thrown; they may be whole again at the next attempt.
      const reason = await this.#connection(signal).catch(errorMessageOf);
      if (signal.aborted) return;
      // A broker that lets us in and throws us out again is not healthy either.
      if (clock.monotonicMs() - startedAtMs > backoff.delayMsMax) attempt = 0;
      const delayMs = backoffDelayMs(attempt, backoff, random);
      count("link_connections_lost");
      log.warn({ reason, attempt, delayMs }, "link lost");
      await sleep(clock, delayMs, signal);
    }
  }

  /** True when the broker has acknowledged; false when offline, too much is in flight, or it failed. Never throws. */
  publish(message: OutgoingMessage): Promise<boolean> {
    const { clock, count } = this.#options;
    const client = this.#client;
    const keptFreeCount = message.isAnswer === true ? 0 : answersInFlightCountMax;
    if (client === undefined || this.#inFlight.size >= inFlightCountMax - keptFreeCount) {
      count("link_publish_refused");
      return Promise.resolve(false);
    }
    return new Promise((resolve) => {
      const settle = (ok: boolean) => {
        if (!this.#inFlight.delete(settle)) return;
        cancelTimer();
        if (!ok) count("link_publish_failed");
        resolve(ok);
      };
      // A broker that takes messages and acknowledges none is cut, so that what is in flight ends.
      const cancelTimer = clock.timer(publishTimeoutMs, () => client.end(true));
      this.#inFlight.add(settle);
      const options = { qos: 1, retain: message.retain ?? false } as const;
      client.publish(message.topic, message.payload, options, (error) => settle(error == null));
    });
  }

  /** One connection from CONNECT to its end; gives the reason it ended. */
  async #connection(signal: AbortSignal): Promise<string> {
    const { url, clientId, clean, username, password } = this.#options;
    const login = username === undefined ? {} : { username };
    const secret = password === undefined ? {} : { password };
    let certificates: LinkCertificates;
    try {
      certificates = (await this.#options.certificates?.()) ?? {};
    } catch (error) {
      return errorMessageOf(error);
    }
    const client = connect(url, {
      ...{ clientId, clean, ...login, ...secret, ...certificates },
      protocolVersion: 4,
      keepalive: keepaliveSeconds,
      connectTimeout: connectTimeoutMs,
      reconnectPeriod: 0,
      resubscribe: false,
      queueQoSZero: false,
    });
    // mqtt.js leaves Nagle's algorithm on: beside delayed ACKs that holds small messages for 40 ms.
    if (client.stream instanceof Socket) client.stream.setNoDelay(true);
    return await new Promise((resolve) => {
      let reason: string | undefined;
      const { clock } = this.#options;
      const cancels: (() => void)[] = [];
      const fail = (message: string) => {
        // What ends with the connection fails too, and says less.
        reason ??= message;
        client.end(true);
      };
      const sayGoodbye = () => {
        // DISCONNECT goes out once what is in flight is acknowledged, or after a moment without.
        client.end(false);
        cancels.push(clock.timer(farewellMs, () => client.stream.destroy()));
      };
      client.on("message", (topic, payload, packet) =>
        this.#options.onMessage({ topic, payload, isRetained: packet.retain }),
      );
      client.on("connect", () => {
        this.#options.onConnected?.();
        // mqtt.js waits for ever for a SUBACK.
        const late = () => this.#client !== client && fail("the subscriptions were not answered");
        cancels.push(clock.timer(connectTimeoutMs, late));
        this.#subscribe(client, fail);
      });
      client.on("error", (error) => fail(error.message));
      client.on("close", () => {
        signal.removeEventListener("abort", sayGoodbye);
        for (const cancel of cancels) cancel();
        if (this.#client === client) this.#client = undefined;
        for (const settle of [...this.#inFlight]) settle(false);
        client.end(true);
        resolve(reason ?? "closed by the broker");
      });
      if (signal.aborted) sayGoodbye();
      else signal.addEventListener("abort", sayGoodbye);
    });
  }

  #subscribe(client: MqttClient, fail: (message: string) => void): void {
    // Batches alone wait in a session. The rest is retained or said again, while a cluster grants QoS 1 only when it has
    // agreed on a state of its own for it (NATS: seconds to minutes beside a lost node).
    const filters = this.#options.subscriptions.map((filter) => [
      filter,
      { qos: filter.endsWith("/events") ? 1 : 0 } as const,
    ]);
    client.subscribe(Object.fromEntries(filters), (error, granted) => {
      if (error) return fail(`subscribe: ${error.message}`);
      const refused = granted?.find(({ qos }) => qos === 128);
      if (refused !== undefined)
        return fail(`the broker refused the subscription ${refused.topic}`);
      this.#client = client;
      const { url, clientId } = this.#options;
      this.#options.log.info({ url, clientId }, "link online");
      this.#options.onOnline();
    });
  }
}
