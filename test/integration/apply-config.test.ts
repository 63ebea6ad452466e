// A configuration by command, from end to end: the built daemons, the bridge's own broker, and a keeper that starts the edge
// anew whenever it ends, as a service manager does.

import { createPrivateKey, randomUUID } from "node:crypto";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { stringify } from "yaml";
import { makeCommandKey } from "../../cloud-bridge/cli-command.ts";
import { sendCommand } from "../../cloud-bridge/command-sender.ts";
import { commandSchema, type Reply } from "../../contract/delivery.ts";
import { signCommand } from "../../contract/signed-command.ts";
import { systemClock } from "../../drivers/clock.ts";
import { configDigestOf } from "../../edge/applied-config.ts";
import { ScanSource } from "../faults/scan-source.ts";
import { Daemon } from "../support/daemon.ts";

const [storeId, edgeId] = ["s0042", "edge-1"];
let folder: string;
let source: ScanSource;
let bridge: Daemon;
let url: string;
let brokerPort: number;
let httpPort: number;
let service: Service;

/** Starts the edge, and again whenever it ends. */
class Service {
  readonly starts: Daemon[] = [];
  #isOver = false;
  readonly done: Promise<void>;

  constructor() {
    this.done = this.#run();
  }

  get edge(): Daemon {
    return this.starts.at(-1)!;
  }

  /** Log lines of all starts. */
  get lines() {
    return this.starts.flatMap(({ lines }) => lines);
  }

  /** Waits until start number `count` (from 1) says that it is ready. */
  async ready(count: number): Promise<Daemon> {
    await expect.poll(() => this.starts.length, { timeout: 60_000 }).toBeGreaterThanOrEqual(count);
    const edge = this.starts[count - 1]!;
    await edge.line(({ msg }) => msg === "link online");
    return edge;
  }

  async end(): Promise<void> {
    this.#isOver = true;
    await this.edge.end("SIGTERM");
    await this.done;
  }

  async #run(): Promise<void> {
    while (!this.#isOver) {
      this.starts.push(Daemon.start("edge", "run", "--config", path("edge.yaml")));
      await this.edge.exited();
      await new Promise((resolve) => setTimeout(resolve, 100));
    }
  }
}

const path = (name: string) => join(folder, name);
const device = (id: string, port = source.port) => ({
  ...{ id, kind: "serial-scanner", port: { host: "127.0.0.1", port }, options: { prefix: "aim" } },
});
function configuration(changes: object = {}) {
  return {
    ...{ storeId, edgeId, dataDir: "edge-data", broker: { url }, configTrialMs: 1000 },
    commandKeyFile: "command-key.pem.pub",
    devices: [device("backdoor")],
    scanners: [{ deviceId: "backdoor", workflow: "receive", location: "s0042/stockroom" }],
    ...changes,
  };
}

/** Runs `gondola-bridge command` to its end. */
async function command(...words: string[]) {
  const key = ["--key", path("command-key.pem"), "--url", url];
  const run = Daemon.start("cloud-bridge", "command", storeId, edgeId, ...words, ...key);
  const code = await run.exited();
  return { code, reply: run.lines[0] as unknown as Reply, said: run.noise };
}
/** Asks the edge from here: a process for each question would take most of the time. */
async function ask(body: object): Promise<Reply> {
  const command = commandSchema.parse({ ...body, id: randomUUID() });
  const [counter, expiresAtMs] = [Date.now(), Date.now() + 10_000];
  const key = createPrivateKey(readFileSync(path("command-key.pem")));
  const signed = signCommand({ storeId, edgeId, counter, expiresAtMs, command }, key);
  return await sendCommand(signed, { url }, 5_000, systemClock);
}
/** Sends a configuration; its digest and the reply. */
async function send(changes: object) {
  const config = stringify(configuration(changes));
  const reply = await ask({ command: "apply_config", config });
  return { reply, digest: configDigestOf(config) };
}
const health = async () => (await ask({ command: "status" })).health;
const running = async () => (await health())?.config;
const givenDigest = () => configDigestOf(readFileSync(path("edge.yaml"), "utf8"));
const kept = () => path("edge-data/applied-config.json");

