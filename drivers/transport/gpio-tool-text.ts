// The command lines of libgpiod's tools and what they print, for its two generations: 1.x (Debian 11 and
// 12) and 2.x (Debian 13). Pure; the words are those of each tool's --help and source.

import type { Bias, Level } from "./gpio-settings.ts";

/** Generation of the tools; they take different options. */
export type ToolGeneration = 1 | 2;

/** A chip that is there. */
export interface ChipEntry {
  readonly name: string;
  readonly label: string;
  readonly lineCount: number;
}

/** A line as `gpioinfo` prints it. */
export interface LineEntry {
  readonly offset: number;
  readonly lineName?: string;
  /** Who holds it; absent for a free line. */
  readonly consumer?: string;
}

/** An edge as `gpiomon` prints it. */
export interface PrintedEdge {
  readonly level: Level;
  /** Since boot; since 1970 from kernels before 5.7. */
  readonly stampUs: number;
}

/** Under this name the lines are held, where the tools take one. */
const consumer = "gondola";

const biasWords = {
  1: { as_is: undefined, pull_up: "pull-up", pull_down: "pull-down", disabled: "disable" },
  2: { as_is: undefined, pull_up: "pull-up", pull_down: "pull-down", disabled: "disabled" },
} as const;

/** `gpiodetect (libgpiod) v1.6.3`; undefined for a generation that is not known here. */
export function parseGeneration(text: string): ToolGeneration | undefined {
  const major = /\(libgpiod\) v(\d+)\./.exec(text)?.[1];
  if (major === "1") return 1;
  return major === "2" ? 2 : undefined;
}

/** Lines of `gpiodetect`: `gpiochip0 [pinctrl-bcm2711] (58 lines)`. Other lines are passed over. */
export function parseChips(text: string): ChipEntry[] {
  const lines = text.matchAll(/^(\S+) \[(.*)\] \((\d+) lines?\)\s*$/gm);
  return [...lines].map(([, name = "", label = "", count]) => ({
    name,
    label,
    lineCount: Number(count),
  }));
}

/**
 * Lines of `gpioinfo`. 1.x: `line 4: "BT_ON" "shutdown" output active-high [used]`; 2.x: `line 4: "BT_ON"
 * output consumer="shutdown"`.
 */
export function parseLines(text: string): LineEntry[] {
  const lines = text.matchAll(/^\s*line\s+(\d+):\s+(?:"([^"]*)"|unnamed)\s+(.*)$/gm);
  return [...lines].map(([, offset, lineName, rest = ""]) => {
    const holder = /consumer="?([^"]*)"?/.exec(rest)?.[1] ?? /^"([^"]*)"/.exec(rest)?.[1];
    const held = holder ?? (/\[used/.test(rest) ? "the kernel" : undefined);
    return {
      offset: Number(offset),
      ...(lineName === undefined ? {} : { lineName }),
      ...(held === undefined ? {} : { consumer: held }),
    };
  });
}

/** Arguments of `gpioinfo` for one chip. */
export function infoArguments(generation: ToolGeneration, chip: string): string[] {
  return generation === 1 ? [chip] : ["--chip", chip];
}

/** Arguments of `gpioget`; it prints the level as a digit. */
export function getArguments(
  generation: ToolGeneration,
  chip: string,
  offset: number,
  bias: Bias,
): string[] {
  const word = biasWords[generation][bias];
  if (generation === 1)
    return [...(word === undefined ? [] : [`--bias=${word}`]), chip, `${offset}`];
  const options = ["--chip", chip, "--consumer", consumer, "--numeric"];
  return [...options, ...(word === undefined ? [] : ["--bias", word]), `${offset}`];
}

/** What `gpioget` printed; undefined for anything but one level. */
export function parseLevel(text: string): Level | undefined {
  const digit = text.trim();
  if (digit === "0") return 0;
  return digit === "1" ? 1 : undefined;
}

/**
 * Arguments of `gpiomon`, both edges of one line. The formats differ: in 1.x %e is 0 or 1 and %s, %n are
 * seconds and nanoseconds (without leading zeros), in 2.x %E is a word and %S has both.
 */
export function monitorArguments(
  generation: ToolGeneration,
  chip: string,
  offset: number,
  bias: Bias,
): string[] {
  const word = biasWords[generation][bias];
  if (generation === 1) {
    const options = ["--line-buffered", "--format=%e %s %n"];
    return [...options, ...(word === undefined ? [] : [`--bias=${word}`]), chip, `${offset}`];
  }
  const options = ["--banner", "--edges", "both", "--event-clock", "monotonic"];
  const bound = word === undefined ? [] : ["--bias", word];
  const target = ["--chip", chip, "--consumer", consumer, `${offset}`];
  return [...options, "--format", "%E %S", ...bound, ...target];
}

/** Reads a line of `gpiomon`. */
export function parseEdge(line: string): PrintedEdge | undefined {
  const text = line.trim();
  const [, word, seconds, nanoseconds] = /^(0|1) (\d{1,11}) (\d{1,9})$/.exec(text) ?? [];
  if (word !== undefined) {
    return { level: word === "1" ? 1 : 0, stampUs: microseconds(seconds, nanoseconds) };
  }
  const [, edge, whole, part] = /^(rising|falling) (\d{1,11})\.(\d{9})$/.exec(text) ?? [];
  if (edge === undefined) return undefined;
  return { level: edge === "rising" ? 1 : 0, stampUs: microseconds(whole, part) };
}

/** Whether a line says that the tool holds its lines now (2.x with --banner). */
export function isBanner(line: string): boolean {
  return /^(Monitoring|Setting) line/.test(line);
}

/** Arguments of `gpioset` of 1.x that drive a line and end: there its exit is the only sign that it was driven. */
export function driveOnceArguments(chip: string, offset: number, level: Level): string[] {
  return ["--mode=exit", chip, `${offset}=${level}`];
}

/** Arguments of `gpioset` that hold a line until the tool is ended. */
export function holdArguments(
  generation: ToolGeneration,
  chip: string,
  offset: number,
  level: Level,
): string[] {
  if (generation === 1) return ["--mode=signal", chip, `${offset}=${level}`];
  return ["--banner", "--chip", chip, "--consumer", consumer, `${offset}=${level}`];
}

function microseconds(seconds: string | undefined, nanoseconds: string | undefined): number {
  return Number(seconds) * 1e6 + Math.floor(Number(nanoseconds) / 1000);
}
