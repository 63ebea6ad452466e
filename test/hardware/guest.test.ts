// The edge in a kernel of its own (QEMU, software emulation): real USB serial, HID and keyboard drivers, udev with
// the project's rules, and plugs that are pulled. One guest serves all tests, in their order. `npm run test:hardware`.

import { spawnSync } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { stringify } from "yaml";
import { hasGpioChip, Machine, whyNoGuest } from "./guest/machine.ts";
import { Recorder, recorderPorts } from "./guest/recorder.ts";
import {
  devicePorts,
  edgeConfig,
  gadgetCommands,
  gpioCommands,
  keyboard,
  links,
  plugCommands,
  readerAdapter,
  SimulatedDevices,
} from "./guest/simulated-devices.ts";

const root = fileURLToPath(new URL("../../", import.meta.url));
const absent = whyNoGuest();
const hasGpio = hasGpioChip();
const hasGpioTools = hasGpio && spawnSync("gpiomon", ["--version"]).status === 0;
const title = `in a QEMU guest${absent === undefined ? "" : ` (${absent})`}`;
/** Of every test: the guest is slow, and slower beside other tests. */
const timeout = 240_000;
const poll = { timeout: 60_000, interval: 500 };
const autosuspend = "cat $(dirname $(grep -l 0403 /sys/bus/usb/devices/*/idVendor))/power/control";
const scaleNode = "grep -l 'Postal Scale' /sys/class/hidraw/*/device/uevent";
const typedFile = "/tmp/typed";

const gpioNames = [
  ...(hasGpio ? (["portal", "lights"] as const) : []),
  ...(hasGpioTools ? (["dock"] as const) : []),
];

let folder = "";
let machine: Machine;
let devices: SimulatedDevices;
let recorder: Recorder;
const startedAtMs = Date.now();

beforeAll(async () => {
  if (absent !== undefined) return;
  folder = mkdtempSync(join(tmpdir(), "gondola-guest-"));
  // Before the guest looks at the folder: it keeps what it saw.
  const config = edgeConfig(join(folder, "data"), gpioNames);
  writeFileSync(join(folder, "edge.yaml"), stringify(config));
  machine = await Machine.boot({
    folder,
    ports: [...devicePorts, ...recorderPorts],
    sockets: ["reader"],
    devices: [readerAdapter, keyboard],
  });
  devices = new SimulatedDevices(machine);
  recorder = new Recorder(machine);
  const commands = [...gadgetCommands, ...(hasGpio ? gpioCommands : [])];
  for (const command of commands) await machine.run(command);
  for (const command of Object.values(plugCommands)) await machine.run(command);
}, timeout);

afterAll(async () => {
  if (absent !== undefined) return;
  devices?.stop();
  await machine?.stop();
  rmSync(folder, { recursive: true, force: true });
  const seconds = Math.round((Date.now() - startedAtMs) / 1000);
  process.stdout.write(
    `guest: kernel and seconds to boot ${machine?.ready}; ${seconds} s in all\n`,
  );
}, timeout);

describe.skipIf(absent !== undefined)(title, { timeout }, () => {
  test("the shipped udev rules give group and names, set the latency timer, and silence scanners' keyboards", async () => {
    expect(await machine.run("stat -c '%G %a' /dev/hidraw*")).toContain("dialout 660");
    expect(await machine.run("ls /dev/gondola")).toContain("pci-");
    expect(await machine.run("cat /sys/bus/usb-serial/devices/ttyUSB0/latency_timer")).toBe("1\n");
    expect(await machine.run(autosuspend)).toBe("on\n");
    const keyboards = await machine.run(
      'for each in /sys/class/input/input*; do echo "$(cat $each/name) $(cat $each/inhibited)"; done',
    );
    expect(keyboards).toContain("POS Scanner 1\n");
    expect(keyboards).toContain("Wedge Scanner 0\n");
  });

  test("a keyboard that nobody silenced types into the console", async () => {
    await machine.run(`stty -F /dev/tty1 raw -echo; cat /dev/tty1 >${typedFile} & sleep 1`);
    devices.control("wedge", { type: "scan", data: "loud4711" });
    await expect.poll(() => machine.run(`cat ${typedFile}`), poll).toContain("loud4711");
  });

  test("`gondola-edge devices` lists all by their stable names", async () => {
    const listed = await machine.run(`cd ${root} && node dist/edge/cli.js devices`);
    expect(listed).toContain(
      `/dev/ttyUSB0  0403:6001 QEMU QEMU USB SERIAL\n  configure as: ${links.reader}\n`,
    );
    expect(listed).toContain(
      `/dev/ttyACM0  0525:a4a7 Gondola Desk Scanner\n  configure as: ${links.cdc}\n`,
    );
    expect(listed).toContain("0922:8003 Gondola Postal Scale\n");
    expect(listed).toContain("{ hid: { vendorId: 0x1d57, productId: 0x001c } }");
  });
});

