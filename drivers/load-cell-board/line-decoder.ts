// Finds the board's lines in its bytes.

import { LineDecoder } from "../line-decoder.ts";
import { type BoardLine, lineLengthMax, parseBoardLine } from "./codec.ts";

/** A decoder of the board's lines. */
export class BoardLineDecoder extends LineDecoder<BoardLine> {
  constructor(checksum: "optional" | "required") {
    super({ lineLengthMax, idleMs: 1000, parse: (line) => parseBoardLine(line, checksum) });
  }
}
