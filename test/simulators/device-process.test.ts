// Device processes as the demo and a technician start them.

import { spawn } from "node:child_process";
import { existsSync, lstatSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { openTcp } from "../../drivers/transport/tcp.ts";
import { type DeviceChild, startDeviceChild } from "../../simulators/device-child.ts";
import { startDevice } from "../../simulators/device-process.ts";
import { programExecArgv, programFile } from "../../simulators/program-file.ts";

let folder = "";
let path = "";
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "gondola-device-"));
  path = join(folder, "tty");
});
afterEach(() => rmSync(folder, { recursive: true }));

const refused: string[] = [];
const start = (run: Parameters<typeof startDeviceChild>[0]): Promise<DeviceChild> =>
  startDeviceChild(run, (message) => refused.push(message));

describe("on a pty", () => {
  test("the link goes with the process, and one left by a killed process is replaced", async () => {
    const first = await start({ kind: "serial-scanner", ptyPath: path });
    expect(first.address).toBe(path);
    await first.unplug();
    expect(lstatSync(path).isSymbolicLink()).toBe(true);
    expect(existsSync(path)).toBe(false);
    const second = await start({ kind: "serial-scanner", ptyPath: path });
    expect(existsSync(path)).toBe(true);
    await second.stop();
    expect(() => lstatSync(path)).toThrow(/ENOENT/);
  });

  test("a file at the link's place is not touched", async () => {
    writeFileSync(path, "mine");
    await expect(start({ kind: "r2000", ptyPath: path })).rejects.toThrow(/cannot link.*EEXIST/s);
    expect(lstatSync(path).isFile()).toBe(true);
  });

  test("nobody reads what it prints: it goes on, and takes messages", async () => {
    const options = { cellCount: 64, sampleRateHz: 80 };
    const child = await start({ kind: "load-cell-board", ptyPath: path, options });
    // 64 cells at 80 Hz are 25 kB a second, more than a pty holds.
    await new Promise((resolve) => setTimeout(resolve, 1500));
    refused.length = 0;
    child.control({ type: "nonsense" });
    while (refused.length === 0) await new Promise((resolve) => setTimeout(resolve, 5));
    expect(refused[0]).toContain("control message");
    await child.stop();
  });
});

describe("on TCP", () => {
  test("serves one driver at a time, and the next after it", async () => {
    const device = await startDevice({ kind: "serial-scanner", tcpPort: 0, options: {} });
    const [host = "", port] = device.address.split(":");
    const first = await openTcp({ host, port: Number(port) });
    const second = await openTcp({ host, port: Number(port) });
    await expect(second.chunks[Symbol.asyncIterator]().next()).rejects.toMatchObject({
      code: "DRIVER_PORT_LOST",
    });
    device.control({ type: "scan", data: "1" });
    const chunk = await first.chunks[Symbol.asyncIterator]().next();
    expect(Buffer.from(chunk.value).toString()).toBe("1\r");
    await first.close();
    const third = await openTcp({ host, port: Number(port) });
    await third.close();
    await device.stop();
  });

  test("a taken port is said", async () => {
    const device = await startDevice({ kind: "r2000", tcpPort: 0 });
    const tcpPort = Number(device.address.split(":")[1]);
    await expect(startDevice({ kind: "r2000", tcpPort })).rejects.toMatchObject({
      code: "DRIVER_PORT_FAILED",
    });
    await device.stop();
  });
});

test("a technician types JSON lines", async () => {
  const run = JSON.stringify({ kind: "serial-scanner", tcpPort: 0 });
  const words = [...programExecArgv, programFile("simulators/device-process"), run];
  const child = spawn(process.execPath, words, { stdio: ["pipe", "pipe", "inherit"] });
  let printed = "";
  child.stdout.setEncoding("utf8").on("data", (text: string) => {
    printed += text;
  });
  const lines = async (count: number) => {
    while (printed.split("\n").length <= count) await new Promise((done) => setTimeout(done, 5));
    return printed.split("\n").map((line) => line && JSON.parse(line));
  };
  const [ready] = await lines(1);
  expect(ready).toMatchObject({ type: "ready" });
  const [host = "", port] = ready.address.split(":");
  const driver = await openTcp({ host, port: Number(port) });
  child.stdin.write('{"type":"scan","data":"4006381333931"}\nnot json\n');
  const chunk = await driver.chunks[Symbol.asyncIterator]().next();
  expect(Buffer.from(chunk.value).toString()).toBe("4006381333931\r");
  expect((await lines(2))[1]).toMatchObject({ type: "refused" });
  const ended = new Promise((resolve) => child.once("exit", resolve));
  child.kill("SIGINT");
  expect(await ended).toBe(0);
  await driver.close();
});

test.each([
  [{ kind: "r2000" }, /ptyPath or a tcpPort/],
  [{ kind: "toaster", tcpPort: 0 }, /kind/],
  [{ kind: "r2000", tcpPort: 0, options: { antennas: 3 } }, /antennas/],
])("refused: %j", async (run, message) => {
  await expect(startDevice(run as Parameters<typeof startDevice>[0])).rejects.toThrow(message);
});