/** Starts the bridge; the first time on any free ports, later on the same ones. */
async function startBridge(): Promise<void> {
  const ports = ["--port", String(brokerPort), "--http-port", String(httpPort)];
  bridge = Daemon.start("cloud-bridge", "run", "--config", path("bridge.yaml"), ...ports);
  const ready = await bridge.line(({ msg }) => msg === "bridge ready");
  brokerPort = Number(ready["brokerPort"]);
  httpPort = Number(ready["httpPort"]);
  url = `mqtt://127.0.0.1:${brokerPort}`;
}

beforeEach(async () => {
  folder = mkdtempSync(join(tmpdir(), "gondola-apply-"));
  source = await ScanSource.open();
  writeFileSync(path("bridge.yaml"), stringify({ dataDir: "bridge-data" }));
  [brokerPort, httpPort] = [0, 0];
  await startBridge();
  await makeCommandKey(path("command-key.pem"));
  writeFileSync(path("edge.yaml"), stringify(configuration()));
  service = new Service();
  const first = await service.ready(1);
  await first.line(({ msg }) => msg === "device_identified");
});
afterEach(async () => {
  await service.end();
  await bridge.end("SIGTERM");
  await source.close();
  rmSync(folder, { recursive: true });
});

/** What became of a configuration that did not do well: the edge runs as before, and everybody was told. */
async function expectReturned(digest: string, reason: RegExp): Promise<void> {
  await expect.poll(running, { timeout: 60_000, interval: 500 }).toMatchObject({
    ...{ digest: givenDigest(), origin: "file" },
    returned: { digest, reason: expect.stringMatching(reason) },
  });
  const told = service.lines.filter(({ code }) => code === "config_returned");
  expect(told).toMatchObject([{ digest, reason: expect.stringMatching(reason) }]);
  expect((await health())?.counters["configs_returned"]).toBe(1);
  const notices = async () => {
    const where = `http://127.0.0.1:${httpPort}/v1/notices?store=${storeId}&code=config_returned`;
    return ((await (await fetch(where)).json()) as { items: unknown[] }).items.length;
  };
  await expect.poll(notices, { timeout: 60_000 }).toBe(1);
}

test("a good one is kept after its time, and runs again after a kill", async () => {
  const text = stringify(
    configuration({ devices: [device("backdoor"), device("side", 1)], configTrialMs: 5000 }),
  );
  const digest = configDigestOf(text);
  writeFileSync(path("next.yaml"), text);
  const { code, reply } = await command("apply-config", path("next.yaml"));
  expect({ code, reply }).toMatchObject({ code: 0, reply: { ok: true } });
  expect(reply.message).toContain(digest);
  expect(await service.starts[0]!.exited()).toBe(4);
  const second = await service.ready(2);
  expect(await running()).toEqual({ digest, origin: "trial" });
  await second.line(({ msg }) => msg === "config_kept");
  expect(await running()).toEqual({ digest, origin: "applied" });
  await second.end("SIGKILL");
  await service.ready(3);
  expect(await running()).toEqual({ digest, origin: "applied" });
  // From now on a failed trial returns to this one.
  const worse = await send({ devices: [device("backdoor", 1)] });
  await expect.poll(running, { timeout: 60_000, interval: 500 }).toMatchObject({
    ...{ digest, origin: "applied", returned: { digest: worse.digest } },
  });
}, 180_000);

describe("left by the edge itself:", () => {
  test("one that it cannot start with", async () => {
    const twins = [device("backdoor"), device("backdoor-2")];
    const { reply, digest } = await send({ devices: twins, configTrialMs: 3_600_000 });
    expect(reply).toMatchObject({ ok: true });
    await expectReturned(digest, /have the same port/);
  }, 180_000);

  test("one under which it is killed before its time is over", async () => {
    const { digest } = await send({ configTrialMs: 3_600_000 });
    const second = await service.ready(2);
    await second.end("SIGKILL");
    await service.ready(3);
    await expectReturned(digest, /the edge ended/);
  }, 180_000);

  test("one under which a device stays away that was up before", async () => {
    const { digest } = await send({ devices: [device("backdoor", 1)] });
    const second = await service.ready(2);
    await second.line(({ msg }) => msg === "config_trial_failed");
    expect(await second.exited()).toBe(4);
    await expectReturned(digest, /^device backdoor was up before/);
  }, 180_000);

  test("one under which the broker is not reached", async () => {
    const { digest } = await send({ configTrialMs: 3000 });
    await bridge.end("SIGKILL");
    await expect.poll(() => service.starts.length, { timeout: 60_000 }).toBe(3);
    await startBridge();
    await expectReturned(digest, /^the link to the broker is down/);
  }, 180_000);
});

