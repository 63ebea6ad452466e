// GPIO lines through the tools of libgpiod 1.x and 2.x, one child process for each line: the way where
// sysfs is gone. Edges carry the kernel's own time. A line belongs to its tool: when that ends, the line is
// free and its level the chip's affair.

import { stat } from "node:fs/promises";
import { GatewayError } from "../../contract/errors.ts";
import { systemClock as clock } from "../clock.ts";
import {
  chosenChip,
  type GpioChip,
  type GpioSystem,
  gpioDenied,
  lineBusy,
  lineMissing,
  type OnEdge,
} from "./gpio-chip.ts";
import { ageUsMax } from "./gpio-record.ts";
import type { Bias, Level } from "./gpio-settings.ts";
import {
  canBindTools,
  type HoldingTool,
  runTool,
  startTool,
  type ToolEnd,
} from "./gpio-tool-process.ts";
import {
  type ChipEntry,
  driveOnceArguments,
  getArguments,
  holdArguments,
  infoArguments,
  isBanner,
  monitorArguments,
  parseChips,
  parseEdge,
  parseGeneration,
  parseLevel,
  parseLines,
  type ToolGeneration,
} from "./gpio-tool-text.ts";

/** 2.x says when it holds its line. */
const bannerWaitMs = 3_000;
/** 1.x says nothing: one that lives this long will hold its line, and tells if it does not. */
const silentWaitMs = 50;
/** An event stamped later than this is stamped by the wall clock: no machine runs for 30 years. */
const bootStampUsMax = 1e15;

/** The chips that `gpiodetect` lists. DRIVER_NATIVE_MISSING without it. */
export async function listToolChips(system: GpioSystem): Promise<ChipEntry[]> {
  return parseChips((await runTool(system, "gpiodetect", [])).printed);
}

/** Opens a chip. DRIVER_PORT_MISSING names those that are there; _DENIED; DRIVER_NATIVE_MISSING the tools. */
export async function openToolChip(
  wanted: string,
  system: GpioSystem,
  onLost: (error: GatewayError) => void,
): Promise<GpioChip> {
  const version = await runTool(system, "gpiodetect", ["--version"]);
  const generation = parseGeneration(version.printed);
  if (generation === undefined) {
    const said = version.printed.split("\n")[0] ?? "";
    const message = `gpiodetect is neither of libgpiod 1 nor 2, it says "${said}"`;
    throw new GatewayError("DRIVER_PORT_FAILED", message);
  }
  const detected = await runTool(system, "gpiodetect", []);
  const chips = parseChips(detected.printed);
  if (
    isDenied(detected.complaint) &&
    chips.every(({ name, label }) => name !== wanted && label !== wanted)
  ) {
    throw gpioDenied("/dev/gpiochip*", detected.complaint);
  }
  const isBound = await canBindTools(system);
  const chip = chosenChip(wanted, chips);
  const nodeId = await nodeIdOf(chip.name);
  return new ToolChip(chip, { system, generation, isBound, nodeId, onLost });
}

interface ToolChipParts {
  readonly system: GpioSystem;
  readonly generation: ToolGeneration;
  readonly isBound: boolean;
  /** Of the device node when the chip was opened. */
  readonly nodeId: bigint | undefined;
  readonly onLost: (error: GatewayError) => void;
}

class ToolChip implements GpioChip {
  readonly name: string;
  readonly label: string;
  readonly lineCount: number;
  readonly #parts: ToolChipParts;
  readonly #holding = new Map<number, HoldingTool>();

  constructor({ name, label, lineCount }: ChipEntry, parts: ToolChipParts) {
    this.name = name;
    this.label = label;
    this.lineCount = lineCount;
    this.#parts = parts;
  }

  async find(lineName: string): Promise<number> {
    const lines = await this.#lines();
    const found = lines.find((line) => line.lineName === lineName);
    if (found !== undefined) return found.offset;
    const names = lines.flatMap((line) => line.lineName ?? []);
    const there = names.length === 0 ? "its lines have no names" : `its names: ${names.join(", ")}`;
    const message = `GPIO chip ${this.label} has no line called ${lineName}; ${there}`;
    throw new GatewayError("DRIVER_PORT_MISSING", message.slice(0, 400), { retryable: true });
  }

