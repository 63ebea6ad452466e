// Real pseudo-terminals through the real serialport; the device is a process of its own.

import { type ChildProcess, fork } from "node:child_process";
import { chmodSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { openSerial } from "../../../drivers/transport/serial.ts";
import type { Transport } from "../../../drivers/transport/transport.ts";
import { type DeviceChild, startDeviceChild } from "../../../simulators/device-child.ts";

let folder = "";
let path = "";
const children: (DeviceChild | ChildProcess)[] = [];
const transports: Transport[] = [];

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "gondola-serial-"));
  path = join(folder, "ttyBOARD");
});
afterEach(async () => {
  for (const transport of transports.splice(0)) await transport.close();
  for (const child of children.splice(0)) {
    if ("unplug" in child) await child.unplug();
    else child.kill("SIGKILL");
  }
  rmSync(folder, { recursive: true });
});

async function plug(): Promise<DeviceChild> {
  const options = { cellCount: 2, sampleRateHz: 50 };
  const run = { kind: "load-cell-board", ptyPath: path, options } as const;
  const child = await startDeviceChild(run, (message) => expect.fail(message));
  children.push(child);
  return child;
}

async function open() {
  const settings = { path, baudRate: 115_200, dataBits: 8, parity: "none", stopBits: 1 } as const;
  const transport = await openSerial(settings);
  transports.push(transport);
  return { transport, chunks: transport.chunks[Symbol.asyncIterator]() };
}

async function readUntil(chunks: AsyncIterator<Uint8Array>, pattern: RegExp): Promise<string> {
  let text = "";
  while (!pattern.test(text)) text += Buffer.from((await chunks.next()).value).toString("latin1");
  return text;
}

/** Another process that opens the port, as the given user. */
async function otherProcess(uid?: number): Promise<{ pid: number; code: string; message: string }> {
  const child = fork(join(import.meta.dirname, "hold-port.ts"), [path], {
    execArgv: ["--import", "tsx"],
    ...(uid === undefined ? {} : { uid, gid: uid }),
  });
  children.push(child);
  const answer = new Promise<object>((resolve, reject) => {
    child.once("message", (message: object) => resolve(message));
    child.once("exit", () => reject(new Error("the other process ended")));
  });
  return { pid: child.pid!, ...((await answer) as { code: string; message: string }) };
}

describe("a serial port", () => {
  test("is opened, asked and answers; closed, it can be opened again", async () => {
    await plug();
    for (let time = 0; time < 3; time += 1) {
      const { transport, chunks } = await open();
      await transport.write(Buffer.from("ID?\n"));
      expect(await readUntil(chunks, /hz=50\n/)).toContain("GONDOLA-LC 1 cells=2 hz=50");
      await transport.close();
      expect((await chunks.next()).done).toBe(true);
    }
  });

  test("what the device said before it was opened is not heard", async () => {
    await plug();
    await new Promise((resolve) => setTimeout(resolve, 300));
    const { chunks } = await open();
    const [, number] = /^#(\d+) /.exec(await readUntil(chunks, /\n/)) ?? [];
    expect(Number(number)).toBeGreaterThan(5);
  });

  test("unplugged: DRIVER_PORT_LOST within a second, then DRIVER_PORT_MISSING", async () => {
    const device = await plug();
    const { transport, chunks } = await open();
    await readUntil(chunks, /\n/);
    const unpluggedAtMs = performance.now();
    await device.unplug();
    const rest = readUntil(chunks, /never/);
    await expect(rest).rejects.toMatchObject({ code: "DRIVER_PORT_LOST" });
    expect(performance.now() - unpluggedAtMs).toBeLessThan(1000);
    await transport.close();
    await expect(open()).rejects.toMatchObject({ code: "DRIVER_PORT_MISSING" });
    await plug();
    await readUntil((await open()).chunks, /\n/);
  });
});

describe("a port that does not open", () => {
  test("missing: the message names it", async () => {
    await expect(open()).rejects.toMatchObject({
      code: "DRIVER_PORT_MISSING",
      message: expect.stringContaining(`${path} does not exist`),
    });
  });

  test("held by another process: the message names its pid and command", async () => {
    await plug();
    const holder = await otherProcess();
    expect(holder.code).toBe("open");
    const error = await open().catch((thrown: Error) => thrown);
    expect(error).toMatchObject({ code: "DRIVER_PORT_BUSY" });
    expect(String(error)).toMatch(new RegExp(`hold-port.*\\(pid ${holder.pid}\\)`));
  });

  test("held by this process", async () => {
    await plug();
    await open();
    await expect(open()).rejects.toMatchObject({
      code: "DRIVER_PORT_BUSY",
      message: `${path} is held by this same process (pid ${process.pid}): end that program, or take another port`,
    });
  });

  test.skipIf(process.getuid?.() !== 0)(
    "without permission: the message names the group (needs root, to be somebody else)",
    async () => {
      await plug();
      chmodSync(folder, 0o755);
      const { code, message } = await otherProcess(65_534);
      expect(code).toBe("DRIVER_PORT_DENIED");
      expect(message).toMatch(/belongs to group \w+ \(mode 6\d0\).*usermod -aG/);
    },
  );

  test("no serial port at all", async () => {
    path = "/dev/null";
    await expect(open()).rejects.toMatchObject({ code: "DRIVER_PORT_FAILED" });
  });
});
