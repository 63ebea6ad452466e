// The edge's own commands, serialport and node-hid against device nodes, a /sys and a udev that umockdev
// shows them. `npm run test:hardware`.

import { spawnSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { stringify } from "yaml";
import { type Reading, readingSchema } from "../../contract/reading.ts";
import { hidScaleIds, hidScannerIds, mockedDevices, readerLink } from "./mocked-devices.ts";

const root = fileURLToPath(new URL("../../", import.meta.url));
const works = (program: string, ...words: string[]) => spawnSync(program, words).status === 0;
const loads = (code: string) => works(process.execPath, "-e", code);
const hasUmockdev = works("umockdev-run", "--version");
const hasUdevadm = works("udevadm", "--version");
const hasCompiler = works("cc", "--version");
const hasHid = loads('require("node-hid").devices()');
const hasSerial = loads('require("serialport")');
const recordSeconds = 6;

let folder = "";
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), "gondola-umockdev-"));
  if (!hasUmockdev || !hasCompiler) return;
  const source = join(root, "test/hardware/umockdev-paths.c");
  const words = ["-shared", "-fPIC", "-o", join(folder, "paths.so"), source];
  const { status, stderr } = spawnSync("cc", words, { encoding: "utf8" });
  expect(status, stderr).toBe(0);
});
afterAll(() => rmSync(folder, { recursive: true }));

/** Runs a Node program among the mocked devices. */
function underUmockdev(...words: string[]): { stdout: string; status: number | null } {
  const preload = `LD_PRELOAD=${join(folder, "paths.so")}:$LD_PRELOAD`;
  const shell = ["sh", "-c", `${preload} exec "$@"`, "sh", ...words];
  const all = [...mockedDevices(folder), "--", ...shell];
  const options = { cwd: root, encoding: "utf8", timeout: 30_000 } as const;
  const { stdout, stderr, status } = spawnSync("umockdev-run", all, options);
  expect(stderr).not.toMatch(/free\(\)|invalid|mismatch/);
  return { stdout, status };
}

/** What an expression gives, as JSON. */
function listed(code: string): Record<string, unknown>[] {
  const { stdout } = underUmockdev(
    process.execPath,
    "-e",
    `(async () => console.log(JSON.stringify(await ${code})))()`,
  );
  return JSON.parse(stdout);
}

describe.skipIf(!hasUmockdev || !hasCompiler)("with umockdev and a C compiler", () => {
  test("`gondola-edge devices` lists the adapter by its by-id path, the scale and the scanner", () => {
    const { stdout, status } = underUmockdev(process.execPath, "dist/edge/cli.js", "devices");
    expect(status, stdout).toBe(0);
    expect(stdout).toContain(
      `/dev/ttyUSB0  0403:6001 FTDI FT232R USB UART\n  configure as: ${readerLink}\n`,
    );
    expect(stdout).toContain("/dev/hidraw0  0922:8003 Mock Postal Scale\n");
    expect(stdout).toContain("configure as: { hid: { vendorId: 0x0922, productId: 0x8003 } }\n");
    expect(stdout).toContain("/dev/hidraw1  0c2e:0200 Mock Scanner\n");
  });

  test.skipIf(!hasSerial || !hasUdevadm)("serialport lists the adapter (with udevadm)", () => {
    expect(listed('require("serialport").SerialPort.list()')).toMatchObject([
      { path: "/dev/ttyUSB0", vendorId: "0403", productId: "6001", serialNumber: "A50285BI" },
    ]);
  });

  test.skipIf(!hasHid)("node-hid lists the scale and the scanner", () => {
    const devices = listed('require("node-hid").devicesAsync()');
    const ids = devices.map(({ vendorId, productId, serialNumber }) => [
      vendorId,
      productId,
      serialNumber,
    ]);
    expect(ids.sort()).toEqual([
      [0x0922, 0x8003, "0000042"],
      [0x0c2e, 0x0200, "0000042"],
    ]);
  });

  describe.skipIf(!hasHid || !hasSerial)("`gondola-edge record`", () => {
    let stdout = "";
    let readings: readonly Reading[] = [];

    beforeAll(() => {
      const config = join(folder, "edge.yaml");
      const out = join(folder, "readings.jsonl");
      writeFileSync(config, stringify(edgeConfig(join(folder, "data"))));
      const record = [process.execPath, "dist/edge/cli.js", "record", "-c", config, "-o", out];
      ({ stdout } = underUmockdev("timeout", "-s", "INT", String(recordSeconds), ...record));
      const lines = readFileSync(out, "utf8").trim().split("\n");
      readings = lines.map((line) => readingSchema.parse(JSON.parse(line)));
    });

    test("a UHF module is opened by its adapter's by-id path, identified and read", () => {
      expect(stdout).toContain('M100 module \\"V10\\", region etsi');
      expect(of("tag", "reader").map(({ epc, rssiDbm }) => [epc, rssiDbm])).toEqual([
        ["E2003412DC030118", -50],
        ["E2003412DC030118", -50],
      ]);
    });

    test("a HID scale is found by its USB ids, identified and read", () => {
      const weights = of("weight", "scale").map((each) => [each.weightGrams, each.status]);
      expect(weights.slice(0, 2)).toEqual([
        [1089, "ok"],
        [1107, "ok"],
      ]);
      expect(weights.at(-1)?.[1]).toBe("overload");
    });

    test("a HID POS scanner is found by its USB ids and read", () => {
      const scans = of("scan", "scanner").map(({ symbology, data }) => [symbology, data]);
      expect(scans).toEqual([["]E0", "9506000134352"]]);
    });

    function of<Kind extends Reading["kind"]>(kind: Kind, deviceId: string) {
      return readings.filter(
        (each): each is Extract<Reading, { kind: Kind }> =>
          each.kind === kind && each.deviceId === deviceId,
      );
    }
  });
});

function edgeConfig(dataDir: string) {
  const devices = [
    { id: "reader", kind: "m100", port: { path: readerLink } },
    { id: "scale", kind: "hid-scale", port: { hid: hidScaleIds } },
    { id: "scanner", kind: "hid-scanner", port: { hid: hidScannerIds } },
  ];
  const broker = { url: "mqtt://127.0.0.1:9" };
  return { storeId: "s0042", edgeId: "e-1", dataDir, broker, devices };
}