describe.skipIf(absent !== undefined)(`${title}: \`gondola-edge record\``, { timeout }, () => {
  beforeAll(async () => {
    const command = `node dist/edge/cli.js record -c ${folder}/edge.yaml -o $(port_of readings)`;
    await machine.run(`cd ${root}; ${command} >$(port_of log) 2>&1 & edge=$!`);
  }, timeout);

  describe("serial", testSerial);
  describe("HID and keyboards", testHid);
  describe("GPIO", testGpio);

  test("it ends when it is told to, whatever its devices do", async () => {
    const from = recorder.count;
    expect(await machine.run("kill -TERM $edge; wait $edge; echo $?")).toBe("0\n");
    for (const deviceId of ["reader", "cdc", "scale", "scanner", "wedge", "keys", ...gpioNames]) {
      const { reason } = await recorder.next("device", deviceId, from, isOffline);
      expect(reason).toBe("stopped");
    }
  });
});

function testSerial(): void {
  test("an RFID reader behind an FTDI adapter is identified by its by-id path and read", async () => {
    const epc = "3034257BF7194E4000001A85";
    devices.control("reader", { type: "field", tags: [{ epc, antenna: 1, rssiDbm: -45 }] });
    await recorder.next("device", "reader", 0, isOnline);
    expect(await recorder.next("tag", "reader", 0)).toMatchObject({ epc, antenna: 1 });
  });

  test("the adapter is unplugged and comes back under another number: offline, online, and readings go on", async () => {
    // Somebody holds the old node open, so that its number is taken.
    const numberBefore = await machine.run(`exec 7<${links.reader}; readlink ${links.reader}`);
    const pull = () => machine.unplug("reader");
    const from = await replug("reader", pull, () => machine.plug(readerAdapter));
    await recorder.next("tag", "reader", from);
    expect(await machine.run(`readlink ${links.reader}`)).not.toBe(numberBefore);
  });

  test("a CDC scanner is read by its by-id path, and again after it was unplugged", async () => {
    await recorder.next("device", "cdc", 0, isOnline);
    devices.control("cdc", { type: "scan", data: "9506000134352" });
    expect(await recorder.next("scan", "cdc", 0)).toMatchObject({ data: "9506000134352" });
    const from = await replugGadget("cdc");
    devices.control("cdc", { type: "scan", data: "4006381333931" });
    expect(await recorder.next("scan", "cdc", from)).toMatchObject({ data: "4006381333931" });
  });
}

