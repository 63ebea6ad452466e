// A made sysfs with GPIO chips, and a stand-in for the library that behaves on it as `onoff` does: the
// library itself has /sys/class/gpio written into it. The real one runs in test/hardware.

import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  symlinkSync,
  unlinkSync,
  watch,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Level } from "../../../drivers/transport/gpio-settings.ts";
import type { SysfsLibrary, SysfsLine } from "../../../drivers/transport/gpio-sysfs.ts";

/** A chip of the made sysfs. */
export interface MadeChip {
  readonly label: string;
  readonly base: number;
  readonly lineCount: number;
  /** Name of its character device. */
  readonly name?: string;
}

/** The folder, a kernel that answers `export`, and the library. */
export class SysfsKit {
  readonly root = mkdtempSync(join(tmpdir(), "gondola-sysfs-"));
  readonly #class = join(this.root, "class/gpio");
  readonly #watcher: { close(): void };
  /** Lines that the kernel has given away. */
  readonly lines = new Map<number, MadeLine>();
  readonly unexported: number[] = [];
  /** What the kernel answers to whoever wants a line. */
  refusal: Error | undefined;
  /** Files that an exported line lacks, or has with another content. */
  readonly odd = new Map<string, string | undefined>();

  constructor(chips: readonly MadeChip[]) {
    mkdirSync(this.#class, { recursive: true });
    mkdirSync(join(this.root, "bus/gpio/devices"), { recursive: true });
    for (const [index, chip] of chips.entries()) this.#add(chip, index);
    writeFileSync(join(this.#class, "export"), "");
    this.#watcher = watch(join(this.#class, "export"), () => this.#takeExport());
  }

  get library(): SysfsLibrary {
    const kit = this;
    return {
      Gpio: class extends MadeLine {
        constructor(number: number, direction: "in" | "high" | "low", edge: "none" | "both") {
          super(kit, number, direction, edge);
        }
      },
    };
  }

  read(number: number, file: string): string {
    return readFileSync(join(this.#class, `gpio${number}`, file), "utf8");
  }

  set(number: number, file: string, value: string): void {
    const path = join(this.#class, `gpio${number}`, file);
    const odd = this.odd.get(file);
    writeFileSync(path, this.odd.has(file) && odd !== undefined ? odd : value);
  }

  /** As a write to `export` makes it. */
  export(number: number): void {
    const folder = join(this.#class, `gpio${number}`);
    mkdirSync(folder, { recursive: true });
    const files = { value: "0", direction: "in", edge: "none", active_low: "0" };
    for (const [file, content] of Object.entries(files)) {
      if (!this.odd.has(file) || this.odd.get(file) !== undefined)
        writeFileSync(join(folder, file), content);
    }
  }

  unexport(number: number): void {
    this.unexported.push(number);
    rmSync(join(this.#class, `gpio${number}`), { recursive: true });
  }

  remove(): void {
    this.#watcher.close();
    rmSync(this.root, { recursive: true });
  }

  #takeExport(): void {
    const number = Number(readFileSync(join(this.#class, "export"), "utf8"));
    if (number > 0 && !existsSync(join(this.#class, `gpio${number}`))) this.export(number);
  }

  // As the kernel lays it out: the device, with its entry of sysfs and its character device below it.
  #add({ label, base, lineCount, name }: MadeChip, index: number): void {
    const device = join(this.root, `devices/platform/chip${index}`);
    const entry = join(device, `gpio/gpiochip${base}`);
    mkdirSync(entry, { recursive: true });
    writeFileSync(join(entry, "label"), `${label}\n`);
    writeFileSync(join(entry, "base"), `${base}\n`);
    writeFileSync(join(entry, "ngpio"), `${lineCount}\n`);
    symlinkSync(entry, join(this.#class, `gpiochip${base}`));
    if (name === undefined) return;
    mkdirSync(join(device, name));
    symlinkSync(join(device, name), join(this.root, "bus/gpio/devices", name));
  }

  /** Takes `export` away, as a read-only sysfs does. */
  close(): void {
    this.#watcher.close();
    unlinkSync(join(this.#class, "export"));
  }
}

/** A line as `onoff` hands it out. */
export class MadeLine implements SysfsLine {
  readonly #kit: SysfsKit;
  readonly #number: number;
  #take: ((error: Error | null, level: Level) => void) | undefined;
  isBroken = false;

  constructor(kit: SysfsKit, number: number, direction: "in" | "high" | "low", edge: string) {
    this.#kit = kit;
    this.#number = number;
    if (kit.refusal !== undefined) throw kit.refusal;
    kit.set(number, "direction", direction === "in" ? "in" : "out");
    if (direction !== "in") kit.set(number, "value", direction === "high" ? "1" : "0");
    if (edge !== "none") kit.set(number, "edge", edge);
    kit.lines.set(number, this);
  }

  get isWatched(): boolean {
    return this.#take !== undefined;
  }

  readSync(): Level {
    if (this.isBroken) throw new Error("ENODEV: no such device, read");
    return this.#kit.read(this.#number, "value").trim() === "1" ? 1 : 0;
  }

  async write(level: Level): Promise<void> {
    if (this.isBroken) throw new Error("ENODEV: no such device, write");
    this.#kit.set(this.#number, "value", String(level));
  }

  watch(take: (error: Error | null, level: Level) => void): void {
    this.#take = take;
  }

  unwatchAll(): void {
    this.#take = undefined;
  }

  unexport(): void {
    if (this.isBroken) throw new Error("EBADF");
    this.#kit.unexport(this.#number);
  }

  /** An interrupt: the library reads the level and tells it. */
  interrupt(): void {
    const take = this.#take;
    const level = this.readSync();
    take?.(null, level);
  }
}