  async watch(offset: number, bias: Bias, onEdge: OnEdge): Promise<Level> {
    if (offset >= this.lineCount) throw lineMissing(offset, this);
    const { system, generation } = this.#parts;
    const got = await runTool(system, "gpioget", getArguments(generation, this.name, offset, bias));
    const level = parseLevel(got.printed);
    if (level === undefined) throw await this.#refused(offset, "gpioget", got);
    const args = monitorArguments(generation, this.name, offset, bias);
    await this.#hold(offset, "gpiomon", args, (line) => {
      const edge = parseEdge(line);
      if (edge !== undefined) onEdge(edge.level, ageUs(edge.stampUs));
    });
    return level;
  }

  // The line is free for some milliseconds while one tool follows the other.
  async drive(offset: number, level: Level): Promise<void> {
    if (offset >= this.lineCount) throw lineMissing(offset, this);
    const before = this.#holding.get(offset);
    this.#holding.delete(offset);
    await before?.end();
    const { system, generation } = this.#parts;
    if (generation === 1) {
      const once = await runTool(system, "gpioset", driveOnceArguments(this.name, offset, level));
      if (once.exitCode !== 0) throw await this.#refused(offset, "gpioset", once);
    }
    const args = holdArguments(generation, this.name, offset, level);
    await this.#hold(offset, "gpioset", args, () => undefined);
  }

  // Edges of a line that chatters pile up in its tool and in the kernel, which drops what is too much.
  pause(): void {
    for (const tool of this.#holding.values()) tool.pause();
  }

  resume(): void {
    for (const tool of this.#holding.values()) tool.resume();
  }

  // A chip that went and came again has a new node; its tools wait on the old one for ever.
  async check(): Promise<void> {
    const { onLost } = this.#parts;
    const nodeId = await nodeIdOf(this.name);
    if (nodeId === this.#parts.nodeId) return;
    const message = `GPIO chip ${this.label} (/dev/${this.name}) was lost: unplugged`;
    onLost(new GatewayError("DRIVER_PORT_LOST", message, { retryable: true }));
  }

  async close(): Promise<void> {
    const tools = [...this.#holding.values()];
    this.#holding.clear();
    await Promise.all(tools.map((tool) => tool.end()));
  }

  // Starts a tool that keeps the line, and waits until it does.
  async #hold(
    offset: number,
    tool: string,
    args: readonly string[],
    onLine: (line: string) => void,
  ): Promise<void> {
    const { system, generation, isBound, onLost } = this.#parts;
    let onHeld: (() => void) | undefined;
    const held = new Promise<undefined>((resolve) => {
      onHeld = () => resolve(undefined);
    });
    const running = startTool(system, { tool, args, isBound }, (line) => {
      if (isBanner(line)) onHeld?.();
      else onLine(line);
    });
    const waitMs = generation === 1 ? silentWaitMs : bannerWaitMs;
    const cancel = clock.timer(waitMs, () => onHeld?.());
    const early = await Promise.race([running.ended, held]);
    cancel();
    if (early !== undefined) throw await this.#refused(offset, tool, early);
    this.#holding.set(offset, running);
    void running.ended.then(async (end) => {
      if (this.#holding.get(offset) !== running) return;
      const error = await this.#refused(offset, tool, end);
      const isBusy = error.code === "DRIVER_PORT_BUSY" || error.code === "DRIVER_PORT_DENIED";
      const message = `line ${offset} of GPIO chip ${this.label} was lost: ${error.message}`;
      onLost(isBusy ? error : new GatewayError("DRIVER_PORT_LOST", message, { retryable: true }));
    });
  }

  async #lines() {
    const { system, generation } = this.#parts;
    return parseLines(
      (await runTool(system, "gpioinfo", infoArguments(generation, this.name))).printed,
    );
  }

  // Why a tool ended that should not have.
  async #refused(offset: number, tool: string, end: ToolEnd): Promise<GatewayError> {
    const { exitCode, complaint } = end;
    if (isDenied(complaint)) return gpioDenied(`/dev/${this.name}`, complaint);
    if (/busy/i.test(complaint)) {
      const lines = await this.#lines().catch(() => []);
      const consumer = lines.find((line) => line.offset === offset)?.consumer;
      return lineBusy(offset, this.label, consumer);
    }
    const how = exitCode === undefined ? "by a signal" : `with code ${exitCode}`;
    const message = `${tool} ended ${how}${complaint === "" ? "" : ` (${complaint})`}`;
    return new GatewayError("DRIVER_PORT_FAILED", message, { retryable: true });
  }
}

/** Tells a device node from the one that comes after it; undefined where there is none. */
async function nodeIdOf(name: string): Promise<bigint | undefined> {
  return (await stat(`/dev/${name}`, { bigint: true }).catch(() => undefined))?.ino;
}

function isDenied(complaint: string): boolean {
  return /permission denied|not permitted/i.test(complaint);
}

// How long ago the kernel stamped an event.
function ageUs(stampUs: number): number {
  const nowUs = (stampUs > bootStampUsMax ? clock.nowMs() : clock.monotonicMs()) * 1000;
  return Math.round(Math.min(Math.max(nowUs - stampUs, 0), ageUsMax));
}
