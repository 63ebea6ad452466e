// `gondola-edge label mark` and `label fit`: a technician walks tags through a portal while `gondola-edge record` runs,
// says what each walk was, and fits the portal's weights to it.

import { createReadStream } from "node:fs";
import { readFile, writeFile } from "node:fs/promises";
import { createInterface } from "node:readline";
import type { Command } from "commander";
import { z } from "zod";
import { errorMessageOf, GatewayError } from "../../contract/errors.ts";
import { type Recorded, recordedSchema } from "../../contract/reading.ts";
import type { Clock } from "../../drivers/clock.ts";
import { loadEdgeConfig } from "../config.ts";
import type { PassageClass } from "../sense/portal-model.ts";
import { fitToWalks, type Label, labelSchema, scoreFit, tooFew, walksOf } from "./label.ts";

/** What may be typed, and what it means. */
const words: Readonly<Record<string, PassageClass>> = {
  in: "in",
  out: "out",
  pass: "pass_by",
  turn: "turn_back",
  stay: "static",
};
/** Longest recording and list of labels that are taken, in lines. */
const lineCountMax = 5_000_000;

type Print = (text: string) => void;

interface FitOptions {
  readonly config: string;
  readonly portal: string;
  readonly recording: string;
  readonly labels: string;
  readonly out: string;
}

/** Adds `label` to the program. */
export function addLabel(program: Command, print: Print, clock: Clock): void {
  const label = program
    .command("label")
    .description("teach a portal by walks: what was walked through it, and weights fitted to that");
  label
    .command("mark")
    .description(
      `while \`gondola-edge record\` runs: a word at the end of each walk (${Object.keys(words).join(", ")}; undo)`,
    )
    .argument("<labels>", "file that the labels are added to, a JSON object a line")
    .action((file: string) => markWalks(file, process.stdin, clock, print));
  label
    .command("fit")
    .description("fit a portal's weights to recorded walks; tells how they do on walks left out")
    .requiredOption("-c, --config <file>", "configuration file (YAML)")
    .requiredOption("--portal <device>", "device of the portal")
    .requiredOption("--recording <file>", "what `gondola-edge record` wrote")
    .requiredOption("--labels <file>", "what `label mark` wrote")
    .requiredOption("--out <file>", "where the weights are written: the portal's `weightsFile`")
    .action((options: FitOptions) => fitPortal(options, print));
}

/** Takes words line by line; each is a label of the time it was typed. `undo` takes back the last one. */
export async function markWalks(
  file: string,
  input: NodeJS.ReadableStream,
  clock: Clock,
  print: Print,
): Promise<void> {
  const labels: Label[] = [];
  const before = await readFile(file, "utf8").catch(() => "");
  // At once, so that whoever ends it with Ctrl-C has what was said.
  const save = () =>
    writeFile(file, before + labels.map((label) => `${JSON.stringify(label)}\n`).join(""));
  print(`words: ${Object.keys(words).join(", ")}, undo; \`in\` is from side A to side B\n`);
  for await (const line of createInterface({ input })) {
    const word = line.trim().toLowerCase();
    const what = Object.hasOwn(words, word) ? words[word] : undefined;
    if (what !== undefined) {
      labels.push({ atMs: Math.floor(clock.nowMs()), what });
      await save();
      print(`${labels.length}: ${what}\n`);
    } else if (word === "undo" && labels.length > 0) {
      print(`taken back: ${labels.pop()!.what}\n`);
      await save();
    } else if (word !== "") {
      print(`"${word.slice(0, 40)}" is none of ${Object.keys(words).join(", ")}, undo\n`);
    }
  }
  print(`${labels.length} labels added to ${file}\n`);
}

async function fitPortal(options: FitOptions, print: Print): Promise<void> {
  const config = await loadEdgeConfig(options.config);
  const portal = config.portals.find(({ deviceId }) => deviceId === options.portal);
  if (portal === undefined) {
    const there = config.portals.map(({ deviceId }) => deviceId).join(", ") || "none";
    throw new GatewayError(
      "CONFIG_INVALID",
      `no portal is called ${options.portal}; there are: ${there}`,
    );
  }
  const readings: Recorded[] = await readLines(options.recording, recordedSchema);
  const labels: Label[] = await readLines(options.labels, labelSchema);
  const ownDevices = [portal.deviceId, portal.beams?.deviceId];
  const heard = readings.filter((one) => one.kind === "clock" || ownDevices.includes(one.deviceId));
  const walks = walksOf(heard, labels, { ...portal, weights: undefined });
  const reason = tooFew(walks);
  if (reason !== undefined) throw new GatewayError("CONFIG_INVALID", `too few walks: ${reason}`);
  const { before, after } = scoreFit(walks, portal.confidenceMin);
  print(`${JSON.stringify({ walkCount: walks.length, before, after })}\n`);
  if (after.surprise >= before.surprise) {
    print("the weights that every portal begins with do as well: nothing is written\n");
    process.exitCode = 1;
    return;
  }
  await writeFile(options.out, `${JSON.stringify(fitToWalks(walks), null, 2)}\n`);
  print(`written: ${options.out}; name it in the configuration as weightsFile of the portal\n`);
}

/** Every line of a file by its schema. CONFIG_UNREADABLE, or CONFIG_INVALID naming the line. */
async function readLines<T>(file: string, schema: z.ZodType<T>): Promise<T[]> {
  const found: T[] = [];
  let lineNumber = 0;
  const wrong = (reason: string) =>
    new GatewayError("CONFIG_INVALID", `${file}:${lineNumber}: ${reason.slice(0, 300)}`);
  try {
    for await (const line of createInterface({ input: createReadStream(file) })) {
      lineNumber += 1;
      if (line.trim() === "") continue;
      if (lineNumber > lineCountMax) throw wrong(`more than ${lineCountMax} lines`);
      const { data, error } = schema.safeParse(parsed(line, wrong));
      if (error) throw wrong(z.prettifyError(error).replaceAll("\n", " "));
      found.push(data as T);
    }
  } catch (error) {
    if (error instanceof GatewayError) throw error;
    throw new GatewayError("CONFIG_UNREADABLE", errorMessageOf(error), { cause: error });
  }
  return found;
}

function parsed(line: string, wrong: (reason: string) => GatewayError): unknown {
  try {
    return JSON.parse(line);
  } catch (error) {
    throw wrong(errorMessageOf(error));
  }
}
