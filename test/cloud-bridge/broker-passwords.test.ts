// The broker with passwords: real connections, and files that are wrong.

import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from "vitest";
import { EmbeddedBroker } from "../../cloud-bridge/broker.ts";
import {
  BrokerPasswords,
  checkCountMax,
  identityOfName,
  parsePasswords,
  withoutPassword,
  withPassword,
  wrongCountMax,
} from "../../cloud-bridge/broker-passwords.ts";
import { bridgeConfigSchema } from "../../cloud-bridge/config.ts";
import { createLog } from "../../cloud-bridge/log.ts";
import { topics } from "../../contract/topics.ts";
import { TestClient } from "./mqtt-client.ts";

const login = { clientId: "bridge-x", username: "bridge", password: "secret" };
const password = "correct horse battery staple";
const counts = new Map<string, number>();
const clients: TestClient[] = [];
let folder: string;
let file: string;
let broker: EmbeddedBroker;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "gondola-passwords-"));
  file = join(folder, "passwords");
});
afterAll(() => rm(folder, { recursive: true }));

beforeEach(async () => {
  counts.clear();
  const one = await withPassword("", file, { name: "s0042:edge-1", password });
  await writeFile(
    file,
    await withPassword(one, file, { name: "web-shop", password: `${password}!` }),
  );
  const embedded = { passwordsFile: file };
  const config = bridgeConfigSchema.parse({ dataDir: ".", broker: { embedded } });
  broker = await EmbeddedBroker.open({
    settings: { ...config.broker.embedded!, port: 0 },
    login,
    log: createLog("silent"),
    count: (name, by = 1) => counts.set(name, (counts.get(name) ?? 0) + by),
  });
});
afterEach(async () => {
  for (const client of clients.splice(0)) await client.close();
  await broker.close();
});

async function come(username: string, given: string, clientId = username) {
  const client = await TestClient.open(broker.port, { clientId, username, password: given });
  clients.push(client);
  return client;
}

describe("on the broker", () => {
  test("an edge is let in with its password, and stays within its store", async () => {
    const edge = await come("s0042:edge-1", password);
    expect(await edge.subscribe(topics.ack("s0042", "edge-1"))).toEqual([1]);
    expect(await edge.subscribe(topics.plan("s0043"))).toEqual([128]);
    void edge.publish(topics.events("s0043", "edge-1"), "x").catch(() => undefined);
    await edge.closed;
  });

  test("the bridge, which has a login of its own, and a consumer", async () => {
    clients.push(await TestClient.open(broker.port, login));
    const shop = await come("web-shop", `${password}!`, "anything");
    expect(await shop.subscribe("gondola/1/+/stock/+")).toEqual([1]);
  });

  test("nobody else: a wrong password, no name, another's id", async () => {
    await expect(come("s0042:edge-1", "wrong")).rejects.toThrow("Bad username or password");
    await expect(come("s0042:edge-2", password)).rejects.toThrow("Bad username or password");
    await expect(TestClient.open(broker.port, { clientId: "x" })).rejects.toThrow("Bad username");
    await expect(come("s0042:edge-1", password, "s0043:edge-1")).rejects.toThrow("Identifier");
    expect(counts.get("broker_refused_password_wrong")).toBe(3);
    expect(counts.get("broker_refused_certificate_foreign")).toBe(1);
  });

  test("a password that was changed counts at once", async () => {
    const text = await readFile(file, "utf8");
    await writeFile(
      file,
      await withPassword(text, file, { name: "s0042:edge-1", password: `new ${password}` }),
    );
    await expect(come("s0042:edge-1", password)).rejects.toThrow("Bad username");
    await come("s0042:edge-1", `new ${password}`);
  });
});

