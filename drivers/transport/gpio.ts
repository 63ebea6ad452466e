// A GPIO chip as a byte stream: records in, records out (gpio-record.ts). What goes wrong with a line ends
// the whole connection with its reason, as an unplugged cable would.

import { GatewayError } from "../../contract/errors.ts";
import type { GpioChip, GpioSystem } from "./gpio-chip.ts";
import {
  type ChipRecord,
  createHostRecordDecoder,
  encodeChipRecord,
  type HostRecord,
} from "./gpio-record.ts";
import type { GpioSettings, Level } from "./gpio-settings.ts";
import { hasSysfsGpio, listSysfsChips, openSysfsChip, type SysfsLibrary } from "./gpio-sysfs.ts";
import type { ChipEntry } from "./gpio-tool-text.ts";
import { listToolChips, openToolChip } from "./gpio-tools.ts";
import { Inbox } from "./inbox.ts";
import type { Transport } from "./transport.ts";

/** Most lines of one connection. */
const lineCountMax = 64;

/**
 * Opens a GPIO chip; no line is touched yet. DRIVER_PORT_MISSING (names the chips that are there), _DENIED
 * (names the group and the udev rule), DRIVER_NATIVE_MISSING without the package or the tools. A line that
 * is busy, or lost later, fails the transport.
 */
export async function openGpio(
  settings: GpioSettings,
  system: GpioSystem = { sysfs: "/sys" },
  library?: SysfsLibrary,
): Promise<Transport> {
  let lines: Lines | undefined;
  const inbox = new Inbox({ pause: () => lines?.pause(), resume: () => lines?.resume() });
  const fail = (error: unknown) => inbox.fail(asGatewayError(error));
  const { chip: wanted, via } = settings;
  const isSysfs = via === "sysfs" || (via === "auto" && (await hasSysfsGpio(system.sysfs)));
  const openTools = () => openToolChip(wanted, system, fail);
  const chip = isSysfs
    ? await openSysfsChip(wanted, system.sysfs, fail, library)
    : await openTools();
  // A resistor is set by the tools only, and beside sysfs they are opened when one is wanted.
  const withBias = isSysfs && via === "auto" ? openTools : undefined;
  lines = new Lines(chip, withBias, (record) => inbox.push(encodeChipRecord(record)));
  return transportOf(lines, inbox);
}

/** The chips that are there, by sysfs or, where that has none and `withTools`, by the tools. Opens no line. */
export async function listGpioChips(system: GpioSystem, withTools: boolean): Promise<ChipEntry[]> {
  const chips: ChipEntry[] = await listSysfsChips(system.sysfs);
  if (chips.length > 0 || !withTools) return chips;
  // Without sysfs and tools nobody can say; opening a chip says what is missing.
  return await listToolChips(system).catch(() => []);
}

function transportOf(lines: Lines, inbox: Inbox): Transport {
  const decoder = createHostRecordDecoder();
  const fail = (error: unknown) => inbox.fail(asGatewayError(error));
  let closing: Promise<void> | undefined;
  // One after the other: a line is released before it is driven anew.
  let working = Promise.resolve();
  return {
    chunks: inbox,
    write: async (bytes) => {
      if (inbox.isClosed) throw new GatewayError("DRIVER_PORT_LOST", "closed", { retryable: true });
      for (const item of decoder.push(bytes)) {
        if (item.kind === "discarded") throw new GatewayError("DRIVER_PORT_FAILED", item.reason);
        working = working.then(() => lines.carryOut(item.frame)).catch(fail);
      }
    },
    close: () => {
      inbox.end();
      closing ??= working.then(() => lines.close());
      return closing;
    },
  };
}

/** The lines that one connection uses. */
class Lines {
  readonly #chip: GpioChip;
  readonly #openWithBias: (() => Promise<GpioChip>) | undefined;
  readonly #say: (record: ChipRecord) => void;
  /** Of the inputs, as far as is known. */
  readonly #levels = new Map<number, Level>();
  readonly #driven = new Map<number, Level>();
  #withBias: GpioChip | undefined;

  constructor(
    chip: GpioChip,
    openWithBias: (() => Promise<GpioChip>) | undefined,
    say: (record: ChipRecord) => void,
  ) {
    this.#chip = chip;
    this.#openWithBias = openWithBias;
    this.#say = say;
  }

  async carryOut(record: HostRecord): Promise<void> {
    switch (record.type) {
      case "identify": {
        await Promise.all([this.#chip.check(), this.#withBias?.check()]);
        const { lineCount, name, label } = this.#chip;
        return this.#say({ type: "chip", lineCount, name, label });
      }
      case "find": {
        const { lineName } = record;
        const chip = (await this.#secondChip()) ?? this.#chip;
        return this.#say({ type: "found", offset: await chip.find(lineName), lineName });
      }
      case "watch":
        return await this.#watch(record);
      case "drive": {
        const { offset, level } = record;
        this.#refuseTooMany(offset);
        // A tool would let the line go for a moment, for nothing.
        if (this.#driven.get(offset) !== level) await this.#chip.drive(offset, level);
        this.#driven.set(offset, level);
        return this.#say({ type: "driven", offset, level });
      }
    }
  }

  pause(): void {
    this.#chip.pause();
    this.#withBias?.pause();
  }

  resume(): void {
    this.#chip.resume();
    this.#withBias?.resume();
  }

  async close(): Promise<void> {
    await Promise.all([this.#chip.close(), this.#withBias?.close()]);
  }

  // A question that is repeated is answered with what is known by now.
  async #watch({ offset, bias }: Extract<HostRecord, { type: "watch" }>): Promise<void> {
    const known = this.#levels.get(offset);
    if (known !== undefined) return this.#say({ type: "level", offset, level: known });
    this.#refuseTooMany(offset);
    const chip = bias === "as_is" ? this.#chip : ((await this.#secondChip()) ?? this.#chip);
    const early: ChipRecord[] = [];
    let isTold = false;
    const level = await chip.watch(offset, bias, (edgeLevel, ageUs) => {
      this.#levels.set(offset, edgeLevel);
      const edge = { type: "edge", offset, level: edgeLevel, ageUs } as const;
      if (isTold) this.#say(edge);
      else early.push(edge);
    });
    if (!this.#levels.has(offset)) this.#levels.set(offset, level);
    this.#say({ type: "level", offset, level });
    isTold = true;
    for (const record of early) this.#say(record);
  }

  async #secondChip(): Promise<GpioChip | undefined> {
    this.#withBias ??= await this.#openWithBias?.();
    return this.#withBias;
  }

  #refuseTooMany(offset: number): void {
    const isKnown = this.#levels.has(offset) || this.#driven.has(offset);
    if (isKnown || this.#levels.size + this.#driven.size < lineCountMax) return;
    throw new GatewayError("CONFIG_INVALID", `more than ${lineCountMax} lines of one GPIO chip`);
  }
}

function asGatewayError(error: unknown): GatewayError {
  if (error instanceof GatewayError) return error;
  const message = error instanceof Error ? error.message : String(error);
  return new GatewayError("DRIVER_PORT_FAILED", message, { cause: error, retryable: true });
}
