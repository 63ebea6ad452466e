// Which commands an edge carries out: real keys, counters on a real disk.

import { generateKeyPairSync, randomUUID } from "node:crypto";
import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import {
  commandLifetimeMsMax,
  type SignedCommand,
  signCommand,
} from "../../contract/signed-command.ts";
import { systemClock } from "../../drivers/clock.ts";
import { CommandGate } from "../../edge/command-gate.ts";
import { checkCommandKey } from "../../edge/technician/doctor-commands.ts";

const nowMs = Date.UTC(2026, 5, 1);
const clock = { ...systemClock, nowMs: () => nowMs };
const keys = generateKeyPairSync("ed25519");
const strangers = generateKeyPairSync("ed25519");
const broker = { url: "mqtt://127.0.0.1:9" };
let folder: string;
let commandKeyFile: string;

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), "gondola-gate-"));
  commandKeyFile = join(folder, "command-key.pem.pub");
  await writeFile(commandKeyFile, pemOf(keys));
});
afterEach(() => rm(folder, { recursive: true }));

const pemOf = ({ publicKey }: typeof keys) => publicKey.export({ type: "spki", format: "pem" });
const base = () => ({ storeId: "s0042", edgeId: "edge-1", dataDir: folder, broker });
const openGate = () => new CommandGate({ ...base(), commandKeyFile }, clock);
const workflow = () => ({
  ...({ id: randomUUID(), command: "workflow", deviceId: "till-1", workflow: "count" } as const),
});
const count = () => ({
  ...({ id: randomUUID(), command: "count", location: "s0042/floor" } as const),
});
function signed(changes: Partial<SignedCommand> = {}, { privateKey } = keys): SignedCommand {
  const ids = { storeId: "s0042", edgeId: "edge-1" };
  const unsigned = { ...ids, counter: 1, expiresAtMs: nowMs + 1000, command: workflow() };
  return signCommand({ ...unsigned, ...changes }, privateKey);
}
const codeOf = async (message: unknown, gate = openGate()) =>
  (await gate.admit(message))?.refusal?.code;
const storedCounters = () => readFile(join(folder, "command-counters.json"), "utf8");

test("a counter is taken once, also at the next start, and never a lower one", async () => {
  const gate = openGate();
  const fifth = signed({ counter: 5 });
  expect(await gate.admit(fifth)).toEqual({ command: fifth.command });
  expect(await codeOf(fifth, gate)).toBe("COMMAND_REPEATED");
  expect(await codeOf(fifth)).toBe("COMMAND_REPEATED");
  expect(await codeOf(signed({ counter: 4 }))).toBe("COMMAND_REPEATED");
  expect(await codeOf(signed({ counter: 6 }))).toBeUndefined();
});

test("of many that come at once under one counter, one is taken", async () => {
  const gate = openGate();
  const codes = await Promise.all(Array.from({ length: 20 }, () => codeOf(signed(), gate)));
  expect(codes.filter((code) => code === undefined)).toHaveLength(1);
});

describe("what is refused leaves the counter alone", () => {
  test.each<[string, string, () => unknown]>([
    ["another edge's", "COMMAND_FOREIGN", () => signed({ edgeId: "edge-2" })],
    ["another store's", "COMMAND_FOREIGN", () => signed({ storeId: "s0043" })],
    ["a stranger's", "COMMAND_SIGNATURE_WRONG", () => signed({}, strangers)],
    ["a changed counter", "COMMAND_SIGNATURE_WRONG", () => ({ ...signed(), counter: 2 })],
    ["another command", "COMMAND_SIGNATURE_WRONG", () => ({ ...signed(), command: workflow() })],
    ["one too late", "COMMAND_EXPIRED", () => signed({ expiresAtMs: nowMs })],
    [
      "one good for too long",
      "COMMAND_EXPIRED",
      () => signed({ expiresAtMs: nowMs + commandLifetimeMsMax + 1 }),
    ],
    ["an unsigned one", "COMMAND_UNSIGNED", workflow],
    ["an unsigned count", "COMMAND_UNSIGNED", count],
  ])("%s: %s", async (_name, code, message) => {
    expect(await codeOf(message())).toBe(code);
    await expect(storedCounters()).rejects.toThrow("ENOENT");
  });
});

test("what only asks needs no signature, and garbage is no command", async () => {
  expect(await codeOf({ id: randomUUID(), command: "status" })).toBeUndefined();
  expect(await codeOf({ id: randomUUID(), command: "hello_request" })).toBeUndefined();
  expect(await openGate().admit({ ...signed(), more: 1 })).toBeUndefined();
  expect(await openGate().admit(undefined)).toBeUndefined();
});

test("a configuration is taken signed alone, with a key and without", async () => {
  const apply = { id: randomUUID(), command: "apply_config", config: "devices: []" } as const;
  expect(await codeOf(apply)).toBe("COMMAND_UNSIGNED");
  expect(await codeOf(signed({ command: apply }))).toBeUndefined();
  const keyless = new CommandGate(base(), clock);
  expect(await codeOf(apply, keyless)).toBe("COMMAND_KEY_MISSING");
  expect(await codeOf(signed({ counter: 2, command: apply }), keyless)).toBe("COMMAND_KEY_MISSING");
});

test("a damaged counter file lets nothing signed in, and a changed key begins anew", async () => {
  expect(await codeOf(signed({ counter: 9 }))).toBeUndefined();
  await writeFile(commandKeyFile, pemOf(strangers));
  expect(await codeOf(signed({ counter: 1 }, strangers))).toBeUndefined();
  await writeFile(commandKeyFile, pemOf(keys));
  expect(await codeOf(signed({ counter: 9 }))).toBe("COMMAND_REPEATED");
  await writeFile(join(folder, "command-counters.json"), "{");
  expect(await codeOf(signed({ counter: 10 }))).toBe("COMMAND_COUNTER_FAILED");
});

test("without a key the unsigned is taken and the signed is not; a key that cannot be read lets nothing in", async () => {
  const open = new CommandGate(base(), clock);
  expect(await codeOf(workflow(), open)).toBeUndefined();
  expect(await codeOf(signed(), open)).toBe("COMMAND_KEY_MISSING");
  expect((await checkCommandKey(base())).level).toBe("warn");
  expect((await checkCommandKey({ broker, commandKeyFile })).level).toBe("ok");
  await writeFile(commandKeyFile, keys.privateKey.export({ type: "pkcs8", format: "pem" }));
  expect(await codeOf(workflow())).toBe("COMMAND_KEY_MISSING");
  expect((await checkCommandKey({ broker, commandKeyFile })).level).toBe("fail");
});
