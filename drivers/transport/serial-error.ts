// Why a serial port did not open, said so that a technician can act: who holds it, which group may
// use it, which ports there are instead. Looks at the system more than at the
// library's message, which has no codes.

import { constants } from "node:fs";
import { access, readdir, readFile, readlink, realpath, stat } from "node:fs/promises";
import { errorMessageOf, GatewayError } from "../../contract/errors.ts";

/** Turns a failed open of `path` (which is `device` behind its links, if that exists) into our error. */
export async function explainOpenError(
  path: string,
  device: string | undefined,
  cause: unknown,
): Promise<GatewayError> {
  const options = { cause, retryable: true };
  if (device === undefined) {
    return new GatewayError("DRIVER_PORT_MISSING", await missingMessage(path), options);
  }
  if (!(await isAccessible(device))) {
    return new GatewayError("DRIVER_PORT_DENIED", await deniedMessage(path, device), options);
  }
  if (/lock|busy/i.test(errorMessageOf(cause))) {
    const unseen = `a process that this user may not see (try: sudo fuser -v ${device})`;
    const who = (await holderOf(device)) ?? unseen;
    const message = `${path} is held by ${who}: end that program, or take another port`;
    return new GatewayError("DRIVER_PORT_BUSY", message, options);
  }
  if (/inappropriate ioctl/i.test(errorMessageOf(cause))) {
    const message = `${path} is no serial line: take a path that \`gondola-edge devices\` shows`;
    return new GatewayError("DRIVER_PORT_FAILED", message, options);
  }
  const message = `${path} cannot be opened: ${errorMessageOf(cause)}`;
  return new GatewayError("DRIVER_PORT_FAILED", message, options);
}

/** DRIVER_PORT_LOST of a device that went away while it was open. */
export function lostError(name: string, cause: unknown): GatewayError {
  const message = `${name} was lost (${errorMessageOf(cause)}): unplugged or powered off`;
  return new GatewayError("DRIVER_PORT_LOST", message, { cause, retryable: true });
}

/** A look at a port that opens nothing: why it could not be opened now; undefined when nothing speaks against it. */
export async function findPortTrouble(path: string): Promise<GatewayError | undefined> {
  const device = await realpath(path).catch(() => undefined);
  if (device === undefined || !(await isAccessible(device))) {
    return await explainOpenError(path, device, undefined);
  }
  const who = await holderOf(device);
  if (who === undefined) return undefined;
  return new GatewayError("DRIVER_PORT_BUSY", `${path} is held by ${who}`, { retryable: true });
}

async function missingMessage(path: string): Promise<string> {
  const folder = "/dev/serial/by-id";
  const names = await readdir(folder).catch(() => []);
  const there = names.length === 0 ? "none" : names.map((name) => `${folder}/${name}`).join(", ");
  return `${path} does not exist: is the device plugged in? Serial devices by id now: ${there}`;
}

async function isAccessible(device: string): Promise<boolean> {
  return access(device, constants.R_OK | constants.W_OK).then(
    () => true,
    (error: NodeJS.ErrnoException) => error.code !== "EACCES",
  );
}

async function deniedMessage(path: string, device: string): Promise<string> {
  const { gid, mode } = await stat(device);
  const group = (await groupName(gid)) ?? `with id ${gid}`;
  const rights = (mode & 0o777).toString(8);
  return (
    `no permission for ${path}: it belongs to group ${group} (mode ${rights}). ` +
    `Add the gateway's user to it (usermod -aG ${group} USER) and start the service anew`
  );
}

async function groupName(gid: number): Promise<string | undefined> {
  const text = await readFile("/etc/group", "utf8").catch(() => "");
  const line = text.split("\n").find((entry) => entry.split(":")[2] === String(gid));
  return line?.split(":")[0];
}

/** The process that locked `device` or, where none did, one that has it open; undefined when none is seen. */
async function holderOf(device: string): Promise<string | undefined> {
  const locker = await lockerOf(device);
  if (locker !== undefined) return describe(locker);
  const pids = (await readdir("/proc").catch(() => [])).filter((name) => /^\d+$/.test(name));
  for (const pid of pids) {
    // Processes end while we look, and those of other users are closed to us: both are no holders.
    const handles = await readdir(`/proc/${pid}/fd`).catch(() => []);
    for (const handle of handles) {
      const target = await readlink(`/proc/${pid}/fd/${handle}`).catch(() => undefined);
      if (target === device) return describe(pid);
    }
  }
  return undefined;
}

// Lines of /proc/locks (proc(5)): `1: FLOCK  ADVISORY  WRITE 20677 00:1a:3 0 EOF`, the device's
// numbers in hex, its inode in decimal.
async function lockerOf(device: string): Promise<string | undefined> {
  const { dev, ino } = await stat(device);
  const hex = (value: number) => value.toString(16).padStart(2, "0");
  const file = `${hex((dev >> 8) & 0xfff)}:${hex((dev & 0xff) | ((dev >> 12) & 0xfff00))}:${ino}`;
  const locks = await readFile("/proc/locks", "utf8").catch(() => "");
  const fields = locks.split("\n").map((line) => line.trim().split(/\s+/));
  return fields.find((each) => each[1] === "FLOCK" && each[5] === file)?.[4];
}

async function describe(pid: string): Promise<string> {
  if (pid === String(process.pid)) return `this same process (pid ${pid})`;
  const line = await readFile(`/proc/${pid}/cmdline`, "utf8").catch(() => "");
  const command = line.split("\0").join(" ").trim().slice(0, 120);
  return `${command === "" ? "a process" : command} (pid ${pid})`;
}
