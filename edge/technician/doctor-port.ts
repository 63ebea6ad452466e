// Ports of the configured devices: whether they are there, allowed and free, and the settings of their USB
// adapters that cost time or bytes. Serial ports are not opened; network addresses and HID devices are.

import { realpath } from "node:fs/promises";
import { join } from "node:path";
import { errorMessageOf, type GatewayError } from "../../contract/errors.ts";
import type { MqttSettings } from "../../drivers/transport/network-settings.ts";
import { openPort, type PortConfig, portKey } from "../../drivers/transport/port.ts";
import { findPortTrouble } from "../../drivers/transport/serial-error.ts";
import { type Finding, fail, ok, warn } from "./finding.ts";
import { attributeOf, usbFolderOf } from "./sysfs.ts";

/** An FTDI adapter that holds bytes back longer than this makes questions and answers slow. */
const latencyTimerMsMax = 4;

/** Checks one device's port; `root` is `/` but in tests. */
export async function checkPort(
  deviceId: string,
  port: PortConfig,
  root: string,
): Promise<Finding[]> {
  const check = `port ${deviceId}`;
  if (!("path" in port)) return [await tryToOpen(check, port)];
  const trouble = await findPortTrouble(port.path);
  const usb = await checkUsb(`usb ${deviceId}`, port.path, root);
  return [serialFinding(check, port.path, trouble), ...usb];
}

function serialFinding(check: string, path: string, trouble: GatewayError | undefined): Finding {
  if (trouble === undefined) return ok(check, `${path} is there, allowed and free`);
  const { code, message } = trouble;
  switch (code) {
    case "DRIVER_PORT_BUSY":
      // The daemon itself is who should hold it.
      if (/gondola-edge|edge\/cli\.js/.test(message)) return ok(check, message);
      return fail(check, message, "end that program, or give it another port");
    case "DRIVER_PORT_DENIED":
      return fail(check, message, `or a udev rule: ${udevRule}`);
    default:
      return fail(check, message, "plug it in, or take a path that `gondola-edge devices` shows");
  }
}

const udevRule =
  'in /etc/udev/rules.d/61-gondola.rules: SUBSYSTEM=="tty", KERNEL=="ttyUSB*|ttyACM*", GROUP="dialout", MODE="0660"';

async function tryToOpen(check: string, port: PortConfig): Promise<Finding> {
  try {
    // The speed is of no matter: no serial line is opened here. A broker must not take us for the daemon.
    const { clientId: _, ...mqtt } = "mqtt" in port ? port.mqtt : {};
    const transport = await openPort("mqtt" in port ? { mqtt: mqtt as MqttSettings } : port, 9600);
    await transport.close();
    return ok(check, `${portKey(port)} can be opened`);
  } catch (error) {
    return fail(check, errorMessageOf(error), "check its power, its cable and its address");
  }
}

async function checkUsb(check: string, path: string, root: string): Promise<Finding[]> {
  const device = await realpath(join(root, path)).catch(() => undefined);
  const name = device?.replace(/^.*\//, "") ?? "";
  if (!/^tty(USB|ACM)\d+$/.test(name)) return [];
  const findings: Finding[] = [];
  const timerFile = `sys/bus/usb-serial/devices/${name}/latency_timer`;
  const timerMs = Number((await attributeOf(join(root, timerFile))) ?? 0);
  if (timerMs > latencyTimerMsMax) {
    const remedy = `echo 1 > /${timerFile}; for good: install systemd/60-gondola.rules`;
    findings.push(warn(check, `the adapter holds bytes back for ${timerMs} ms`, remedy));
  }
  const folder = await usbFolderOf(join(root, "sys/class/tty", name, "device"));
  const controlFile = join(folder ?? "", "power/control");
  if (folder !== undefined && (await attributeOf(controlFile)) === "auto") {
    const file = controlFile.slice(root.length - (root.endsWith("/") ? 1 : 0));
    const remedy = `echo on > ${file}; for good: install systemd/60-gondola.rules`;
    findings.push(warn(check, "the kernel may put the adapter to sleep", remedy));
  }
  if (findings.length === 0)
    findings.push(ok(check, "latency timer and autosuspend are as they should be"));
  return findings;
}
