import { afterEach, describe, expect, test } from "vitest";
import { openGpio } from "../../../drivers/transport/gpio.ts";
import { encodeHostRecord, type HostRecord } from "../../../drivers/transport/gpio-record.ts";
import { gpioSettingsSchema } from "../../../drivers/transport/gpio-settings.ts";
import { hasSysfsGpio, listSysfsChips } from "../../../drivers/transport/gpio-sysfs.ts";
import type { Transport } from "../../../drivers/transport/transport.ts";
import { type MadeChip, SysfsKit } from "./gpio-sysfs-kit.ts";
import { ToolKit } from "./gpio-tools-kit.ts";

/** A Raspberry Pi 4 with kernel 6.6: the base is 512, and 570 for the second chip. */
const pi: MadeChip[] = [
  { label: "pinctrl-bcm2711", base: 512, lineCount: 58, name: "gpiochip0" },
  { label: "raspberrypi-exp-gpio", base: 570, lineCount: 8, name: "gpiochip1" },
];
/** The same board before. */
const oldPi: MadeChip[] = [{ label: "pinctrl-bcm2711", base: 0, lineCount: 58 }];

const kits: { remove(): void }[] = [];
const opened: Transport[] = [];
afterEach(async () => {
  await Promise.all(opened.splice(0).map((transport) => transport.close()));
  for (const kit of kits.splice(0)) kit.remove();
});

async function open(kit: SysfsKit, settings: object = {}, toolFolder?: string) {
  kits.push(kit);
  const parsed = gpioSettingsSchema.parse({ chip: "pinctrl-bcm2711", ...settings });
  const system = { sysfs: kit.root, ...(toolFolder === undefined ? {} : { toolFolder }) };
  const transport = await openGpio(parsed, system, kit.library);
  opened.push(transport);
  const said: string[] = [];
  let ended: unknown;
  void (async () => {
    for await (const chunk of transport.chunks) said.push(Buffer.from(chunk).toString().trim());
  })().catch((error: unknown) => {
    ended = error;
  });
  const ask = (record: HostRecord) => transport.write(encodeHostRecord(record));
  return { transport, said, ask, ended: () => ended };
}

describe("chips", () => {
  test("are listed with base, and with the name of the character device where it is sure", async () => {
    const kit = new SysfsKit(pi);
    kits.push(kit);
    expect(await listSysfsChips(kit.root)).toEqual(pi);
    expect(await hasSysfsGpio(kit.root)).toBe(true);
    expect(await hasSysfsGpio("/nowhere")).toBe(false);
    expect(await listSysfsChips("/nowhere")).toEqual([]);
  });

  test.each([
    ["base 512", pi, 529],
    ["base 0", oldPi, 17],
  ])("line 17 is the same line with %s", async (_what, chips, number) => {
    const kit = new SysfsKit(chips);
    const { said, ask } = await open(kit);
    await ask({ type: "watch", offset: 17, bias: "as_is" });
    await expect.poll(() => said).toEqual(["level 17 0"]);
    expect([...kit.lines.keys()]).toEqual([number]);
    expect(kit.read(number, "edge")).toBe("both");
  });

  test("by its name too", async () => {
    const { said, ask } = await open(new SysfsKit(pi), { chip: "gpiochip1" });
    await ask({ type: "identify" });
    await expect.poll(() => said).toEqual(["chip 8 gpiochip1 raspberrypi-exp-gpio"]);
  });

  test("another is missing: the message lists those that are there", async () => {
    const error = await open(new SysfsKit(pi), { chip: "pinctrl-rp1" }).catch(String);
    expect(error).toContain("pinctrl-bcm2711 (gpiochip0, 58 lines), raspberrypi-exp-gpio");
  });
});

