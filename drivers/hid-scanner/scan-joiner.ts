// Whole scans of a HID POS scanner: a long code comes in several reports, each but the last marked
// "more follows". One whose end does not come is discarded, and never joined to the next.

import { decodeText, type Scan } from "../serial-scanner/codec.ts";
import type { Decoded, StreamDecoder } from "../stream-decoder.ts";
import { createScanReportDecoder, type ScanReport } from "./codec.ts";

/** What joins reports needs to know. */
export interface JoinLimits {
  readonly reportSizeBytes: number;
  /** Bytes of data in one scan. */
  readonly dataLengthMax: number;
  readonly continuationTimeoutMs: number;
}

/** Finds scans in reports. */
export class ScanJoiner implements StreamDecoder<Scan> {
  readonly #limits: JoinLimits;
  readonly #reports;
  #pieces: ScanReport[] = [];
  #dataLength = 0;
  /** The rest of a scan that was too long is no scan of its own. */
  #isSkipping = false;

  constructor(limits: JoinLimits) {
    this.#limits = limits;
    this.#reports = createScanReportDecoder(limits.reportSizeBytes);
  }

  get idleMs(): number {
    return this.#isJoining ? this.#limits.continuationTimeoutMs : this.#reports.idleMs;
  }

  get pendingByteCount(): number {
    const joining = this.#isJoining ? Math.max(1, this.#pieces.length) : 0;
    return this.#reports.pendingByteCount + joining * this.#limits.reportSizeBytes;
  }

  push(chunk: Uint8Array): Decoded<Scan>[] {
    return this.#join(this.#reports.push(chunk));
  }

  idle(): Decoded<Scan>[] {
    const found = this.#join(this.#reports.idle());
    if (this.#pieces.length > 0) found.push(this.#discard(0, "incomplete"));
    this.#isSkipping = false;
    return found;
  }

  get #isJoining(): boolean {
    return this.#isSkipping || this.#pieces.length > 0;
  }

  #join(found: Decoded<ScanReport>[]): Decoded<Scan>[] {
    return found.flatMap((item) => (item.kind === "frame" ? this.#take(item.frame) : [item]));
  }

  #take(report: ScanReport): Decoded<Scan>[] {
    const [first] = this.#pieces;
    if (this.#isSkipping) {
      this.#isSkipping = report.more;
      return [this.#discard(1, "too_long")];
    }
    // Another code begins: the end of the one before was lost.
    const isOther = first !== undefined && first.symbology !== report.symbology;
    const lost = isOther ? [this.#discard(0, "incomplete")] : [];
    this.#pieces.push(report);
    this.#dataLength += report.data.length;
    if (this.#dataLength > this.#limits.dataLengthMax) {
      this.#isSkipping = report.more;
      return [...lost, this.#discard(0, "too_long")];
    }
    return report.more ? lost : [...lost, this.#finish(report)];
  }

  #finish({ symbology }: ScanReport): Decoded<Scan> {
    const data = decodeText(Buffer.concat(this.#pieces.map((piece) => piece.data)));
    if (data === "") return this.#discard(0, "empty");
    this.#clear();
    return { kind: "frame", frame: symbology === undefined ? { data } : { symbology, data } };
  }

  #discard(extraReportCount: number, reason: string): Decoded<Scan> {
    const byteCount = (this.#pieces.length + extraReportCount) * this.#limits.reportSizeBytes;
    this.#clear();
    return { kind: "discarded", byteCount, reason };
  }

  #clear(): void {
    this.#pieces = [];
    this.#dataLength = 0;
  }
}
