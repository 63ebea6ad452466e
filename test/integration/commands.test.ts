// Signed commands from end to end: the built programs, a real broker, an edge that is killed in between.

import { randomUUID } from "node:crypto";
import { once } from "node:events";
import { mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { type AddressInfo, createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Aedes } from "aedes";
import { afterEach, beforeEach, expect, test } from "vitest";
import { stringify } from "yaml";
import { type Reply, replySchema } from "../../contract/delivery.ts";
import { enrolmentSchema } from "../../contract/enrolment.ts";
import { topics } from "../../contract/topics.ts";
import { readCommandKey } from "../../edge/command-gate.ts";
import { Daemon } from "../support/daemon.ts";

const [storeId, edgeId] = ["s0042", "edge-1"];
let folder: string;
let url: string;
let broker: Aedes;
let close: () => Promise<void>;
/** What was published on topics of commands and replies. */
let commands: string[];
let replies: Reply[];

beforeEach(async () => {
  folder = mkdtempSync(join(tmpdir(), "gondola-commands-"));
  broker = await Aedes.createBroker();
  const server = createServer((socket) => void broker.handle(socket));
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  url = `mqtt://127.0.0.1:${(server.address() as AddressInfo).port}`;
  [commands, replies] = [[], []];
  broker.on("publish", ({ topic, payload }) => {
    if (topic === topics.command(storeId, edgeId)) commands.push(String(payload));
    if (topic !== topics.reply(storeId, edgeId)) return;
    replies.push(replySchema.parse(JSON.parse(String(payload))));
  });
  close = async () => {
    server.close();
    await new Promise<void>((resolve) => broker.close(() => resolve()));
    rmSync(folder, { recursive: true });
  };
});
afterEach(() => close());

async function startEdge(scalePort = 9): Promise<Daemon> {
  const config = {
    ...{ storeId, edgeId, dataDir: "data", broker: { url } },
    commandKeyFile: "command-key.pem.pub",
    devices: [
      { id: "till-1", kind: "serial-scanner", port: { path: join(folder, "no-such-port") } },
      { id: "shelf-1", kind: "ascii-scale", port: { host: "127.0.0.1", port: scalePort } },
    ],
    scanners: [{ deviceId: "till-1", workflow: "sell" }],
    shelves: [{ deviceId: "shelf-1", cells: [{ cell: 1, location: "s0042/floor/c1" }] }],
  };
  const file = join(folder, "edge.yaml");
  writeFileSync(file, stringify(config));
  const daemon = Daemon.start("edge", "run", "--config", file);
  await daemon.line(({ msg }) => msg === "link online");
  return daemon;
}

/** Runs `gondola-bridge` to its end. */
async function bridge(...words: string[]) {
  const run = Daemon.start("cloud-bridge", ...words);
  const code = await run.exited();
  return { code, reply: run.lines[0], said: run.noise };
}
const command = (name: string, ...words: string[]) => {
  const key = ["--key", join(folder, "command-key.pem"), "--url", url];
  return bridge("command", storeId, edgeId, name, ...key, ...words);
};
async function publish(text: string, id: string): Promise<Reply> {
  const before = replies.length;
  const topic = topics.command(storeId, edgeId);
  const packet = { cmd: "publish", topic, qos: 1, retain: false, dup: false } as const;
  broker.publish({ ...packet, payload: Buffer.from(text) }, () => undefined);
  const find = () => replies.slice(before).find((reply) => reply.id === id);
  await expect.poll(find, { timeout: 10_000 }).toBeDefined();
  return find()!;
}

test("a command is signed and carried out once, also when the edge is killed and it comes again", async () => {
  const file = join(folder, "command-key.pem");
  expect(await bridge("command-key", "--out", file)).toMatchObject({ code: 0 });
  expect(statSync(file).mode & 0o777).toBe(0o600);
  const secret = readFileSync(file, "utf8");
  expect(await bridge("command-key", "--out", file)).toMatchObject({ code: 2 });
  expect(readFileSync(file, "utf8")).toBe(secret);

  let edge = await startEdge();
  try {
    const status = await command("status");
    expect(status).toMatchObject({ code: 0, reply: { ok: true, health: { linkState: "online" } } });
    const order = JSON.stringify({
      deviceId: "till-1",
      workflow: "count",
      location: "s0042/floor",
    });
    const done = { code: 0, reply: { ok: true } };
    expect(await command("workflow", "--with", order)).toMatchObject(done);
    const sent = commands.at(-1)!;
    const { id } = JSON.parse(sent).command;
    await edge.end("SIGKILL");
    edge = await startEdge();
    expect(await publish(sent, id)).toMatchObject({ ok: false, code: "COMMAND_REPEATED" });
    const unsigned = { id: randomUUID(), command: "workflow", ...JSON.parse(order) };
    const refused = { ok: false, code: "COMMAND_UNSIGNED" };
    expect(await publish(JSON.stringify(unsigned), unsigned.id)).toMatchObject(refused);
    const low = await command("workflow", "--with", order, "--counter", "7");
    expect(low).toMatchObject({ code: 1, reply: { ok: false, code: "COMMAND_REPEATED" } });
    expect(edge.lines.filter(({ msg }) => msg === "command refused")).toHaveLength(3);
  } finally {
    expect(await edge.end("SIGTERM")).toBe(0);
  }
}, 60_000);

test("a shelf is tared where it stands still, and stays so over a kill", async () => {
  await bridge("command-key", "--out", join(folder, "command-key.pem"));
  let grams: (index: number) => number = (index) => 130 + 400 * (index % 2);
  const scale = createServer((socket) => {
    let index = 0;
    const timer = setInterval(() => socket.write(`ST,GS,+${grams(index++)}g\r\n`), 50);
    socket.on("error", () => socket.destroy()).on("close", () => clearInterval(timer));
  });
  scale.listen(0, "127.0.0.1");
  await once(scale, "listening");
  const { port } = scale.address() as AddressInfo;
  const tare = () => command("tare", "--with", JSON.stringify({ deviceId: "shelf-1" }));
  const tared = (message: string) => ({ code: 0, reply: { ok: true, message } });
  const patience = { timeout: 60_000, interval: 500 };

  let edge = await startEdge(port);
  try {
    await edge.line(({ msg }) => msg === "device_identified");
    expect(await tare()).toMatchObject({ code: 1, reply: { ok: false, code: "TARE_REFUSED" } });
    grams = () => 130;
    const first = tared("tare of shelf-1: cell 1: none before, 130 g now");
    await expect.poll(tare, patience).toMatchObject(first);
    await edge.end("SIGKILL");
    edge = await startEdge(port);
    const second = tared("tare of shelf-1: cell 1: 130 g before, 130 g now");
    await expect.poll(tare, patience).toMatchObject(second);
  } finally {
    expect(await edge.end("SIGTERM")).toBe(0);
    scale.close();
  }
}, 180_000);

test("what is wrong with a command is said, with an exit code", async () => {
  await bridge("command-key", "--out", join(folder, "command-key.pem"));
  const silent = await command("status", "--wait-ms", "300");
  expect(silent).toMatchObject({ code: 5, said: expect.stringContaining("COMMAND_UNANSWERED") });
  expect(await command("dance")).toMatchObject({ code: 2 });
  expect(await command("workflow", "--with", "no")).toMatchObject({ code: 2 });
  expect(await command("status", "--key", join(folder, "none"))).toMatchObject({ code: 2 });
  const nobody = await command("status", "--url", "mqtt://127.0.0.1:1");
  expect(nobody).toMatchObject({ code: 5, said: expect.stringContaining("ECONNREFUSED") });
}, 60_000);

test("an enrolment carries the public key, never another one", async () => {
  const [key, ca, out] = ["command-key.pem", "ca", "edge.json"].map((name) => join(folder, name));
  await bridge("command-key", "--out", key!);
  expect(await bridge("ca", "init", "--ca", ca!)).toMatchObject({ code: 0 });
  const words = ["enroll", storeId, edgeId, "--ca", ca!, "--out", out!, "--command-key"];
  const secret = await bridge(...words, key!);
  expect(secret).toMatchObject({ code: 2, said: expect.stringContaining("public key") });
  expect(await bridge(...words, `${key}.pub`)).toMatchObject({ code: 0 });
  const { commandKey } = enrolmentSchema.parse(JSON.parse(readFileSync(out!, "utf8")));
  expect(commandKey).toBe(readFileSync(`${key}.pub`, "utf8"));
  const broker = { url: "mqtts://127.0.0.1:9", enrolmentFile: out! };
  expect((await readCommandKey({ broker }))?.asymmetricKeyType).toBe("ed25519");
}, 60_000);
