// Beams and lamps of one GPIO chip in a running daemon: the built program, a real broker, and processes that
// speak as the tools of libgpiod do.

import { randomUUID } from "node:crypto";
import { once } from "node:events";
import { writeFileSync } from "node:fs";
import { type AddressInfo, createServer } from "node:net";
import { join } from "node:path";
import { Aedes } from "aedes";
import { expect, test } from "vitest";
import { stringify } from "yaml";
import { type Health, type Reply, replySchema } from "../../contract/delivery.ts";
import { topics } from "../../contract/topics.ts";
import { ToolKit } from "../drivers/transport/gpio-tools-kit.ts";
import { Daemon } from "../support/daemon.ts";

const [storeId, edgeId] = ["s0042", "edge-1"];
const port = { gpio: { chip: "pinctrl-bcm2711", via: "tools" } };

function configuration(dataDir: string, brokerPort: number) {
  return {
    storeId,
    edgeId,
    dataDir,
    broker: { url: `mqtt://127.0.0.1:${brokerPort}` },
    healthIntervalMs: 1000,
    devices: [
      {
        id: "beams-1",
        kind: "gpio-input",
        port,
        options: { lines: [{ name: "beam-outer", lineName: "GPIO17", bias: "pull_up" }] },
      },
      {
        id: "lights-1",
        kind: "gpio-output",
        port,
        options: { outputs: [{ name: "red", offset: 5 }] },
      },
    ],
  };
}

/** What the edge publishes, and a way to command it. */
async function listen() {
  const broker = await Aedes.createBroker();
  const server = createServer((socket) => void broker.handle(socket));
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const replies: Reply[] = [];
  const reports: Health[] = [];
  broker.on("publish", ({ topic, payload }) => {
    const text = String(payload);
    if (topic === topics.reply(storeId, edgeId)) replies.push(replySchema.parse(JSON.parse(text)));
    if (topic === topics.health(storeId, edgeId)) reports.push(JSON.parse(text) as Health);
  });
  const command = async (output: string, action: object): Promise<Reply> => {
    const id = randomUUID();
    const body = { id, command: "actuate", deviceId: "lights-1", output, action };
    const payload = Buffer.from(JSON.stringify(body));
    const topic = topics.command(storeId, edgeId);
    const packet = { cmd: "publish", topic, payload, qos: 1, retain: false, dup: false } as const;
    broker.publish(packet, () => undefined);
    await expect
      .poll(() => replies.find((reply) => reply.id === id), { timeout: 10_000 })
      .toBeDefined();
    return replies.find((reply) => reply.id === id)!;
  };
  const close = async () => {
    server.close();
    await new Promise<void>((resolve) => broker.close(() => resolve()));
  };
  const brokerPort = (server.address() as AddressInfo).port;
  return { brokerPort, reports, command, close };
}

test("a lamp is switched by a message, a beam is read, and a stop leaves the lamp at rest", async () => {
  const kit = new ToolKit("2.2.1");
  const broker = await listen();
  const path = process.env["PATH"];
  process.env["PATH"] = `${kit.folder}:${path}`;
  const file = join(kit.folder, "edge.yaml");
  writeFileSync(file, stringify(configuration(join(kit.folder, "data"), broker.brokerPort)));
  const daemon = Daemon.start("edge", "run", "--config", file);
  process.env["PATH"] = path;
  try {
    const isBoth = (report: Health) => report.devices.every(({ state }) => state === "online");
    await expect.poll(() => broker.reports.some(isBoth), { timeout: 20_000 }).toBe(true);
    expect(kit.driven()).toEqual(["5=0"]);
    expect(await broker.command("red", { type: "on" })).toMatchObject({ ok: true });
    expect(kit.level(5)).toBe("1");
    const refused = { ok: false, code: "DRIVER_COMMAND_REFUSED" };
    expect(await broker.command("green", { type: "on" })).toMatchObject(refused);
    kit.print(17, "rising 1.000000000");
    const inputCount = () => broker.reports.at(-1)?.counters["readings_input"];
    await expect.poll(inputCount, { timeout: 10_000 }).toBe(2);
  } finally {
    expect(await daemon.end("SIGTERM")).toBe(0);
    await broker.close();
  }
  expect(kit.driven()).toEqual(["5=0", "5=1", "5=0"]);
  expect([kit.holder(5), kit.holder(17)]).toEqual([undefined, undefined]);
  kit.remove();
});
