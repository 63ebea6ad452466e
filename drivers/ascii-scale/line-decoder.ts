// Finds printed lines in a scale's bytes.

import { LineDecoder } from "../line-decoder.ts";
import { lineLengthMax, type PrintedWeight, parsePrintedLine } from "./codec.ts";

/** A line comes in one piece; at 1200 baud a character takes 8 ms. */
const idleMs = 500;

/** A decoder of printed lines. */
export class PrintedLineDecoder extends LineDecoder<PrintedWeight> {
  /** `unitDefault` is the unit of lines that carry none. */
  constructor(unitDefault?: string) {
    super({ lineLengthMax, idleMs, parse: (line) => parsePrintedLine(line, unitDefault) });
  }
}
