// The edge's link against a real broker (aedes) on loopback.

import { once } from "node:events";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { type AddressInfo, createServer, type Server, type Socket } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Aedes, type Client } from "aedes";
import { afterEach, describe, expect, test } from "vitest";
import { type EdgeStatus, edgeStatusSchema } from "../../contract/delivery.ts";
import { topics } from "../../contract/topics.ts";
import { systemClock } from "../../drivers/clock.ts";
import { EdgeLink, linkInFlightCountMax } from "../../edge/link.ts";
import type { BrokerAddress } from "../../edge/link-certificates.ts";
import { linkSettingsSchema } from "../../edge/uplink-settings.ts";

const storeId = "s0042";
const edgeId = "edge-1";

/** A broker that can be killed and come back on its port. */
class Broker {
  readonly aedes: Aedes;
  readonly #server: Server;
  readonly #sockets = new Set<Socket>();

  private constructor(aedes: Aedes) {
    this.aedes = aedes;
    this.#server = createServer((socket) => {
      this.#sockets.add(socket);
      aedes.handle(socket);
    });
  }

  static async start(port = 0): Promise<Broker> {
    const broker = new Broker(await Aedes.createBroker());
    broker.#server.listen(port, "127.0.0.1");
    await once(broker.#server, "listening");
    return broker;
  }

  get port(): number {
    return (this.#server.address() as AddressInfo).port;
  }

  publish(topic: string, text: string, retain = false): Promise<void> {
    const packet = { cmd: "publish", topic, payload: Buffer.from(text), qos: 1, retain } as const;
    return new Promise((resolve, reject) => {
      this.aedes.publish({ ...packet, dup: false }, (error) => (error ? reject(error) : resolve()));
    });
  }

  cutConnections(): void {
    for (const socket of this.#sockets) socket.destroy();
  }

  async stop(): Promise<void> {
    const closed = once(this.#server, "close");
    this.#server.close();
    this.cutConnections();
    await closed;
    await new Promise<void>((resolve) => this.aedes.close(() => resolve()));
  }
}

/** A link with everything it said. */
class Subject {
  readonly said: string[] = [];
  readonly problems: string[] = [];
  readonly counts = new Map<string, number>();
  readonly link: EdgeLink;
  readonly #stop = new AbortController();
  readonly #ended: Promise<void>;
  #waiting: (() => void)[] = [];

  constructor(
    port: number,
    settings: object = {},
    broker: BrokerAddress = { url: `mqtt://127.0.0.1:${port}` },
  ) {
    const say = (text: string) => {
      this.said.push(text);
      for (const wake of this.#waiting.splice(0)) wake();
    };
    const hear = (channel: string) => (payload: Uint8Array) =>
      say(`${channel} ${Buffer.from(payload).toString()}`);
    this.link = new EdgeLink({
      broker,
      storeId,
      edgeId,
      settings: linkSettingsSchema.parse({
        ...{ reconnectDelayMs: 20, reconnectDelayMsMax: 60, ...settings },
      }),
      clock: systemClock,
      random: () => 0.5,
      status: statusOf,
      onOnline: () => say("online"),
      onOffline: () => say("offline"),
      onMessage: {
        ack: hear("ack"),
        command: hear("command"),
        plan: hear("plan"),
        sold: hear("sold"),
      },
      onProblem: (message) => {
        this.problems.push(message);
        say("problem");
      },
      count: (name, by = 1) => this.counts.set(name, (this.counts.get(name) ?? 0) + by),
    });
    this.#ended = this.link.run(this.#stop.signal);
  }

  async until(fits: () => boolean): Promise<void> {
    while (!fits()) await new Promise<void>((resolve) => this.#waiting.push(resolve));
  }

  times(text: string): number {
    return this.said.filter((said) => said === text).length;
  }

  async stop(): Promise<void> {
    this.#stop.abort();
    await this.#ended;
  }
}

function statusOf(state: EdgeStatus["state"], reason: EdgeStatus["reason"]): EdgeStatus {
  const ids = { storeId, edgeId, bootId: "abcdef01", outboxId: "abcdef02" };
  return { ...ids, state, reason, softwareVersion: "0.1.0", sinceAtMs: 1 };
}

/** Messages that the broker forwards, as `topic state/reason` or `topic text`. */
function listen(broker: Broker): { seen: string[]; until: (text: string) => Promise<void> } {
  const seen: string[] = [];
  const waiting: (() => void)[] = [];
  broker.aedes.on("publish", ({ topic, payload, retain }) => {
    if (!topic.startsWith("gondola/")) return;
    const text = payload.toString();
    const status = topic.endsWith("/status") ? edgeStatusSchema.parse(JSON.parse(text)) : undefined;
    seen.push(
      status === undefined ? `${topic} ${text}` : `${status.state}/${status.reason} ${retain}`,
    );
    for (const wake of waiting.splice(0)) wake();
  });
  const until = async (text: string) => {
    while (!seen.includes(text)) await new Promise<void>((resolve) => waiting.push(resolve));
  };
  return { seen, until };
}

const cleanups: (() => Promise<void>)[] = [];
afterEach(async () => {
  for (const clean of cleanups.splice(0).reverse()) await clean();
});

async function brokerOn(port = 0): Promise<Broker> {
  const broker = await Broker.start(port);
  cleanups.push(() => broker.stop());
  return broker;
}

function subjectAt(port: number, settings?: object, broker?: BrokerAddress): Subject {
  const subject = new Subject(port, settings, broker);
  cleanups.push(() => subject.stop());
  return subject;
}

describe("connection", () => {
  test("waits for a broker that is not there yet, then is online after the SUBACK", async () => {
    const free = await Broker.start();
    const { port } = free;
    await free.stop();
    const subject = subjectAt(port);
    await subject.until(() => subject.times("problem") >= 3);
    expect(subject.link.state()).toBe("connecting");
    expect(subject.problems[0]).toMatch(/ECONNREFUSED.*connecting again in \d+ ms/);
    const broker = await brokerOn(port);
    const heard = listen(broker);
    await subject.until(() => subject.times("online") === 1);
    expect(subject.link.state()).toBe("online");
    await heard.until("online/started true");
  });

  test("goes on after a refused CONNACK", async () => {
    const broker = await brokerOn();
    let refusals = 3;
    broker.aedes.authenticate = (_client, _user, _password, done) => {
      refusals -= 1;
      if (refusals < 0) return done(null, true);
      done(Object.assign(new Error("busy"), { returnCode: 3 }), false);
    };
    const subject = subjectAt(broker.port);
    await subject.until(() => subject.times("online") === 1);
    expect(subject.problems).toHaveLength(3);
    expect(subject.problems[0]).toContain("Server unavailable");
  });

  test("comes back after the broker was killed, with a new hello to say", async () => {
    const broker = await Broker.start();
    const { port } = broker;
    const subject = subjectAt(port);
    await subject.until(() => subject.times("online") === 1);
    await broker.stop();
    await subject.until(() => subject.times("offline") === 1);
    subject.link.send(topics.events(storeId, edgeId), "lost");
    expect(subject.counts.get("link_publish_offline")).toBe(1);
    const second = await brokerOn(port);
    const heard = listen(second);
    await subject.until(() => subject.times("online") === 2);
    await heard.until("online/started true");
    expect(heard.seen.join()).not.toContain("lost");
  });
});

describe("a connection that serves nobody", () => {
  test("a connection on which nobody answers is given up when told so, and not again at once", async () => {
    const broker = await brokerOn();
    const subject = subjectAt(broker.port);
    await subject.until(() => subject.times("online") === 1);
    subject.link.renew();
    await subject.until(() => subject.times("online") === 2);
    subject.link.renew();
    expect(subject.counts.get("link_connections_renewed")).toBe(1);
    expect(subject.times("offline")).toBe(1);
  });

  test("certificates that TLS cannot use are a problem, not the end", async () => {
    const folder = await mkdtemp(join(tmpdir(), "gondola-link-"));
    cleanups.push(() => rm(folder, { recursive: true }));
    const [certFile, keyFile] = [join(folder, "cert.pem"), join(folder, "key.pem")];
    const half = "-----BEGIN CERTIFICATE-----\nMIIBhalf";
    for (const file of [certFile, keyFile]) await writeFile(file, half);
    const subject = subjectAt(1, {}, { url: "mqtts://127.0.0.1:1", certFile, keyFile });
    await subject.until(() => subject.times("problem") >= 3);
    expect(subject.problems.join()).toMatch(/PEM|asn1|no start line/i);
  });

  test("a broker that accepts and says nothing is given up", async () => {
    const mute = createServer(() => undefined).listen(0, "127.0.0.1");
    await once(mute, "listening");
    const settings = linkSettingsSchema.parse({ connectTimeoutMs: 150, reconnectDelayMs: 20 });
    const stop = new AbortController();
    const problem = new Promise<string>((resolve) => {
      const nothing = () => undefined;
      const link = new EdgeLink({
        ...{ storeId, edgeId },
        broker: { url: `mqtt://127.0.0.1:${(mute.address() as AddressInfo).port}` },
        ...{ settings, clock: systemClock, random: () => 0.5, status: statusOf },
        ...{ onOnline: nothing, onOffline: nothing, count: nothing, onProblem: resolve },
        onMessage: { ack: nothing, command: nothing, plan: nothing, sold: nothing },
      });
      const ended = link.run(stop.signal);
      cleanups.push(() => ended);
    });
    expect(await problem).toMatch(/did not answer in time|connack timeout/);
    stop.abort();
    mute.close();
  });
});

describe("subscriptions", () => {
  test("messages reach their callbacks, retained ones at once; foreign and huge ones are counted", async () => {
    const broker = await brokerOn();
    await broker.publish(topics.plan(storeId), "plan 7", true);
    const subject = subjectAt(broker.port);
    await subject.until(() => subject.times("plan plan 7") === 1);
    await subject.until(() => subject.times("online") === 1);
    await broker.publish(topics.command(storeId, edgeId), "x".repeat(64 * 1024 + 1));
    await broker.publish(topics.command(storeId, edgeId), "go");
    await broker.publish(topics.sold(storeId), "sold");
    await broker.publish(topics.ack(storeId, edgeId), "ok");
    await subject.until(() => subject.times("ack ok") === 1);
    expect(subject.times("command go")).toBe(1);
    expect(subject.times("sold sold")).toBe(1);
    expect(subject.counts.get("link_messages_too_large")).toBe(1);
  });

  test("a command that the broker keeps is not carried out with every connection", async () => {
    const broker = await brokerOn();
    await broker.publish(topics.command(storeId, edgeId), "kept", true);
    const subject = subjectAt(broker.port);
    await subject.until(() => subject.times("online") === 1);
    await broker.publish(topics.command(storeId, edgeId), "go", true);
    await subject.until(() => subject.times("command go") === 1);
    expect(subject.times("command kept")).toBe(0);
    expect(subject.counts.get("link_commands_retained")).toBe(1);
  });

  test("what the broker keeps is asked for again: a plan that was lost on the way comes after all", async () => {
    const broker = await brokerOn();
    const granted = new Set<string>();
    broker.aedes.on("subscribe", (subscriptions) => {
      for (const { topic, qos } of subscriptions) granted.add(`${topic} ${qos}`);
    });
    await broker.publish(topics.plan(storeId), "plan 7", true);
    const subject = subjectAt(broker.port, { retainedIntervalMs: 200 });
    await subject.until(() => subject.times("online") === 1);
    broker.aedes.authorizeForward = () => null;
    await broker.publish(topics.plan(storeId), "plan 8", true);
    expect(subject.times("plan plan 8")).toBe(0);
    broker.aedes.authorizeForward = (_client, packet) => packet;
    await subject.until(() => subject.times("plan plan 8") >= 2);
    expect(subject.times("online")).toBe(1);
    const { ack, command, plan, sold } = topics;
    const names = [ack(storeId, edgeId), command(storeId, edgeId), plan(storeId), sold(storeId)];
    expect([...granted].sort()).toEqual(names.map((name) => `${name} 0`).sort());
  });

  test("a refused ack topic is no link; a refused plan is one", async () => {
    const broker = await brokerOn();
    let refused = topics.ack(storeId, edgeId);
    broker.aedes.authorizeSubscribe = (_client: Client, subscription, done) =>
      done(null, subscription.topic === refused ? null : subscription);
    const subject = subjectAt(broker.port);
    await subject.until(() => subject.times("problem") >= 2);
    expect(subject.problems[0]).toContain(`subscribing to ${refused} failed`);
    expect(subject.times("online")).toBe(0);
    refused = topics.plan(storeId);
    await subject.until(() => subject.times("online") === 1);
    expect(subject.problems.join()).toContain(`subscribing to ${refused} failed`);
  });
});

describe("publishing", () => {
  test("a cut connection leaves the last will, a stop says goodbye itself", async () => {
    const broker = await brokerOn();
    const heard = listen(broker);
    const subject = new Subject(broker.port);
    await subject.until(() => subject.times("online") === 1);
    broker.cutConnections();
    await heard.until("offline/lost true");
    await subject.until(() => subject.times("online") === 2);
    await subject.stop();
    await heard.until("offline/stopped true");
    expect(heard.seen.filter((text) => text === "offline/lost true")).toHaveLength(1);
    expect(subject.link.state()).toBe("offline");
  });

  test("what the broker does not receive is bounded and never sent again by the link", async () => {
    const broker = await brokerOn();
    const subject = subjectAt(broker.port);
    await subject.until(() => subject.times("online") === 1);
    broker.aedes.authorizePublish = () => undefined;
    for (let index = 0; index < linkInFlightCountMax + 5; index += 1) {
      subject.link.send(topics.events(storeId, edgeId), `batch ${index}`);
    }
    expect(subject.counts.get("link_publish_dropped")).toBeGreaterThanOrEqual(5);
    broker.aedes.authorizePublish = (_client, _packet, done) => done(null);
    const heard = listen(broker);
    broker.cutConnections();
    await subject.until(() => subject.times("online") === 2);
    subject.link.send(topics.events(storeId, edgeId), "new");
    await heard.until(`${topics.events(storeId, edgeId)} new`);
    expect(heard.seen.join()).not.toContain("batch");
  });
});
