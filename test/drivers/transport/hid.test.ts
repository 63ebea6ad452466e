import { spawnSync } from "node:child_process";
import { EventEmitter } from "node:events";
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { type HidLibrary, type OpenHid, openHid } from "../../../drivers/transport/hid.ts";
import { hidSettingsSchema } from "../../../drivers/transport/hid-settings.ts";
import { isInhibited, silenceKeyboard } from "../../../drivers/transport/keyboard-silence.ts";

const scale = { vendorId: 0x0922, productId: 0x8003, serialNumber: "7", path: "/dev/hidraw9" };
const settings = (input: object) => hidSettingsSchema.parse(input);
const ids = settings({ vendorId: 0x0922, productId: 0x8003, featureReports: ["fe01"] });

/** Speaks as the real library does: errors are strings, and no close follows. */
class FakeHid extends EventEmitter implements OpenHid {
  readonly written: string[] = [];
  readonly featured: string[] = [];
  closeCount = 0;
  isGone = false;
  pause(): void {
    this.emit("paused");
  }
  resume(): void {
    this.emit("resumed");
  }
  async write(report: Buffer): Promise<number> {
    if (this.isGone) throw new Error("Cannot write to hid device");
    return this.written.push(report.toString("hex"));
  }
  async sendFeatureReport(report: Buffer): Promise<number> {
    if (this.isGone) throw new Error("could not send feature report to device");
    return this.featured.push(report.toString("hex"));
  }
  async close(): Promise<void> {
    this.closeCount += 1;
  }
}

function library(hid: FakeHid, opened: string[] = [], failure?: string): HidLibrary {
  return {
    devicesAsync: async () => [{ ...scale, release: 1, interface: 0, product: "M10" }],
    HIDAsync: {
      open: async (path) => {
        opened.push(path);
        if (failure !== undefined) throw new TypeError(failure);
        return hid;
      },
    },
  };
}

describe("a HID device", () => {
  test("is found by its ids; a report is a chunk; feature reports are sent first", async () => {
    const hid = new FakeHid();
    const opened: string[] = [];
    const transport = await openHid(ids, library(hid, opened));
    expect([opened, hid.featured]).toEqual([["/dev/hidraw9"], ["fe01"]]);
    const chunks = transport.chunks[Symbol.asyncIterator]();
    hid.emit("data", Buffer.from("030402000500", "hex"));
    hid.emit("data", Buffer.from("030402000600", "hex"));
    expect((await chunks.next()).value).toHaveLength(6);
    expect((await chunks.next()).value).toHaveLength(6);
    await transport.write(Uint8Array.of(2, 2));
    expect(hid.written).toEqual(["0202"]);
    await transport.close();
    await transport.close();
    expect(hid.closeCount).toBe(1);
  });

  test("is lost: a string from the library becomes DRIVER_PORT_LOST, and it is closed", async () => {
    const hid = new FakeHid();
    const transport = await openHid(ids, library(hid));
    const next = transport.chunks[Symbol.asyncIterator]().next();
    hid.emit("error", "could not read from HID device");
    await expect(next).rejects.toMatchObject({ code: "DRIVER_PORT_LOST" });
    await expect(transport.write(Uint8Array.of(1))).rejects.toMatchObject({
      code: "DRIVER_PORT_LOST",
    });
    expect(hid.closeCount).toBe(1);
  });

  test("is not there: the message names those that are", async () => {
    const other = settings({ vendorId: 0x0922, productId: 0x8003, serialNumber: "8" });
    await expect(openHid(other, library(new FakeHid()))).rejects.toMatchObject({
      code: "DRIVER_PORT_MISSING",
      message: expect.stringContaining("0922:8003 serial 7 (M10)"),
    });
  });

  test("a path that is not there, and one that is", async () => {
    const opened: string[] = [];
    const gone = settings({ path: "/dev/gondola-not-there" });
    await expect(openHid(gone, library(new FakeHid(), opened))).rejects.toMatchObject({
      code: "DRIVER_PORT_MISSING",
    });
    await openHid(settings({ path: "/dev/null" }), library(new FakeHid(), opened));
    expect(opened).toEqual(["/dev/null"]);
  });

  test("does not open, or refuses its feature report", async () => {
    const failing = library(new FakeHid(), [], "cannot open device with path /dev/hidraw9");
    await expect(openHid(ids, failing)).rejects.toMatchObject({
      code: expect.stringMatching(/^DRIVER_PORT_(FAILED|MISSING)$/),
    });
    const hid = new FakeHid();
    hid.isGone = true;
    await expect(openHid(ids, library(hid))).rejects.toMatchObject({ code: "DRIVER_PORT_FAILED" });
    expect(hid.closeCount).toBe(1);
  });
});

describe("a keyboard is silenced", () => {
  let sysfs = "";
  const attribute = () => join(sysfs, "class/hidraw/hidraw9/device/input/input4/inhibited");
  beforeEach(() => {
    sysfs = mkdtempSync(join(tmpdir(), "gondola-sysfs-"));
    mkdirSync(join(attribute(), ".."), { recursive: true });
  });
  afterEach(() => rmSync(sysfs, { recursive: true }));
  const silence = (silenceIt = true) =>
    silenceKeyboard("/dev/hidraw9", { silenceKeyboard: silenceIt }, sysfs);

  test("by its attribute, and left alone where that is set or not wanted", async () => {
    writeFileSync(attribute(), "0\n");
    await silence(false);
    expect(readFileSync(attribute(), "utf8")).toBe("0\n");
    await silence();
    expect(readFileSync(attribute(), "utf8")).toBe("1");
    await silence();
  });

  test("refused where the kernel cannot, no matter where there is no keyboard", async () => {
    await expect(silence()).rejects.toMatchObject({ code: "DRIVER_PORT_FAILED" });
    await silenceKeyboard("/dev/hidraw8", { silenceKeyboard: true }, sysfs);
  });

  test("an event node knows whether it is", async () => {
    const folder = join(sysfs, "class/input/event3/device");
    mkdirSync(folder, { recursive: true });
    expect(await isInhibited("/dev/input/event3", sysfs)).toBe(false);
    writeFileSync(join(folder, "inhibited"), "1\n");
    expect(await isInhibited("/dev/input/event3", sysfs)).toBe(true);
  });
});

test.each([{}, { vendorId: 1 }, { vendorId: 1, productId: 2, path: "/dev/x" }, { path: "x" }])(
  "refused: %j",
  (input) => expect(hidSettingsSchema.safeParse(input).success).toBe(false),
);

test("a package that does not load is named, with the loader's word and what to run", () => {
  const word = "libudev.so.1: cannot open shared object file";
  const resolve = `export async function resolve(name, context, next) {
    if (name === "node-hid") throw new Error("${word}");
    return next(name, context);
  }`;
  const url = (code: string) => `data:text/javascript,${encodeURIComponent(code)}`;
  const hook = url(
    `import { register } from "node:module"; register(${JSON.stringify(url(resolve))});`,
  );
  const program = `
    const { openHid } = await import("./drivers/transport/hid.ts");
    await openHid({ vendorId: 1, productId: 2 }).catch((error) => console.log(error.code, error.message));`;
  const words = ["--import", "tsx", "--import", hook, "--input-type=module", "-e", program];
  const root = join(import.meta.dirname, "../../..");
  const { stdout } = spawnSync(process.execPath, words, { cwd: root, encoding: "utf8" });
  expect(stdout).toContain("DRIVER_NATIVE_MISSING package node-hid does not load");
  expect(stdout).toContain(word);
  expect(stdout).toContain("npm run setup");
});
