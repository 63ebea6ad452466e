// The embedded MQTT broker (aedes, MQTT 3.1.1) with a limit on everything a client can make it hold.
// A client that breaks a rule is refused or cut off, counted, and named in the log; nobody else notices.

import type { Socket } from "node:net";
import { TLSSocket } from "node:tls";
import {
  Aedes,
  type Client,
  type ConnectPacket,
  type PublishPacket,
  type Subscription,
} from "aedes";
import { errorMessageOf } from "../contract/errors.ts";
import { holderOf } from "./broker-addresses.ts";
import { ConnectedClients } from "./broker-clients.ts";
import { BrokerDoor } from "./broker-door.ts";
import { guardPackets } from "./broker-guard.ts";
import { type Identity, identityOf } from "./broker-identity.ts";
import { BrokerPasswords, lookIntervalMs } from "./broker-passwords.ts";
import {
  type BridgeLogin,
  connectRefusal,
  foreignFilter,
  foreignPublication,
  identityRefusal,
  isBridgeLogin,
  limitRefusal,
  passwordRefusal,
  publishRefusal,
  type Refusal,
  subscribeRefusal,
} from "./broker-policy.ts";
import { PublishRate } from "./broker-rate.ts";
import { KeptSessions } from "./broker-sessions.ts";
import { readTls, watchTls } from "./broker-tls.ts";
import { systemClock } from "./clock.ts";
import type { EmbeddedBrokerSettings } from "./config.ts";
import { watchFiles } from "./file-watch.ts";
import { type Logger, SparingLog } from "./log.ts";

export interface EmbeddedBrokerOptions {
  readonly settings: EmbeddedBrokerSettings;
  readonly login: BridgeLogin;
  readonly log: Logger;
  readonly count: (name: string, by?: number) => void;
}

const qos2InFlightCountMax = 20;
/** What a CONNECT holds beside its will's payload: names, topic, password. */
const connectHeadBytes = 4096;

/** A running broker. */
export class EmbeddedBroker {
  readonly #options: EmbeddedBrokerOptions;
  readonly #aedes: Aedes;
  readonly #door: BrokerDoor;
  /** With TLS: where the bridge itself comes in, on this machine alone. */
  readonly #ownDoor: BrokerDoor | undefined;
  #ownPort = 0;
  #unwatch: (() => void) | undefined;
  readonly #identities = new WeakMap<Client, Identity | undefined>();
  #passwords: BrokerPasswords | undefined;
  /** With passwords: whether what let a client in is still so. */
  readonly #logins = new Map<Client, () => boolean>();
  readonly #connects = new WeakMap<Client, ConnectPacket>();
  readonly #clients: ConnectedClients;
  readonly #sessions: KeptSessions;
  /** What CONNECT was found to be, until `authenticate` answers it; undefined: welcome. */
  readonly #refusals = new WeakMap<Client, Refusal>();
  readonly #bridgeClients = new WeakSet<Client>();
  readonly #rates = new WeakMap<Client, PublishRate>();
  readonly #slowed = new WeakMap<Client, (() => void)[]>();
  readonly #filters = new WeakMap<Client, Set<string>>();
  readonly #retainedTopics = new Set<string>();
  readonly #warnings: SparingLog;
  #port = 0;

  /** Starts to listen. Throws BROKER_PORT_BUSY (naming the holder) or LISTEN_FAILED. */
  static async open(options: EmbeddedBrokerOptions): Promise<EmbeddedBroker> {
    const { settings } = options;
    const aedes = await Aedes.createBroker({
      concurrency: settings.deliveryCountMax,
      queueLimit: settings.earlyPacketCountMax,
      connectTimeout: settings.connectTimeoutMs,
      drainTimeout: settings.drainTimeoutMs,
      maxTopicLevels: settings.topicLevelCountMax,
      maxInflightInbound: qos2InFlightCountMax,
    });
    const broker = new EmbeddedBroker(options, aedes);
    try {
      await broker.#openLogins();
      broker.#port = await broker.#door.open(settings);
      return broker;
    } catch (error) {
      broker.#unwatch?.();
      void broker.#ownDoor?.close();
      aedes.close();
      throw error;
    }
  }