describe("an operator", () => {
  const setAnew = async (name: string, commands: boolean) => {
    const text = await readFile(file, "utf8");
    await writeFile(file, await withPassword(text, file, { name, password, commands }));
  };

  test("commands edges and reads everything; a consumer reads alone, and an operator is no edge", async () => {
    await setAnew("head-office", true);
    const edge = await come("s0042:edge-1", password);
    await edge.subscribe(topics.command("s0042", "edge-1"));
    const operator = await come("head-office", password, "anything");
    expect(await operator.subscribe("gondola/1/#")).toEqual([1]);
    await operator.publish(topics.command("s0042", "edge-1"), "hello");
    const heard = await edge.message(({ topic }) => topic === topics.command("s0042", "edge-1"));
    expect(heard.payload.toString()).toBe("hello");
    void operator.publish(topics.events("s0042", "edge-1"), "x").catch(() => undefined);
    await operator.closed;
    const shop = await come("web-shop", `${password}!`);
    void shop.publish(topics.command("s0042", "edge-1"), "hello").catch(() => undefined);
    await shop.closed;
    expect(counts.get("broker_refused_topic_foreign")).toBe(2);
  });

  test("who is revoked, or may command no more, is sent away and the others stay", async () => {
    await setAnew("head-office", true);
    const [edge, shop] = [
      await come("s0042:edge-1", password),
      await come("web-shop", `${password}!`),
    ];
    const operator = await come("head-office", password, "anything");
    await setAnew("head-office", false);
    await operator.closed;
    const text = await readFile(file, "utf8");
    await writeFile(file, withoutPassword(text, file, "s0042:edge-1")!);
    await edge.closed;
    await expect(come("s0042:edge-1", password)).rejects.toThrow("Bad username");
    const again = await come("head-office", password, "anything");
    expect(await again.subscribe("gondola/1/#")).toEqual([1]);
    void again.publish(topics.command("s0042", "edge-1"), "hello").catch(() => undefined);
    await again.closed;
    expect(await shop.subscribe("gondola/1/+/stock/+")).toEqual([1]);
  });

  test("an unreadable file sends nobody away", async () => {
    const shop = await come("web-shop", `${password}!`);
    await writeFile(file, "nonsense\n");
    const unreadable = () => counts.get("broker_passwords_unreadable") ?? 0;
    await expect.poll(unreadable, { timeout: 15_000 }).toBeGreaterThan(0);
    expect(await shop.subscribe("gondola/1/+/stock/+")).toEqual([1]);
  });
});

describe("guessing", () => {
  const open = async () => {
    const clock = { nowMs: 0 };
    const passwords = await BrokerPasswords.open(file, () => clock.nowMs);
    const check = async (given: string, address = "a") =>
      (await passwords.check("s0042:edge-1", Buffer.from(given), address)).kind;
    return { clock, check };
  };

  test("an address that was wrong too often waits, even with the right one; another does not", async () => {
    const { clock, check } = await open();
    for (let guess = 0; guess < wrongCountMax; guess += 1) expect(await check("x")).toBe("wrong");
    expect(await check(password)).toBe("waiting");
    expect(await check(password, "b")).toBe("known");
    clock.nowMs += 30_000;
    expect(await check(password)).toBe("known");
  });

  test("so many at once are checked, and no more", async () => {
    const { check } = await open();
    const kinds = await Promise.all(
      Array.from({ length: checkCountMax + 3 }, (_, at) => check(password, `address-${at}`)),
    );
    expect(kinds.filter((kind) => kind === "known")).toHaveLength(checkCountMax);
    expect(kinds.filter((kind) => kind === "busy")).toHaveLength(3);
  });
});

describe("the file", () => {
  test("holds no password, and each client once", async () => {
    const text = await readFile(file, "utf8");
    expect(text).not.toContain("horse");
    expect(text.trim().split("\n")).toHaveLength(2);
    const again = await withPassword(text, file, {
      name: "web-shop",
      password: "another password of a shop",
    });
    expect([...parsePasswords(again, file).keys()]).toEqual(["s0042:edge-1", "web-shop"]);
  });

  test("keeps who may command, and lets go of who is revoked", async () => {
    const client = { name: "head-office", password, commands: true };
    const text = await withPassword(await readFile(file, "utf8"), file, client);
    expect(text).toMatch(/^head-office [0-9a-f]{32} [0-9a-f]{64} commands$/m);
    const left = withoutPassword(text, file, "web-shop");
    expect([...parsePasswords(left!, file).keys()]).toEqual(["s0042:edge-1", "head-office"]);
    expect(withoutPassword(left!, file, "web-shop")).toBeUndefined();
    const line = text.trim().split("\n").at(-1)!;
    for (const wrong of [line.replace("head-office", "s1:e1"), `${line} more`, `${line}s`]) {
      expect(() => parsePasswords(wrong, file)).toThrow(/passwords:1/);
    }
  });

  test("is refused with the line, and without what is in it", async () => {
    const text = `${await readFile(file, "utf8")}s0042:edge-2 00 11\n`;
    expect(() => parsePasswords(text, file)).toThrow(/passwords:3: a line is NAME SALT HASH/);
    await expect(withPassword("", file, { name: "web-shop", password: "short" })).rejects.toThrow(
      "16 characters",
    );
    await expect(BrokerPasswords.open(join(folder, "none"), () => 0)).rejects.toThrow("ENOENT");
  });

  test.each(["", "S1:edge", "s1:edge:1", "s1:", "+", "a b"])("%j is nobody's name", (name) => {
    expect(identityOfName(name)).toBeUndefined();
  });
});
