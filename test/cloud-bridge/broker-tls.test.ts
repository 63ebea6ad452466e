// The broker with certificates: real TLS, an authority of its own, edges that stay in their store, and those that do not.

import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { IClientOptions } from "mqtt";
import { pino } from "pino";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from "vitest";
import { EmbeddedBroker } from "../../cloud-bridge/broker.ts";
import {
  identityOf,
  identityUri,
  mayPublish,
  mayRead,
} from "../../cloud-bridge/broker-identity.ts";
import { CertificateAuthority } from "../../cloud-bridge/certificate-authority.ts";
import { bridgeConfigSchema } from "../../cloud-bridge/config.ts";
import type { Enrolment } from "../../contract/enrolment.ts";
import { topics } from "../../contract/topics.ts";
import { TestClient } from "./mqtt-client.ts";

const login = { clientId: "bridge-x", username: "bridge", password: "secret" };
const counts = new Map<string, number>();
/** Lines of the log. */
const warned: Record<string, unknown>[] = [];
let folder: string;
let authority: CertificateAuthority;
let broker: EmbeddedBroker;
let own: Enrolment;
const clients: TestClient[] = [];

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "gondola-tls-"));
  authority = await CertificateAuthority.create(join(folder, "ca"), Date.now());
  own = await authority.enrol("s0042", "edge-1", Date.now());
  await renewServer();
});
afterAll(() => rm(folder, { recursive: true }));

async function renewServer(): Promise<void> {
  const { certificate, key } = await authority.issueServer(["127.0.0.1", "localhost"], Date.now());
  await writeFile(join(folder, "server.pem"), certificate);
  await writeFile(join(folder, "server-key.pem"), key);
}

beforeEach(async () => {
  counts.clear();
  warned.length = 0;
  const tls = {
    certFile: join(folder, "server.pem"),
    keyFile: join(folder, "server-key.pem"),
    clientCaFile: join(folder, "ca/ca.pem"),
    revokedFile: join(folder, "ca/revoked.pem"),
    lookIntervalMs: 100,
  };
  const config = bridgeConfigSchema.parse({ dataDir: ".", broker: { embedded: { tls } } });
  broker = await EmbeddedBroker.open({
    settings: { ...config.broker.embedded!, port: 0 },
    login,
    log: pino({ level: "warn" }, { write: (line) => void warned.push(JSON.parse(line)) }),
    count: (name, by = 1) => counts.set(name, (counts.get(name) ?? 0) + by),
  });
});
afterEach(async () => {
  for (const client of clients.splice(0)) await client.close();
  await broker.close();
});

async function come(enrolment: Partial<Enrolment>, options: IClientOptions = {}) {
  const { ca = own.ca, certificate: cert, key } = enrolment;
  const client = await TestClient.open(broker.port, {
    ...{ protocol: "mqtts", clientId: "s0042:edge-1", ca },
    ...(cert === undefined ? {} : { cert, key }),
    ...options,
  });
  clients.push(client);
  return client;
}

async function bridge() {
  const client = await TestClient.open(Number(new URL(broker.url).port), login);
  clients.push(client);
  return client;
}