describe("a line", () => {
  test("that is watched tells its level and its edges; a pulse too short to be seen too", async () => {
    const kit = new SysfsKit(pi);
    const { said, ask, transport } = await open(kit);
    await ask({ type: "watch", offset: 17, bias: "as_is" });
    await expect.poll(() => said.length).toBe(1);
    const line = kit.lines.get(529)!;
    kit.set(529, "value", "1");
    line.interrupt();
    line.interrupt();
    await expect.poll(() => said).toEqual(["level 17 0", "edge 17 1 0", "edge 17 1 0"]);
    await transport.close();
    expect(kit.unexported).toEqual([529]);
  });

  test("that is driven begins at its level, without the other in between", async () => {
    const kit = new SysfsKit(pi);
    const { said, ask } = await open(kit);
    await ask({ type: "drive", offset: 5, level: 1 });
    await ask({ type: "drive", offset: 5, level: 0 });
    await expect.poll(() => said).toEqual(["driven 5 1", "driven 5 0"]);
    expect([kit.read(517, "direction"), kit.read(517, "value")]).toEqual(["out", "0"]);
  });

  test("that a crash left exported is taken over", async () => {
    const kit = new SysfsKit(pi);
    kit.export(529);
    const { said, ask } = await open(kit);
    await ask({ type: "watch", offset: 17, bias: "as_is" });
    await expect.poll(() => said).toEqual(["level 17 0"]);
  });

  test("of an unplugged chip ends the port instead of the process", async () => {
    const kit = new SysfsKit(pi);
    const { said, ask, ended } = await open(kit);
    await ask({ type: "watch", offset: 17, bias: "as_is" });
    await expect.poll(() => said.length).toBe(1);
    const line = kit.lines.get(529)!;
    line.isBroken = true;
    line.interrupt();
    await expect.poll(ended).toMatchObject({ code: "DRIVER_PORT_LOST" });
    expect(line.isWatched).toBe(false);
  });

  test("of a chip that went without an edge is missed at the next question", async () => {
    const kit = new SysfsKit(pi);
    const { said, ask, ended } = await open(kit);
    await ask({ type: "watch", offset: 17, bias: "as_is" });
    await expect.poll(() => said.length).toBe(1);
    kit.lines.get(529)!.isBroken = true;
    await ask({ type: "identify" });
    await expect.poll(ended).toMatchObject({ code: "DRIVER_PORT_LOST" });
  });

  test.each([
    ["has no interrupts", "edge", undefined, "has no interrupts"],
    ["does not take the edges", "edge", "none", 'says "none", not "both"'],
    ["does not become an input", "direction", "out", 'says "out", not "in"'],
  ])("that %s is refused", async (_what, file, content, message) => {
    const kit = new SysfsKit(pi);
    kit.odd.set(file, content);
    kit.export(529);
    const { ask, ended } = await open(kit);
    await ask({ type: "watch", offset: 17, bias: "as_is" });
    await expect.poll(ended).toMatchObject({ code: "DRIVER_PORT_FAILED" });
    expect(String(ended())).toContain(message);
  });

  test.each([
    ["EBUSY", "DRIVER_PORT_BUSY", "line 17 of GPIO chip pinctrl-bcm2711 is held by"],
    ["EACCES", "DRIVER_PORT_DENIED", "group (gpio on Raspberry Pi OS)"],
    ["EINVAL", "DRIVER_PORT_FAILED", "sysfs 529"],
  ])("that the kernel refuses with %s: %s", async (code, ours, message) => {
    const kit = new SysfsKit(pi);
    kit.refusal = Object.assign(new Error(`${code}: refused`), { code });
    const { ask, ended } = await open(kit);
    await ask({ type: "watch", offset: 17, bias: "as_is" });
    await expect.poll(ended).toMatchObject({ code: ours });
    expect(String(ended())).toContain(message);
  });

  test("beyond the chip is refused", async () => {
    const { ask, ended } = await open(new SysfsKit(pi));
    await ask({ type: "watch", offset: 58, bias: "as_is" });
    await expect.poll(ended).toMatchObject({ code: "CONFIG_INVALID" });
  });
});

describe("what sysfs cannot do", () => {
  test("a resistor is set by the tools", async () => {
    const kit = new SysfsKit(pi);
    const tools = new ToolKit("1.6.3");
    kits.push(tools);
    tools.setLevel(17, 1);
    const { said, ask } = await open(kit, {}, tools.folder);
    await ask({ type: "watch", offset: 17, bias: "pull_up" });
    await ask({ type: "watch", offset: 18, bias: "as_is" });
    await expect.poll(() => said).toEqual(["level 17 1", "level 18 0"]);
    await expect.poll(() => tools.holder(17)).toBeDefined();
    expect([...kit.lines.keys()]).toEqual([530]);
  });

  test("and refused where only sysfs may be used", async () => {
    const { ask, ended } = await open(new SysfsKit(pi), { via: "sysfs" });
    await ask({ type: "watch", offset: 17, bias: "pull_up" });
    await expect.poll(ended).toMatchObject({ code: "CONFIG_INVALID" });
    expect(String(ended())).toContain("via: tools");
  });

  test("a sysfs that cannot be written: the tools are used", async () => {
    const kit = new SysfsKit(pi);
    const tools = new ToolKit("2.2.1");
    kits.push(tools);
    kit.close();
    const { said, ask } = await open(kit, {}, tools.folder);
    await ask({ type: "watch", offset: 17, bias: "as_is" });
    await expect.poll(() => said).toEqual(["level 17 0"]);
    await expect.poll(() => tools.holder(17)).toBeDefined();
  });
});

test("the real library loads, and refuses a line where there is no chip", async () => {
  const { Gpio } = await import("onoff");
  // The library has /sys/class/gpio written into it: more of it is tested where there is a kernel with a chip.
  if (!Gpio.accessible)
    expect(() => new Gpio(100_000, "in", "both")).toThrow(/ENOENT|EACCES|EROFS/);
});
