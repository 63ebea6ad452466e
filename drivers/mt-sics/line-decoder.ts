// Finds the scale's lines in its bytes.

import { LineDecoder } from "../line-decoder.ts";
import { lineLengthMax, parseScaleLine, type ScaleLine } from "./codec.ts";

/** A line comes in one piece; at 2400 baud a character takes 4 ms. */
const idleMs = 500;

/** A decoder of the scale's lines. */
export class ScaleLineDecoder extends LineDecoder<ScaleLine> {
  constructor() {
    super({ lineLengthMax, idleMs, parse: parseScaleLine });
  }
}