describe("an edge with its certificate", () => {
  test("publishes its own, reads its store's, and the bridge answers on a port of this machine alone", async () => {
    const [edge, inside] = [await come(own), await bridge()];
    expect(broker.url).not.toContain(String(broker.port));
    await inside.subscribe("gondola/1/p/+/+/+/events");
    const granted = await edge.subscribe(topics.ack("s0042", "edge-1"), topics.plan("s0042"));
    expect(granted).toEqual([1, 1]);
    await edge.publish(topics.events("s0042", "edge-1"), "batch");
    await inside.message(({ payload }) => payload.toString() === "batch");
    await inside.publish(topics.ack("s0042", "edge-1"), "answer");
    await edge.message(({ payload }) => payload.toString() === "answer");
  });

  test("reads nothing of another store, whatever the filter", async () => {
    const edge = await come(own);
    const filters = ["#", "+/#", "gondola/1/#", "gondola/1/+/plan", topics.plan("s0043"), "$SYS/#"];
    for (const filter of filters) expect(await edge.subscribe(filter), filter).toEqual([128]);
    expect(counts.get("broker_refused_topic_foreign")).toBe(filters.length);
  });

  test.each([
    ["another store's", topics.events("s0043", "edge-1")],
    ["another edge's", topics.status("s0042", "edge-2")],
    ["a command", topics.command("s0042", "edge-1")],
    ["the bridge's word", topics.ack("s0042", "edge-1")],
  ])("is cut off when it publishes %s", async (_, topic) => {
    const edge = await come(own);
    void edge.publish(topic, "x").catch(() => undefined);
    await edge.closed;
    expect(counts.get("broker_refused_topic_foreign")).toBe(1);
  });

  test("cannot leave a last will in another's name, nor come under another's id", async () => {
    const will = {
      topic: topics.status("s0043", "edge-1"),
      payload: Buffer.from("x"),
      qos: 1 as const,
    };
    await expect(come(own, { will })).rejects.toThrow("Not authorized");
    for (const clientId of ["s0043:edge-1", "s0042:edge-11", ""]) {
      await expect(come(own, { clientId })).rejects.toThrow("Identifier rejected");
    }
    await come(own, { clientId: "s0042:edge-1:doctor-7" });
    const kept = { clientId: "s0042:edge-1:doctor-7", clean: false };
    await expect(come(own, kept)).rejects.toThrow("Server unavailable");
  });
});

describe("who is not let in", () => {
  test("without a certificate, of another authority, or in plain text", async () => {
    const other = await CertificateAuthority.create(join(folder, "other"), Date.now());
    const stranger = await other.enrol("s0042", "edge-1", Date.now());
    await expect(come({})).rejects.toThrow();
    await expect(come({ ...stranger, ca: own.ca })).rejects.toThrow();
    const plain = { clientId: "s0042:edge-1" };
    await expect(TestClient.open(broker.port, plain)).rejects.toThrow();
    await expect.poll(() => counts.get("broker_handshakes_failed")).toBe(3);
    expect(warned[0]).toMatchObject({ code: "CERTIFICATE_FOREIGN", address: "127.0.0.1" });
    await come(own);
  });

  test.each([
    ["that has expired", -900],
    ["that is not valid yet", 10],
  ])("with a certificate %s", async (_, days) => {
    const other = await authority.enrol("s0042", "edge-1", Date.now() + days * 86_400_000);
    await expect(come(other)).rejects.toThrow();
    await expect.poll(() => counts.get("broker_handshakes_failed")).toBe(1);
    await come(own);
  });

  test("nobody but the bridge on its own port", async () => {
    const port = Number(new URL(broker.url).port);
    await expect(TestClient.open(port, { clientId: "s0042:edge-1" })).rejects.toThrow(
      "Not authorized",
    );
  });

  test("with a certificate of the broker itself, which names no client", async () => {
    const server = await authority.issueServer(["127.0.0.1"], Date.now());
    await expect(come({ ...server, ca: own.ca })).rejects.toThrow();
  });

  test("who was revoked, at once and without a restart; the others come again", async () => {
    const lost = await authority.enrol("s0042", "edge-9", Date.now());
    const stolen = await come(lost, { clientId: "s0042:edge-9" });
    const edge = await come(own);
    expect(
      await authority.revoke({ kind: "edge", storeId: "s0042", edgeId: "edge-9" }, Date.now()),
    ).toBe(1);
    await Promise.all([stolen.closed, edge.closed]);
    await expect(come(lost, { clientId: "s0042:edge-9" })).rejects.toThrow();
    await expect.poll(() => warned.map(({ message }) => message)).toContain("CERT_REVOKED");
    await come(own);
  });
});

test("a renewed certificate of the broker is shown without a restart; a broken one changes nothing", async () => {
  const edge = await come(own);
  const shown = () => {
    const socket = clients.at(-1)!.mqtt.stream as unknown as import("node:tls").TLSSocket;
    return socket.getPeerCertificate().serialNumber;
  };
  const before = shown();
  await renewServer();
  await edge.closed;
  await come(own);
  expect(shown()).not.toBe(before);
  const good = await readFile(join(folder, "server.pem"), "utf8");
  await writeFile(join(folder, "server.pem"), "broken");
  await expect.poll(() => counts.get("broker_certificates_unreadable")).toBeGreaterThan(0);
  await come(own);
  await writeFile(join(folder, "server.pem"), good);
});