function testHid(): void {
  test("a HID scale is read by its USB ids, and again under another number after it was unplugged", async () => {
    devices.control("scale", { type: "load", weightGrams: 1234 });
    const isLoaded = ({ weightGrams }: { weightGrams: number }) => weightGrams === 1234;
    expect(await recorder.next("weight", "scale", 0, isLoaded)).toMatchObject({ status: "ok" });
    // Somebody holds the old node open, so that its number is taken.
    const numberBefore = await machine.run(scaleNode);
    await machine.run(`exec 8</dev/$(${scaleNode} | cut -d/ -f5)`);
    const from = await replugGadget("scale");
    await recorder.next("weight", "scale", from, isLoaded);
    expect(await machine.run(scaleNode)).not.toBe(numberBefore);
  });

  test("a HID POS scanner is read by its USB ids, and again after it was unplugged", async () => {
    await recorder.next("device", "scanner", 0, isOnline);
    const scan = { symbology: "]d2", data: `0109506000134352\x1d21${"A".repeat(60)}` };
    devices.control("scanner", { type: "scan", ...scan });
    expect(await recorder.next("scan", "scanner", 0)).toMatchObject(scan);
    const from = await replugGadget("scanner");
    devices.control("scanner", { type: "scan", symbology: "]E0", data: "4006381333931" });
    expect(await recorder.next("scan", "scanner", from)).toMatchObject({ data: "4006381333931" });
  });

  test("a keyboard wedge is read, and the console hears nothing of it", async () => {
    await recorder.next("device", "wedge", 0, isOnline);
    devices.control("wedge", { type: "scan", data: "quiet-0815" });
    expect(await recorder.next("scan", "wedge", 0)).toMatchObject({ data: "quiet-0815" });
    const from = await replugGadget("wedge");
    devices.control("wedge", { type: "scan", data: "Quiet/0816" });
    expect(await recorder.next("scan", "wedge", from)).toMatchObject({ data: "Quiet/0816" });
    expect(await machine.run(`cat ${typedFile}`)).not.toMatch(/081[56]/);
  });

  test("a keyboard is read by its event node, and again after it was unplugged", async () => {
    await recorder.next("device", "keys", 0, isOnline);
    machine.type("event4711");
    expect(await recorder.next("scan", "keys", 0)).toMatchObject({ data: "event4711" });
    const pull = () => machine.unplug("keys");
    const from = await replug("keys", pull, () => machine.plug(keyboard));
    machine.type("event4712");
    expect(await recorder.next("scan", "keys", from)).toMatchObject({ data: "event4712" });
  });
}

function testGpio(): void {
  const noGpio = hasGpio ? "" : " (skipped: gpio-sim could not be built)";
  test.skipIf(!hasGpio)(`a light beam by onoff on a chip found by its label${noGpio}`, async () => {
    await recorder.next("device", "portal", 0, isOnline);
    await watchBeam("portal");
  });

  test.skipIf(!hasGpio)(`an output is at rest from the start, by onoff${noGpio}`, async () => {
    await recorder.next("device", "lights", 0, isOnline);
    expect(await machine.run("cat $(gpio_line portal 5)/value")).toBe("1\n");
  });

  const noTools = hasGpioTools ? "" : noGpio || " (skipped: Debian's gpiod is not installed)";
  test.skipIf(!hasGpioTools)(`a light beam by gpiomon${noTools}`, async () => {
    await recorder.next("device", "dock", 0, isOnline);
    await watchBeam("dock");
  });

  const chips = gpioNames.filter((name) => name !== "lights");
  test.skipIf(!hasGpio).each(chips)(`the chip %s goes and comes again${noGpio}`, async (chip) => {
    const turn = (live: 0 | 1) => () => machine.run(`echo ${live} >$chips/${chip}/live`);
    await replug(chip, turn(0), turn(1));
    await watchBeam(chip);
  });
}

const isOnline = ({ state }: { state: string }) => state === "online";
const isOffline = ({ state }: { state: string }) => state === "offline";

/** Pulls the plug, sees it said, plugs in again, sees that said too; gives the place after that. */
async function replug(deviceId: string, pull: () => unknown, plug: () => unknown): Promise<number> {
  const from = recorder.count;
  await pull();
  const { reason } = await recorder.next("device", deviceId, from, isOffline);
  expect(reason).toMatch(/^DRIVER_PORT_LOST: /);
  const whileAway = recorder.count;
  await plug();
  await recorder.next("device", deviceId, whileAway, isOnline);
  return recorder.count;
}

/** Interrupts a beam and lets it be; each is an input reading. */
async function watchBeam(chip: string): Promise<void> {
  // A tool takes its line a moment after it was started, which is long in emulation.
  if (hasGpioTools)
    await machine.run(`until gpioinfo ${chip} | grep 'line *3:.*used'; do sleep 1; done`);
  for (const [pull, active] of [
    ["up", true],
    ["down", false],
    ["up", true],
  ]) {
    const from = recorder.count;
    await machine.run(`echo pull-${pull} >$(gpio_line ${chip} 3)/pull`);
    const isMoved = (reading: { active: boolean }) => reading.active === active;
    expect(await recorder.next("input", chip, from, isMoved)).toMatchObject({ line: "beam-outer" });
  }
}

function replugGadget(name: keyof typeof plugCommands): Promise<number> {
  const pull = () => machine.run(`unplug ${name}`);
  return replug(name, pull, () => machine.run(plugCommands[name]));
}
