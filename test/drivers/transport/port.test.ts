import { mkdtempSync, rmSync, symlinkSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import {
  isShared,
  type PortConfig,
  portConfigSchema,
  portKey,
  portWarning,
} from "../../../drivers/transport/port.ts";

const parse = (input: unknown): PortConfig => portConfigSchema.parse(input);

describe("the configuration of a port", () => {
  test("a serial line has the usual settings", () => {
    expect(parse({ path: "/dev/ttyS0" })).toEqual({
      path: "/dev/ttyS0",
      dataBits: 8,
      parity: "none",
      stopBits: 1,
    });
  });

  test.each([
    { path: "ttyUSB0" },
    { path: "/dev/x", baudRate: 10 },
    { path: "/dev/x", speed: 9600 },
    { host: "reader", port: 0 },
    { host: "a b", port: 1 },
    { path: "/dev/x", host: "reader", port: 1 },
    {},
    { hid: {} },
    { hid: { vendorId: 1, productId: 2 }, path: "/dev/x" },
    { input: { path: "event0" } },
    { gpio: {} },
    { gpio: { chip: "two words" } },
    { gpio: { chip: "pinctrl-rp1", via: "ioctl" } },
  ])("refused: %j", (input) => {
    expect(portConfigSchema.safeParse(input).success).toBe(false);
  });

  test("two links to one device are one port", () => {
    const folder = mkdtempSync(join(tmpdir(), "gondola-port-"));
    symlinkSync("/dev/null", join(folder, "a"));
    symlinkSync("/dev/null", join(folder, "b"));
    const [first, second] = ["a", "b"].map((name) => portKey(parse({ path: join(folder, name) })));
    expect(first).toBe("/dev/null");
    expect(second).toBe(first);
    rmSync(folder, { recursive: true });
    expect(portKey(parse({ path: "/dev/not-there" }))).toBe("/dev/not-there");
    expect(portKey(parse({ host: "Reader", port: 4001 }))).toBe("reader:4001");
    const scale = { vendorId: 0x0922, productId: 0x8003 };
    expect(portKey(parse({ hid: scale }))).toBe("hid 0922:8003");
    expect(portKey(parse({ hid: { ...scale, serialNumber: "7" } }))).toBe("hid 0922:8003 7");
    expect(portKey(parse({ hid: { path: "/dev/not-there" } }))).toBe("/dev/not-there");
    expect(portKey(parse({ input: { path: "/dev/not-there" } }))).toBe("/dev/not-there");
  });

  test("a GPIO chip is shared by devices, as each has lines of its own", () => {
    const chip = parse({ gpio: { chip: "pinctrl-rp1" } });
    expect(chip).toEqual({ gpio: { chip: "pinctrl-rp1", via: "auto" } });
    expect([isShared(chip), isShared(parse({ path: "/dev/ttyS0" }))]).toEqual([true, false]);
    expect(portKey(chip)).toBe("GPIO chip pinctrl-rp1");
    expect(portWarning(chip)).toBeUndefined();
    expect(portWarning(parse({ gpio: { chip: "gpiochip4" } }))).toContain("label");
  });

  test("a numbered path is warned of, a stable one is not", () => {
    expect(portWarning(parse({ path: "/dev/ttyUSB0" }))).toContain("/dev/serial/by-id");
    expect(portWarning(parse({ path: "/dev/ttyACM12" }))).toBeDefined();
    expect(portWarning(parse({ path: "/dev/serial/by-id/usb-x" }))).toBeUndefined();
    expect(portWarning(parse({ hid: { path: "/dev/hidraw3" } }))).toContain("vendorId");
    expect(portWarning(parse({ input: { path: "/dev/input/event3" } }))).toContain("by-id");
    expect(portWarning(parse({ hid: { vendorId: 1, productId: 2 } }))).toBeUndefined();
    expect(portWarning(parse({ path: "/dev/ttyS0" }))).toBeUndefined();
    expect(portWarning(parse({ host: "reader", port: 1 }))).toBeUndefined();
  });
});
