// Brokers that are not the bridge's own, with the rules of config/brokers: an edge stays within its store there too.

import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir, userInfo } from "node:os";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import type { IClientOptions } from "mqtt";
import { afterEach, describe, expect, test } from "vitest";
import type { Identity } from "../../cloud-bridge/broker-identity.ts";
import { CertificateAuthority } from "../../cloud-bridge/certificate-authority.ts";
import { topics } from "../../contract/topics.ts";
import { TestClient } from "../cloud-bridge/mqtt-client.ts";
import { brokers, freePort, killBrokers, startBroker } from "../support/broker-process.ts";

const edge = { kind: "edge", storeId: "s0042", edgeId: "edge-1" } as const;
const consumer = (name: string) => ({ kind: "consumer", name }) as const;
const foreign = { events: topics.events("s0043", "edge-1"), status: topics.status("s0043", "e") };

let folder: string;
const clients: TestClient[] = [];
afterEach(async () => {
  for (const client of clients.splice(0)) await client.close();
  await killBrokers();
  await rm(folder, { recursive: true });
});

/** An example with the places of this test in it. */
async function placed(name: string, port: number): Promise<string> {
  const text = await readFile(new URL(`../../config/brokers/${name}`, import.meta.url), "utf8");
  const file = join(folder, name);
  const local = text
    .replaceAll("/etc/gondola/", `${folder}/`)
    .replaceAll(/\/var\/lib\/\w+/g, folder)
    .replace("0.0.0.0:8883", `127.0.0.1:${port}`)
    // As root it would become another user, who cannot read the key.
    .replace("listener 8883", `user ${userInfo().username}\nlistener ${port} 127.0.0.1`);
  await writeFile(file, local);
  return file;
}

/** Starts a broker by its example; gives what opens a client with a certificate of its own. */
async function start(name: "mosquitto" | "nats-server") {
  folder = await mkdtemp(join(tmpdir(), "gondola-rules-"));
  const authority = await CertificateAuthority.create(join(folder, "ca"), Date.now());
  const { certificate, key } = await authority.issueServer(["127.0.0.1"], Date.now());
  await writeFile(join(folder, "ca/server.pem"), certificate);
  await writeFile(join(folder, "ca/server-key.pem"), key);
  const port = await freePort();
  if (name === "mosquitto") await placed("mosquitto.acl", port);
  const config = await placed(name === "mosquitto" ? "mosquitto.conf" : "nats.conf", port);
  const { program } = brokers[name];
  await startBroker({ program, start: async () => ["-c", config] }, folder, port);
  return async (identity: Identity, options: IClientOptions = {}) => {
    const shown = await authority.issueClient(identity, Date.now());
    const client = await TestClient.open(port, {
      ...{ protocol: "mqtts", ca: authority.certificate, cert: shown.certificate, key: shown.key },
      ...options,
    });
    clients.push(client);
    return client;
  };
}

describe.each(["mosquitto", "nats-server"] as const)("%s", (name) => {
  test.skipIf(brokers[name].program === undefined)(
    "an edge says and reads its own and nothing of another store, nor does a reader speak (needs the broker)",
    async () => {
      const come = await start(name);
      const bridge = await come(consumer("bridge"), { clientId: "gondola-bridge", clean: false });
      await bridge.subscribe(
        "gondola/1/p/+/+/+/events",
        "gondola/1/+/+/status",
        "gondola/1/+/plan",
      );
      const status = topics.status(edge.storeId, edge.edgeId);
      const own = await come(edge, {
        will: { topic: status, payload: Buffer.from("own will"), qos: 1, retain: true },
      });
      await own.subscribe(topics.ack("s0042", "edge-1"), topics.plan("s0042"));
      const others = [topics.plan("s0043"), topics.ack("s0043", "edge-1")];
      const wide = ["#", "gondola/1/#", "$MQTT/sub/#", "$SYS/#", "$share/x/gondola/1/#", ...others];
      for (const filter of wide) await own.subscribe(filter).catch(() => undefined);
      // What is not allowed is told to nobody, acknowledged or not.
      void own.publish(foreign.events, "foreign").catch(() => undefined);
      void own.publish(foreign.status, "foreign", true).catch(() => undefined);
      await own.publish(topics.events("s0042", "edge-1"), "own");
      for (const store of ["s0043", "s0042"]) {
        await bridge.publish(topics.ack(store, "edge-1"), store);
        await bridge.publish(topics.plan(store), store, true);
      }
      await own.message(({ topic }) => topic === topics.plan("s0042"));
      own.mqtt.stream.destroy();
      await bridge.message(({ payload }) => payload.toString() === "own will");

      const will = { topic: foreign.status, payload: Buffer.from("foreign"), qos: 1 as const };
      (await come(edge, { will: { ...will, retain: true } })).mqtt.stream.destroy();
      const shop = await come(consumer("web-shop"));
      void shop.publish(topics.events("s0042", "edge-1"), "foreign").catch(() => undefined);
      const later = await come(edge);
      await later.subscribe(topics.plan("s0042"), topics.plan("s0043")).catch(() => undefined);
      await later.message(({ topic }) => topic === topics.plan("s0042"));
      await shop.subscribe("gondola/1/+/+/status").catch(() => undefined);
      await shop.message(({ payload }) => payload.toString() === "own will");

      const heard = bridge.received.filter(({ topic }) => !topic.endsWith("/plan"));
      expect(heard.map(({ payload }) => payload.toString()).sort()).toEqual(["own", "own will"]);
      expect(own.received.map(({ payload }) => payload.toString())).toEqual(["s0042", "s0042"]);
      expect(later.received.map(({ payload }) => payload.toString())).toEqual(["s0042"]);
      expect(shop.received.map(({ payload }) => payload.toString())).toEqual(["own will"]);
    },
    60_000,
  );

  test.skipIf(brokers[name].program === undefined)(
    "whoever the rules do not name is heard by nobody and hears nothing, and a certificate must be shown (needs the broker)",
    async () => {
      const come = await start(name);
      const stranger = await come({ ...edge, edgeId: "edge-9" }).catch(() => undefined);
      await stranger?.subscribe("#").catch(() => undefined);
      const bridge = await come(consumer("bridge"), { clientId: "gondola-bridge", clean: false });
      await bridge.subscribe("gondola/1/p/+/+/+/events");
      void stranger?.publish(topics.events("s0042", "edge-9"), "foreign").catch(() => undefined);
      await bridge.publish(topics.events("s0042", "edge-1"), "own");
      await bridge.message(({ payload }) => payload.toString() === "own");
      expect(bridge.received).toHaveLength(1);
      expect(stranger?.received ?? []).toEqual([]);
      await expect(come(edge, { cert: "", key: "" })).rejects.toThrow();

      // Under the bridge's own id an edge is told nothing of what the bridge is; Mosquitto does not let it have that place.
      const intruder = await come(edge, { clientId: "gondola-bridge", clean: false });
      await intruder.publish(topics.events("s0042", "edge-1"), "own").catch(() => undefined);
      if (name === "mosquitto") await expect.poll(() => bridge.received.length).toBe(2);
      await delay(500);
      expect(intruder.received).toEqual([]);
    },
    60_000,
  );
});
