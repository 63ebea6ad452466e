// The edge's own `record` against a device node and a /sys that umockdev shows it: real node-hid, found by USB
// ids. `npm run test:hardware`.

import { spawnSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { stringify } from "yaml";
import { type Reading, readingSchema } from "../../contract/reading.ts";
import { hidScaleIds, mockedDevices } from "./mocked-devices.ts";

const hasUmockdev = spawnSync("umockdev-run", ["--version"]).status === 0;
const hasHid = spawnSync(process.execPath, ["-e", 'require("node-hid").devices()']).status === 0;
const recordSeconds = 4;

let folder = "";
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), "gondola-umockdev-"));
});
afterAll(() => rmSync(folder, { recursive: true }));

function underUmockdev(...command: string[]) {
  const words = [...mockedDevices(folder), "--", ...command];
  return spawnSync("umockdev-run", words, { encoding: "utf8", timeout: 30_000 });
}

describe.skipIf(!hasUmockdev)("with umockdev (Debian package umockdev)", () => {
  test.skipIf(!hasHid)("a HID scale is found by its USB ids, identified and read", () => {
    const config = join(folder, "edge.yaml");
    const out = join(folder, "readings.jsonl");
    const devices = [{ id: "hid", kind: "hid-scale", port: { hid: hidScaleIds } }];
    const broker = { url: "mqtt://127.0.0.1:9" };
    const dataDir = join(folder, "data");
    writeFileSync(config, stringify({ storeId: "s0042", edgeId: "e-1", dataDir, broker, devices }));
    const record = [process.execPath, "dist/edge/cli.js", "record", "-c", config, "-o", out];
    const { stdout } = underUmockdev("timeout", "-s", "INT", String(recordSeconds), ...record);
    const lines = readFileSync(out, "utf8").trim().split("\n");
    const readings = lines.map((line) => readingSchema.parse(JSON.parse(line)));
    expect(stdout).toContain("device_identified");
    expect(weightsOf(readings, "hid").slice(0, 2)).toEqual([
      [1089, "ok"],
      [1107, "ok"],
    ]);
    expect(weightsOf(readings, "hid").at(-1)?.[1]).toBe("overload");
  });
});

function weightsOf(readings: readonly Reading[], deviceId: string): [number, string][] {
  return readings.flatMap((reading) => {
    if (reading.kind !== "weight" || reading.deviceId !== deviceId) return [];
    return [[reading.weightGrams, reading.status]];
  });
}
