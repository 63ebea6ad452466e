// A board with several load cells that prints one line per sample. Every cell of every sample becomes
// a reading; taring, filtering and deciding are the edge's job.

import { GatewayError } from "../../contract/errors.ts";
import { defineDevice } from "../device-module.ts";
import type { DriverContext } from "../driver.ts";
import { attemptCountMax, FrameFeed, untilAborted } from "../frame-feed.ts";
import { type BoardLine, encodeIdentify, protocolVersion, sampleNumberMax } from "./codec.ts";
import { BoardLineDecoder } from "./line-decoder.ts";
import { type LoadCellBoardOptions, loadCellBoardOptionsSchema } from "./options.ts";

type Identity = Extract<BoardLine, { type: "identity" }>;
type Sample = Extract<BoardLine, { type: "sample" }>;

/** Kind `load-cell-board`. */
export const device = defineDevice({
  optionsSchema: loadCellBoardOptionsSchema,
  baudRateDefault: 115_200,
  createDriver: (options) => ({
    run: (context) => untilAborted(context.signal, () => run(context, options)),
  }),
});

async function run(context: DriverContext, options: LoadCellBoardOptions): Promise<void> {
  const feed = new FrameFeed(context, new BoardLineDecoder(options.checksum));
  const identity = await identify(context, options, feed);
  context.onIdentified(
    `load-cell board, ${identity.cellCount} cells at ${identity.sampleRateHz} samples a second`,
  );
  let lastNumber: number | undefined;
  while (!context.signal.aborted) {
    const line = await feed.next(options.sampleTimeoutMs);
    if (line === undefined) await identify(context, options, feed);
    else if (line.type === "sample") {
      lastNumber = report(context, identity, line, lastNumber);
    }
  }
}

// Asks until the board says who it is. Samples come in between and show at least that it lives.
async function identify(
  { clock, count }: DriverContext,
  options: LoadCellBoardOptions,
  feed: FrameFeed<BoardLine>,
): Promise<Identity> {
  let isPrinting = false;
  for (let attempt = 1; attempt <= attemptCountMax; attempt += 1) {
    feed.send(encodeIdentify());
    const deadlineMs = clock.monotonicMs() + options.answerTimeoutMs;
    for (;;) {
      const line = await feed.next(deadlineMs - clock.monotonicMs());
      if (line === undefined) break;
      if (line.type === "identity") return checked(line, options);
      isPrinting = true;
    }
    count("timeouts");
  }
  if (!isPrinting) throw feed.unanswered("ID?");
  throw notIdentified("it prints samples but does not answer ID?");
}

function checked(identity: Identity, options: LoadCellBoardOptions): Identity {
  if (identity.version !== protocolVersion) {
    throw notIdentified(`it speaks version ${identity.version}, not ${protocolVersion}`);
  }
  const wanted = options.cellCount ?? identity.cellCount;
  if (wanted === identity.cellCount) return identity;
  throw notIdentified(`it has ${identity.cellCount} cells, configured are ${wanted}`);
}

function notIdentified(what: string): GatewayError {
  return new GatewayError("DRIVER_NOT_IDENTIFIED", `not the board that was configured: ${what}`, {
    retryable: true,
  });
}

// Returns the sample's number; a jump in the numbers counts the samples that were lost.
function report(
  { deviceId, clock, count, onReading }: DriverContext,
  identity: Identity,
  { number, cells }: Sample,
  lastNumber: number | undefined,
): number {
  if (cells.length !== identity.cellCount) {
    count("discarded_cell_count");
    return number;
  }
  const expected = lastNumber === undefined ? number : (lastNumber + 1) % (sampleNumberMax + 1);
  count("samples");
  count("samples_lost", (number - expected + sampleNumberMax + 1) % (sampleNumberMax + 1));
  const receivedAtMs = clock.nowMs();
  for (const [index, cell] of cells.entries()) {
    onReading({ kind: "weight", deviceId, cell: index + 1, ...cell, receivedAtMs });
  }
  return number;
}