  private constructor(options: EmbeddedBrokerOptions, aedes: Aedes) {
    this.#options = options;
    this.#aedes = aedes;
    this.#warnings = new SparingLog(options.log, () => systemClock.monotonicMs());
    const { settings, count } = options;
    this.#clients = new ConnectedClients(aedes);
    this.#sessions = new KeptSessions(aedes, {
      queueCountMax: settings.sessionQueueCountMax,
      onOverflow: () => count("broker_session_overflow"),
    });
    this.#setRules();
    const onError = this.#watchErrors();
    const door = {
      ...{ settings, count, onError, warnings: this.#warnings },
      onSocket: (socket: Socket) => this.#onSocket(socket),
    };
    const isSecure = settings.tls !== undefined;
    this.#door = new BrokerDoor({ ...door, isSecure });
    this.#ownDoor = isSecure ? new BrokerDoor({ ...door, isSecure: false }) : undefined;
  }

  /** The port it listens on. */
  get port(): number {
    return this.#port;
  }

  /** Where a client on this machine finds it. */
  get url(): string {
    if (this.#ownPort > 0) return `mqtt://127.0.0.1:${this.#ownPort}`;
    const { host } = this.#options.settings;
    const local = host === "0.0.0.0" ? "127.0.0.1" : host === "::" ? "::1" : host;
    return `mqtt://${local.includes(":") ? `[${local}]` : local}:${this.#port}`;
  }

  /** Clients that are connected now. */
  get connectionCount(): number {
    return this.#clients.count;
  }

  /** Stops listening, closes every client (their last wills are published), frees the port. */
  async close(): Promise<void> {
    this.#unwatch?.();
    const doors = [this.#door, ...(this.#ownDoor === undefined ? [] : [this.#ownDoor])];
    const closed = doors.map((door) => door.close());
    await new Promise<void>((resolve) => this.#aedes.close(resolve));
    for (const door of doors) door.cutAll();
    await Promise.all(closed);
  }

  async #openLogins(): Promise<void> {
    const { tls, passwordsFile } = this.#options.settings;
    if (passwordsFile !== undefined) {
      const passwords = await BrokerPasswords.open(passwordsFile, () => systemClock.monotonicMs());
      this.#passwords = passwords;
      const watch = { intervalMs: lookIntervalMs, clock: systemClock };
      this.#unwatch = await watchFiles([passwordsFile], watch, () => this.#sendAway(passwords));
    }
    if (tls === undefined || this.#ownDoor === undefined) return;
    this.#unwatch = await watchTls(tls, systemClock, () => this.#renewTls(tls));
    this.#door.setSecureContext(await readTls(tls));
    this.#ownPort = await this.#ownDoor.open({ host: "127.0.0.1", port: 0 });
  }

  /** Whose password was changed or revoked does not stay. */
  async #sendAway(passwords: BrokerPasswords): Promise<boolean> {
    try {
      await passwords.read();
    } catch (error) {
      this.#options.count("broker_passwords_unreadable");
      this.#options.log.error({ message: errorMessageOf(error) }, "passwords not renewed");
      return false;
    }
    for (const [client, isCurrent] of this.#logins) {
      if (!isCurrent()) client.conn.destroy();
    }
    return true;
  }

  /** Files have changed: all come anew, so that who was revoked does not stay. */
  async #renewTls(tls: NonNullable<EmbeddedBrokerSettings["tls"]>): Promise<boolean> {
    const { log, count } = this.#options;
    try {
      this.#door.setSecureContext(await readTls(tls));
    } catch (error) {
      count("broker_certificates_unreadable");
      log.error({ message: errorMessageOf(error) }, "certificates not renewed");
      return false;
    }
    log.info({}, "certificates renewed");
    this.#door.cutAll();
    return true;
  }

  #setRules(): void {
    const aedes = this.#aedes;
    aedes.preConnect = (client, packet, done) => {
      this.#onConnect(client, packet);
      done(null, true);
    };
    aedes.authenticate = (client, username, password, done) => {
      void this.#authenticate(client, username, password).then((refusal) => {
        if (refusal === undefined) {
          this.#welcome(client);
          return done(null, true);
        }
        done(Object.assign(new Error(refusal.message), { returnCode: refusal.returnCode }), false);
      });
    };
    aedes.authorizePublish = (client, packet, done) => {
      const waitMs = client === null ? 0 : this.#publishWaitMs(client);
      const answer = () => done(this.#onPublish(client, packet));
      const waiting = (client && this.#slowed.get(client)) ?? [];
      if (client === null || (waitMs < 1 && waiting.length === 0)) return answer();
      this.#options.count("broker_messages_slowed");
      // None overtakes another of its client, whichever timer comes first.
      this.#slowed.set(client, waiting);
      waiting.push(answer);
      systemClock.timer(waitMs, () => waiting.shift()?.());
    };
    aedes.authorizeSubscribe = (client, subscription, done) =>
      done(null, this.#onSubscribe(client, subscription));
    aedes.on("unsubscribe", (filters, client) => {
      for (const filter of filters) this.#filters.get(client)?.delete(filter);
    });
  }

  /** Hears what goes wrong at a client, and gives what hears it of the broker itself. */
  #watchErrors(): (error: Error) => void {
    const { log, count } = this.#options;
    const onClientError = (client: Client, error: Error) => {
      count("broker_client_errors");
      log.debug({ clientId: client.id, message: error.message }, "client cut off");
    };
    this.#aedes.on("clientError", onClientError).on("connectionError", onClientError);
    const onError = (error: Error) => {
      count("broker_errors");
      log.error({ err: error }, "broker error");
    };
    // aedes emits plain errors too, which its types do not know; unheard they would end the process.
    (this.#aedes as NodeJS.EventEmitter).on("error", onError);
    return onError;
  }

  #onSocket(socket: Socket): void {
    const client = this.#aedes.handle(socket);
    if (socket instanceof TLSSocket) {
      this.#identities.set(client, identityOf(socket.getPeerCertificate()));
    }
    const { packetSizeBytesMax, smallPayloadSizeBytesMax, controlsPerSecondMax } =
      this.#options.settings;
    const guard = guardPackets(socket, {
      sizeBytesMax: packetSizeBytesMax,
      connectSizeBytesMax: smallPayloadSizeBytesMax + connectHeadBytes,
      controlsPerSecondMax,
      monotonicMs: () => systemClock.monotonicMs(),
      onRefused: (message) => this.#report(limitRefusal(message), client.id),
    });
    client.once("connected", () => {
      if (this.#bridgeClients.has(client)) guard.lift();
    });
  }

  #onConnect(client: Client, packet: ConnectPacket): void {
    const { login, settings } = this.#options;
    this.#connects.set(client, packet);
    if (isBridgeLogin(packet, login)) {
      this.#bridgeClients.add(client);
      return;
    }
    const refusal =
      connectRefusal(packet, login, settings) ??
      this.#strangerRefusal(client, packet) ??
      this.#capacityRefusal(packet);
    if (refusal === undefined) return;
    this.#report(refusal, packet.clientId);
    this.#refusals.set(client, refusal);
  }

  /** With TLS everybody is somebody, and only the bridge comes in on its own port. */
  #strangerRefusal(client: Client, packet: ConnectPacket): Refusal | undefined {
    if (this.#options.settings.tls === undefined) return undefined;
    return identityRefusal(this.#identities.get(client), packet);
  }

  /** Only who was let in has a session. */
  #welcome(client: Client): void {
    const packet = this.#connects.get(client);
    if (packet === undefined || this.#bridgeClients.has(client)) return;
    this.#sessions.connect(packet.clientId, packet.clean === true);
  }

  /** Why a client is not let in, after what its CONNECT alone says. */
  async #authenticate(
    client: Client,
    username: string | undefined,
    password: Uint8Array | undefined,
  ): Promise<Refusal | undefined> {
    const known = this.#refusals.get(client);
    const packet = this.#connects.get(client);
    const passwords = this.#passwords;
    if (known !== undefined || passwords === undefined || packet === undefined) return known;
    if (this.#bridgeClients.has(client)) return undefined;
    const address = holderOf((client.conn as Socket).remoteAddress ?? "");
    const name = username ?? "";
    const check = await passwords.check(name, password ?? new Uint8Array(), address);
    const refusal =
      check.kind === "known"
        ? identityRefusal(check.identity, packet)
        : passwordRefusal(check.kind, name);
    if (refusal !== undefined) this.#report(refusal, packet.clientId);
    else if (check.kind === "known" && !client.conn.destroyed) {
      this.#identities.set(client, check.identity);
      this.#logins.set(client, check.isCurrent);
      client.conn.once("close", () => this.#logins.delete(client));
    }
    return refusal;
  }

  #capacityRefusal(packet: ConnectPacket): Refusal | undefined {
    const { connectionCountMax, sessionCountMax } = this.#options.settings;
    if (this.connectionCount >= connectionCountMax) {
      return limitRefusal(`${connectionCountMax} clients are connected`);
    }
    if (packet.clean === true || this.#sessions.has(packet.clientId)) return undefined;
    if (this.#sessions.count < sessionCountMax) return undefined;
    return limitRefusal(`${sessionCountMax} sessions are kept (clean=false)`);
  }

  #publishWaitMs(client: Client): number {
    if (this.#bridgeClients.has(client)) return 0;
    const nowMs = systemClock.monotonicMs();
    let rate = this.#rates.get(client);
    if (rate === undefined) {
      rate = new PublishRate(this.#options.settings.messagesPerSecondMax, nowMs);
      this.#rates.set(client, rate);
    }
    return rate.waitMs(nowMs);
  }

  /** The error that cuts the client off, or null when the message may go on. Also asked for last wills. */
  #onPublish(client: Client | null, packet: PublishPacket): Error | null {
    if (client !== null && this.#bridgeClients.has(client)) return null;
    const identity = client === null ? undefined : this.#identities.get(client);
    const refusal =
      publishRefusal(packet, this.#options.settings) ??
      (identity && foreignPublication(identity, packet.topic)) ??
      this.#retainRefusal(packet);
    if (refusal === undefined) return null;
    this.#report(refusal, client?.id);
    return new Error(refusal.message);
  }

  #retainRefusal(packet: PublishPacket): Refusal | undefined {
    if (!packet.retain) return undefined;
    const { topic, payload } = packet;
    if (!topic.endsWith("/status")) {
      // A retained batch would come again with every subscription of the bridge: it passes once.
      packet.retain = false;
      this.#options.count("broker_retain_cleared");
      return undefined;
    }
    if (payload.length === 0) {
      this.#retainedTopics.delete(topic);
    } else if (!this.#retainedTopics.has(topic)) {
      const { retainedCountMax } = this.#options.settings;
      if (this.#retainedTopics.size >= retainedCountMax) {
        return limitRefusal(`${retainedCountMax} retained messages are kept`);
      }
      this.#retainedTopics.add(topic);
    }
    return undefined;
  }

  /** The subscription, or null: SUBACK then says failure (0x80). */
  #onSubscribe(client: Client, subscription: Subscription): Subscription | null {
    if (this.#bridgeClients.has(client)) return subscription;
    const filters = this.#filters.get(client) ?? new Set();
    this.#filters.set(client, filters);
    const { subscriptionCountMax } = this.#options.settings;
    const isOver = !filters.has(subscription.topic) && filters.size >= subscriptionCountMax;
    const identity = this.#identities.get(client);
    const refusal =
      subscribeRefusal(subscription.topic) ??
      (identity && foreignFilter(identity, subscription.topic)) ??
      (isOver ? limitRefusal(`${subscriptionCountMax} subscriptions of one client`) : undefined);
    if (refusal === undefined) {
      filters.add(subscription.topic);
      return subscription;
    }
    this.#report(refusal, client.id);
    return null;
  }

  #report(refusal: Refusal, clientId: string | undefined): void {
    const { code, message } = refusal;
    this.#options.count(`broker_refused_${code.toLowerCase()}`);
    this.#warnings.warn(code, { message, clientId: clientId?.slice(0, 100) }, "client refused");
  }
}