test("garbage in the data folder keeps no edge from starting with its file", async () => {
  const { digest } = await send({ logLevel: "debug" });
  const second = await service.ready(2);
  await second.line(({ msg }) => msg === "config_kept");
  const whole = readFileSync(kept(), "utf8");
  const damages = [whole.slice(0, -9), whole.replace("serial-", "seriol-")];
  for (const [index, damaged] of damages.entries()) {
    writeFileSync(kept(), damaged);
    await service.edge.end("SIGKILL");
    const next = await service.ready(index + 3);
    expect(next.lines[0]).toMatchObject({ msg: "config_remark" });
    expect(await running()).toEqual({ digest: givenDigest(), origin: "file" });
  }
  writeFileSync(`${kept()}.new`, "of a power cut");
  writeFileSync(kept(), whole);
  await service.edge.end("SIGKILL");
  await service.ready(damages.length + 3);
  expect(await running()).toEqual({ digest, origin: "applied" });
}, 180_000);

test("a file that a technician edited afterwards goes first", async () => {
  await send({ logLevel: "debug" });
  const second = await service.ready(2);
  await second.line(({ msg }) => msg === "config_kept");
  writeFileSync(path("edge.yaml"), stringify(configuration({ healthIntervalMs: 5000 })));
  const refused = await send({ logLevel: "error" });
  expect(refused).toMatchObject({ reply: { ok: false, code: "CONFIG_REFUSED" } });
  expect(refused.reply.message).toContain("was edited");
  await second.end("SIGTERM");
  const third = await service.ready(3);
  expect(await running()).toEqual({ digest: givenDigest(), origin: "file" });
  expect(third.lines[0]).toMatchObject({ msg: "config_remark" });
  expect(third.lines[0]!["remark"]).toContain("was edited");
  expect(() => readFileSync(kept())).toThrow("ENOENT");
}, 180_000);

test("refused, with the reason, while the edge goes on as it was", async () => {
  const moved = await send({ storeId: "s0043" });
  expect(moved).toMatchObject({ reply: { ok: false, code: "CONFIG_REFUSED" } });
  const wrong = await send({ devices: [{ ...device("backdoor"), colour: "red" }] });
  expect(wrong).toMatchObject({ reply: { ok: false, code: "CONFIG_INVALID" } });
  expect(wrong.reply.message).toMatch(/colour.*at devices\[0\]/s);
  expect(service.edge.lines.filter(({ msg }) => msg === "command failed")).toHaveLength(2);
  writeFileSync(path("bad.yaml"), "devices: [");
  const bad = await command("apply-config", path("bad.yaml"));
  expect(bad).toMatchObject({ code: 1, reply: { ok: false, code: "CONFIG_UNREADABLE" } });
  const text = stringify(configuration({ storeId: "s0043" }));
  writeFileSync(path("large.yaml"), `${text}# ${"x".repeat(58 * 1024)}`);
  const large = await command("apply-config", path("large.yaml"));
  expect(large).toMatchObject({ code: 1, reply: { ok: false, code: "CONFIG_REFUSED" } });
  writeFileSync(path("large.yaml"), `# ${"x".repeat(61 * 1024)}`);
  expect(await command("apply-config", path("large.yaml"))).toMatchObject({ code: 2 });
  expect(await command("apply-config", path("none.yaml"))).toMatchObject({ code: 2 });
  expect(await running()).toEqual({ digest: givenDigest(), origin: "file" });
  expect(service.starts).toHaveLength(1);
}, 180_000);
