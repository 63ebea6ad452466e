// What the drivers of a GPIO chip have in common: who the chip is, which line has which name, and answers
// that may come between the edges of other lines.

import { GatewayError } from "../contract/errors.ts";
import type { DriverContext } from "./driver.ts";
import { attemptCountMax, FrameFeed } from "./frame-feed.ts";
import {
  type ChipRecord,
  createChipRecordDecoder,
  encodeHostRecord,
  type HostRecord,
} from "./transport/gpio-record.ts";

/** Records of one type. */
export type RecordOf<Type extends ChipRecord["type"]> = Extract<ChipRecord, { type: Type }>;

/** A line as the options name it. */
export interface LineAddress {
  readonly offset?: number | undefined;
  readonly lineName?: string | undefined;
}

/** The records that one chip says to one driver. */
export class GpioFeed {
  readonly #context: DriverContext;
  readonly #feed: FrameFeed<ChipRecord>;
  readonly #answerTimeoutMs: number;
  /** Takes what was not asked for. */
  readonly #onOther: (record: ChipRecord) => void;

  constructor(
    context: DriverContext,
    answerTimeoutMs: number,
    onOther: (record: ChipRecord) => void,
  ) {
    this.#context = context;
    this.#feed = new FrameFeed(context, createChipRecordDecoder());
    this.#answerTimeoutMs = answerTimeoutMs;
    this.#onOther = onOther;
  }

  /** Which chip it is, in words. */
  async identify(): Promise<string> {
    const chip = await this.request({ type: "identify" }, (record) =>
      record.type === "chip" ? record : undefined,
    );
    return `GPIO chip ${chip.label} (${chip.name}, ${chip.lineCount} lines)`;
  }

  /** Number of a line on the chip. */
  async offsetOf({ offset, lineName }: LineAddress): Promise<number> {
    if (offset !== undefined) return offset;
    if (lineName === undefined) throw new GatewayError("CONFIG_INVALID", "a line without a name");
    const found = await this.request({ type: "find", lineName }, (record) =>
      record.type === "found" && record.lineName === lineName ? record : undefined,
    );
    return found.offset;
  }

  /** Asks until `accept` finds the answer. DRIVER_SILENT or DRIVER_GARBAGE after the last try. */
  async request<Said>(
    question: HostRecord,
    accept: (record: ChipRecord) => Said | undefined,
  ): Promise<Said> {
    for (let attempt = 1; attempt <= attemptCountMax; attempt += 1) {
      this.send(question);
      const answer = await this.#feed.nextThat(this.#answerTimeoutMs, (record) => {
        const said = accept(record);
        if (said === undefined) this.#onOther(record);
        return said;
      });
      if (answer !== undefined) return answer;
      this.#context.count("timeouts");
    }
    throw this.#feed.unanswered(question.type);
  }

  /** The next record; undefined after `timeoutMs` without one. Fails as FrameFeed does. */
  next(timeoutMs: number): Promise<ChipRecord | undefined> {
    return this.#feed.next(timeoutMs);
  }

  /** Says something and waits for no answer. */
  send(record: HostRecord): void {
    this.#feed.send(encodeHostRecord(record));
  }
}
