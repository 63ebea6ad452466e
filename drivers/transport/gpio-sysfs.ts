// GPIO lines through /sys/class/gpio and the `onoff` package, which is loaded only when it is used. sysfs
// counts the lines of all chips together, from a base that changes with the kernel (0 on a Raspberry Pi
// until 6.6, 512 since): a chip is found by its label and its base added (fivdi/onoff#199, #200). `onoff`
// waits for udev with the process standing still, so a line is exported and waited for here beforehand.

import { constants } from "node:fs";
import { access, readdir, readFile, realpath, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import { setTimeout as pause } from "node:timers/promises";
import { errorMessageOf, GatewayError } from "../../contract/errors.ts";
import {
  chosenChip,
  type GpioChip,
  gpioDenied,
  lineBusy,
  lineMissing,
  type OnEdge,
} from "./gpio-chip.ts";
import type { Bias, Level } from "./gpio-settings.ts";
import type { ChipEntry } from "./gpio-tool-text.ts";
import { lostError } from "./serial-error.ts";

/** How long udev may take to give an exported line to the gateway's group. */
const accessTriesMax = 200;
const accessPauseMs = 10;

/** What is used of an open line of the library. */
export interface SysfsLine {
  readSync(): Level;
  write(level: Level): Promise<void>;
  watch(take: (error: Error | null | undefined, level: Level) => void): void;
  unwatchAll(): void;
  unexport(): void;
}

/** What is used of the library; a test hands in its own. */
export interface SysfsLibrary {
  readonly Gpio: new (
    number: number,
    direction: "in" | "high" | "low",
    edge: "none" | "both",
    options: { activeLow: boolean },
  ) => SysfsLine;
}

/** A chip as sysfs lists it. */
export interface SysfsEntry extends ChipEntry {
  /** Number of its first line. */
  readonly base: number;
}

/** Whether lines can be had through sysfs: it is there and not read-only. */
export async function hasSysfsGpio(sysfs: string): Promise<boolean> {
  const file = join(sysfs, "class/gpio/export");
  return access(file, constants.W_OK).then(
    () => true,
    () => false,
  );
}

/** The chips that sysfs lists. */
export async function listSysfsChips(sysfs: string): Promise<SysfsEntry[]> {
  const folder = join(sysfs, "class/gpio");
  const names = (await readdir(folder).catch(() => [])).filter((each) =>
    /^gpiochip\d+$/.test(each),
  );
  const devices = await chipDevices(sysfs);
  const chips = names.map(async (each): Promise<SysfsEntry> => {
    const read = async (file: string) => (await readFile(join(folder, each, file), "utf8")).trim();
    const [label, base, lineCount] = [await read("label"), await read("base"), await read("ngpio")];
    const name = devices.get(await parentOf(join(folder, each))) ?? each;
    return { name, label, base: Number(base), lineCount: Number(lineCount) };
  });
  return (await Promise.all(chips)).sort((one, other) => one.base - other.base);
}

/** Opens a chip. DRIVER_PORT_MISSING names the chips that are there; DRIVER_NATIVE_MISSING the package. */
export async function openSysfsChip(
  wanted: string,
  sysfs: string,
  onLost: (error: GatewayError) => void,
  injected?: SysfsLibrary,
): Promise<GpioChip> {
  const chip = chosenChip(wanted, await listSysfsChips(sysfs));
  return new SysfsChip(chip, sysfs, injected ?? (await loadLibrary()), onLost);
}

// Chips of the character device by the device that both they and their entry of sysfs hang under: the two
// number the chips differently. A device with several chips cannot be told apart so.
async function chipDevices(sysfs: string): Promise<Map<string, string>> {
  const folder = join(sysfs, "bus/gpio/devices");
  const found = new Map<string, string>();
  const shared = new Set<string>();
  for (const name of await readdir(folder).catch(() => [])) {
    const parent = dirname(await realpath(join(folder, name)).catch(() => ""));
    if (found.has(parent)) shared.add(parent);
    found.set(parent, name);
  }
  for (const parent of shared) found.delete(parent);
  return found;
}

// /sys/devices/.../<device>/gpio/gpiochip512
async function parentOf(entry: string): Promise<string> {
  const path = await realpath(entry);
  return dirname(dirname(path));
}

class SysfsChip implements GpioChip {
  readonly name: string;
  readonly label: string;
  readonly lineCount: number;
  readonly #base: number;
  readonly #folder: string;
  readonly #library: SysfsLibrary;
  readonly #onLost: (error: GatewayError) => void;
  readonly #lines = new Map<number, SysfsLine>();
  readonly #watched = new Map<SysfsLine, (error: unknown, level: Level) => void>();

  constructor(
    { name, label, base, lineCount }: SysfsEntry,
    sysfs: string,
    library: SysfsLibrary,
    onLost: (error: GatewayError) => void,
  ) {
    this.name = name;
    this.label = label;
    this.lineCount = lineCount;
    this.#base = base;
    this.#folder = join(sysfs, "class/gpio");
    this.#library = library;
    this.#onLost = onLost;
  }

  async find(lineName: string): Promise<number> {
    const message = `sysfs knows no names of lines: give "${lineName}" by its offset, or set via: tools`;
    throw new GatewayError("CONFIG_INVALID", message);
  }

  async watch(offset: number, bias: Bias, onEdge: OnEdge): Promise<Level> {
    if (bias !== "as_is") {
      const message = `sysfs cannot set ${bias} of line ${offset}: set via: tools, or wire a resistor`;
      throw new GatewayError("CONFIG_INVALID", message);
    }
    await this.#export(offset, ["value", "direction", "edge", "active_low"]);
    const line = await this.#open(offset, "in");
    await this.#expect(offset, "edge", "both");
    // The value is read after the edge: of a pulse shorter than that the same level is told again.
    const take = (_: unknown, level: Level) => onEdge(level, 0);
    this.#watched.set(line, take);
    line.watch(take);
    return line.readSync();
  }

  async drive(offset: number, level: Level): Promise<void> {
    const open = this.#lines.get(offset);
    if (open === undefined) {
      await this.#export(offset, ["value", "direction", "active_low"]);
      // Direction and level in one, so that the line is never driven the other way.
      await this.#open(offset, level === 1 ? "high" : "low");
      return;
    }
    await open.write(level).catch((cause: unknown) => {
      throw lostError(this.#lineName(offset), cause);
    });
  }

  // One edge of a line waits in the kernel at most, and it is told no sooner than it is read.
  pause(): void {
    for (const line of this.#watched.keys()) line.unwatchAll();
  }

  resume(): void {
    for (const [line, take] of this.#watched) line.watch(take);
  }

  // An open line of a chip that went cannot be read, also when the chip is back; see #guard.
  async check(): Promise<void> {
    for (const line of this.#lines.values()) line.readSync();
  }

  async close(): Promise<void> {
    this.#watched.clear();
    for (const line of this.#lines.values()) {
      try {
        line.unexport();
      } catch {
        // The chip is gone, and its lines with it.
      }
    }
    this.#lines.clear();
  }

  async #export(offset: number, files: readonly string[]): Promise<void> {
    if (offset >= this.lineCount) throw lineMissing(offset, this);
    const number = this.#base + offset;
    const folder = join(this.#folder, `gpio${number}`);
    // One that is exported already was left by a crash, or shared on purpose: it is taken over.
    if (!(await isThere(folder))) {
      await writeFile(join(this.#folder, "export"), String(number)).catch((cause: unknown) => {
        throw this.#refused(offset, cause);
      });
    }
    if (files.includes("edge") && !(await isThere(join(folder, "edge")))) {
      const message = `${this.#lineName(offset)} has no interrupts: take another line for an input`;
      throw new GatewayError("DRIVER_PORT_FAILED", message, { retryable: true });
    }
    for (let triesLeft = accessTriesMax; ; triesLeft -= 1) {
      const checks = files.map((file) =>
        access(join(folder, file), constants.R_OK | constants.W_OK),
      );
      const failed = (await Promise.allSettled(checks)).find(({ status }) => status === "rejected");
      if (failed === undefined) return;
      if (triesLeft === 0) throw gpioDenied(folder);
      await pause(accessPauseMs);
    }
  }

  async #open(offset: number, direction: "in" | "high" | "low"): Promise<SysfsLine> {
    const edge = direction === "in" ? "both" : "none";
    const { Gpio } = this.#library;
    let line: SysfsLine;
    try {
      line = new Gpio(this.#base + offset, direction, edge, { activeLow: false });
    } catch (cause) {
      throw this.#refused(offset, cause);
    }
    this.#lines.set(offset, line);
    this.#guard(offset, line);
    // The library passes over what it cannot set on a line that was exported before.
    await this.#expect(offset, "direction", direction === "in" ? "in" : "out");
    return line;
  }

  // The library reads the level in the handler of an edge; with the chip unplugged that throws where
  // nobody can catch it, for ever.
  #guard(offset: number, line: SysfsLine): void {
    const read = line.readSync.bind(line);
    let last: Level = 0;
    line.readSync = () => {
      try {
        last = read();
      } catch (error) {
        line.unwatchAll();
        this.#watched.delete(line);
        this.#onLost(lostError(this.#lineName(offset), error));
      }
      return last;
    };
  }

  async #expect(offset: number, file: string, value: string): Promise<void> {
    const path = join(this.#folder, `gpio${this.#base + offset}`, file);
    const found = (await readFile(path, "utf8").catch(String)).trim();
    if (found === value) return;
    const message = `${this.#lineName(offset)} cannot be set: ${path} says "${found}", not "${value}"`;
    throw new GatewayError("DRIVER_PORT_FAILED", message, { retryable: true });
  }

  #refused(offset: number, cause: unknown): GatewayError {
    const code = (cause as NodeJS.ErrnoException).code;
    if (code === "EBUSY") return lineBusy(offset, this.label, undefined);
    if (code === "EACCES" || code === "EPERM") {
      return gpioDenied(`${this.#folder} (line ${offset} of ${this.label})`, cause);
    }
    const message = `${this.#lineName(offset)} cannot be had: ${errorMessageOf(cause)}`;
    return new GatewayError("DRIVER_PORT_FAILED", message, { cause, retryable: true });
  }

  #lineName(offset: number): string {
    return `line ${offset} of GPIO chip ${this.label} (sysfs ${this.#base + offset})`;
  }
}

function isThere(path: string): Promise<boolean> {
  return access(path).then(
    () => true,
    () => false,
  );
}

async function loadLibrary(): Promise<SysfsLibrary> {
  try {
    const { Gpio } = await import("onoff");
    return { Gpio } as SysfsLibrary;
  } catch (error) {
    const message = `package onoff does not load (${errorMessageOf(error)}); run: npm run setup`;
    throw new GatewayError("DRIVER_NATIVE_MISSING", message, { cause: error });
  }
}