test("a consumer reads all stores, and is cut off when it commands an edge", async () => {
  const shop = await authority.issueClient({ kind: "consumer", name: "web-shop" }, Date.now());
  const client = await come({ ...shop, ca: own.ca }, { clientId: "anything" });
  expect(await client.subscribe("gondola/1/+/stock/+")).toEqual([1]);
  void client.publish(topics.command("s0042", "edge-1"), "{}").catch(() => undefined);
  await client.closed;
  expect(counts.get("broker_refused_topic_foreign")).toBe(1);
});

test("nobody else comes under an edge's id, which would cut it off", async () => {
  const edge = await come(own);
  const shop = await authority.issueClient({ kind: "consumer", name: "web-shop" }, Date.now());
  for (const clientId of ["s0042:edge-1", "s0042:edge-1:doctor-7"]) {
    await expect(come({ ...shop, ca: own.ca }, { clientId })).rejects.toThrow(
      "Identifier rejected",
    );
  }
  await come({ ...shop, ca: own.ca }, { clientId: "shop:1/a" });
  expect(edge.mqtt.connected).toBe(true);
});

test("an operator commands edges, and says nothing in their place", async () => {
  const staff = await authority.issueClient({ kind: "operator", name: "staff" }, Date.now());
  const client = await come({ ...staff, ca: own.ca }, { clientId: "anything" });
  await client.publish(topics.command("s0042", "edge-1"), "{}");
  void client.publish(topics.events("s0042", "edge-1"), "x").catch(() => undefined);
  await client.closed;
});

describe("names in certificates", () => {
  test.each([
    [{ kind: "edge", storeId: "s0042", edgeId: "edge-1" }],
    [{ kind: "consumer", name: "erp" }],
    [{ kind: "operator", name: "staff" }],
  ] as const)("%o is read as it is written", (identity) => {
    const subjectaltname = `DNS:x, URI:${identityUri(identity)}`;
    expect(identityOf({ subjectaltname })).toEqual(identity);
  });

  test.each([
    "",
    "DNS:localhost",
    "URI:urn:gondola:edge:s0042",
    "URI:urn:gondola:edge:s0042:edge-1:x",
    "URI:urn:gondola:edge:S42:edge-1",
    "URI:urn:gondola:edge:+:edge-1",
    "URI:urn:gondola:bridge:x",
    "URI:urn:gondola:edge:s1:e1, URI:urn:gondola:edge:s2:e1",
    "URI:urn:gondola:consumer:a:b",
    "URI:urn:gondola:edge:s1:feed-till",
  ])("%s is nobody", (subjectaltname) => {
    expect(identityOf({ subjectaltname })).toBeUndefined();
  });

  test("what is no topic of the contract is nobody's", () => {
    const edge = { kind: "edge", storeId: "s1", edgeId: "e1" } as const;
    expect(mayPublish(edge, "gondola/1/s1/e1/other")).toBe(false);
    expect(mayRead(edge, "gondola/2/s1/#")).toBe(false);
  });

  test.each([
    ["gondola/1/s1/#", false],
    ["gondola/1/s1/+/#", false],
    ["gondola/1/s1/+/+", false],
    ["gondola/1/s1/+/command", false],
    ["gondola/1/s1/e2/command", false],
    ["gondola/1/s1/e2/#", false],
    ["gondola/1/s1/e1/command", true],
    ["gondola/1/s1/e1/#", true],
    ["gondola/1/s1/+/status", true],
    ["gondola/1/s1/stock/+", true],
    ["gondola/1/s1/plan", true],
  ])("edge e1 and the filter %s: %s", (filter, isAllowed) => {
    expect(mayRead({ kind: "edge", storeId: "s1", edgeId: "e1" }, filter)).toBe(isAllowed);
  });

  test("a source's name is no edge's: not enrolled", async () => {
    await expect(authority.enrol("s1", "feed-till", Date.now())).rejects.toThrow("feed-");
  });
});
