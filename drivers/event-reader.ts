// The driver of readers that publish by themselves: takes their events and, where the transport lets it,
// asks for their state, first and whenever they are quiet.

import { GatewayError } from "../contract/errors.ts";
import { reportFaults } from "./device-faults.ts";
import type { DriverContext } from "./driver.ts";
import { FrameFeed } from "./frame-feed.ts";
import { type InputNames, inputNamed } from "./input-names.ts";
import { JsonDecoder } from "./json-decoder.ts";
import type { EventResult, ReaderEvent } from "./reader-event.ts";
import { ReaderFaults } from "./reader-faults.ts";
import {
  cannotBeAsked,
  type ExchangeAnswer,
  encodeRequest,
  readAnswer,
} from "./transport/exchange.ts";

/** How long a passing fault is told. */
const passingMs = 60_000;

/** Where silence is believed a driver still looks around this often. */
const quietMsMax = 3_600_000;

/** What a maker's readers have of their own. */
export interface EventDialect {
  readonly name: string;
  readEvent(value: unknown): EventResult;
  /** Absent where it is only listened to. */
  readonly questions?: EventQuestions;
}

/** What a reader is asked, where the transport lets it be. */
export interface EventQuestions {
  readonly statusPath: string;
  /** The state that it answered, and whether it reads; undefined where the answer is none. */
  readStatus(
    body: unknown,
  ): { readonly description: string; readonly isReading: boolean } | undefined;
  /** Starts it where it does not read; undefined where it is left as it is. */
  readonly startPath: string | undefined;
  readonly answerTimeoutMs: number;
  /** Quiet for this long, it is asked. */
  readonly quietMs: number;
}

/** Of the options. */
export interface EventReaderSettings {
  readonly inputs: InputNames;
  /** Where it cannot be asked: so long without a word is the end. Absent: silence is believed. */
  readonly silenceTimeoutMs?: number | undefined;
}

/** One run of such a driver. */
export class EventReader {
  readonly #context: DriverContext;
  readonly #dialect: EventDialect;
  readonly #settings: EventReaderSettings;
  readonly #feed: FrameFeed<object>;
  readonly #faults: ReaderFaults;
  /** Antennas that were plugged in or have read. */
  readonly #antennas = new Set<number>();
  #lastSequence: number | undefined;
  #description: string | undefined;
  #isIdentified = false;
  /** What it is was asked; from now on an event tells it too. */
  #wasAsked = false;

  constructor(context: DriverContext, dialect: EventDialect, settings: EventReaderSettings) {
    this.#context = context;
    this.#dialect = dialect;
    this.#settings = settings;
    this.#feed = new FrameFeed(context, new JsonDecoder());
    this.#faults = new ReaderFaults((reason) => reportFaults(context, reason));
  }

  /** Runs until the reader is lost: DRIVER_SILENT, _GARBAGE, _NOT_IDENTIFIED, _COMMAND_REFUSED, _PORT_LOST. */
  async run(): Promise<never> {
    const { clock } = this.#context;
    const { silenceTimeoutMs = Number.POSITIVE_INFINITY } = this.#settings;
    const { questions } = this.#dialect;
    let canBeAsked = await this.#check();
    this.#wasAsked = true;
    let heardAtMs = clock.monotonicMs();
    for (;;) {
      const nowMs = clock.monotonicMs();
      this.#faults.expire(nowMs);
      const quietMs = canBeAsked ? questions?.quietMs : undefined;
      const quietAtMs = heardAtMs + (quietMs ?? Math.min(silenceTimeoutMs, quietMsMax));
      const frame = await this.#feed.next(
        Math.max(0, Math.min(quietAtMs, this.#faults.nextExpiryMs) - nowMs),
      );
      if (frame !== undefined) {
        this.#take(frame);
        heardAtMs = clock.monotonicMs();
      } else if (quietAtMs <= clock.monotonicMs()) {
        if (canBeAsked) canBeAsked = await this.#check();
        else if (silenceTimeoutMs < Number.POSITIVE_INFINITY)
          throw this.#feed.unanswered("listening");
        heardAtMs = clock.monotonicMs();
      }
    }
  }

  // Whether it could be asked.
  async #check(): Promise<boolean> {
    const { questions, name } = this.#dialect;
    if (questions === undefined) return false;
    const { statusPath, readStatus, startPath, answerTimeoutMs } = questions;
    const answer = await this.#ask("GET", statusPath, answerTimeoutMs);
    if (answer.statusCode === cannotBeAsked) return false;
    const status = answer.statusCode === 200 ? readStatus(answer.body) : undefined;
    if (status === undefined) {
      const message = `${statusPath} answered ${answer.statusCode}, and not as ${name} does`;
      throw new GatewayError("DRIVER_NOT_IDENTIFIED", message, { retryable: true });
    }
    this.#description = status.description;
    this.#identify();
    if (status.isReading) this.#faults.clear("idle");
    else if (startPath === undefined)
      this.#faults.set("idle", "the reader is idle: nothing starts it");
    else {
      const started = await this.#ask("POST", startPath, answerTimeoutMs);
      if (started.statusCode < 200 || started.statusCode > 299) {
        const message = `${startPath} was refused with ${started.statusCode}`;
        throw new GatewayError("DRIVER_COMMAND_REFUSED", message, { retryable: true });
      }
      this.#faults.clear("idle");
      this.#context.count("starts");
    }
    return true;
  }

  // Events that come before the answer are taken as always.
  #ask(method: "GET" | "POST", path: string, timeoutMs: number): Promise<ExchangeAnswer> {
    const question = { name: path, bytes: encodeRequest({ method, path }), timeoutMs };
    return this.#feed.ask(question, (frame) => {
      const answer = readAnswer(frame);
      if (answer === undefined) this.#take(frame);
      // Status 0 is a request that was lost on its way: the next try follows its time-out.
      return answer?.answerTo === path && answer.statusCode !== 0 ? answer : undefined;
    });
  }

  #take(frame: object): void {
    const { count } = this.#context;
    if (readAnswer(frame) !== undefined) {
      count("answers_late");
      return;
    }
    const result = this.#dialect.readEvent(frame);
    if (!result.ok) {
      count(`events_${result.reason}`);
      return;
    }
    if (this.#wasAsked) this.#identify();
    this.#countMissing(result.sequence);
    for (const event of result.events) this.#tell(event);
  }

  #identify(): void {
    if (this.#isIdentified) return;
    this.#isIdentified = true;
    this.#context.onIdentified(this.#description ?? `${this.#dialect.name}, known by its events`);
  }

  // A number that is not above the last is a counter that began anew.
  #countMissing(sequence: number | undefined): void {
    if (sequence === undefined) return;
    const missingCount = sequence - (this.#lastSequence ?? sequence) - 1;
    if (missingCount > 0) this.#context.count("events_missing", missingCount);
    this.#lastSequence = sequence;
  }

  #tell(event: ReaderEvent): void {
    const { deviceId, clock, onReading } = this.#context;
    const common = { deviceId, receivedAtMs: clock.nowMs() };
    switch (event.type) {
      case "tag":
        this.#antennas.add(event.tag.antenna);
        onReading({ kind: "tag", ...common, ...event.tag });
        break;
      case "input":
        onReading({
          kind: "input",
          ...common,
          ...inputNamed(this.#settings.inputs, event.port, event.isHigh),
        });
        break;
      case "antenna": {
        const name = `antenna ${event.antenna}`;
        if (event.isConnected) {
          this.#antennas.add(event.antenna);
          this.#faults.clear(name);
        } else if (this.#antennas.has(event.antenna)) {
          this.#faults.set(name, `${name} is not connected`);
        }
        break;
      }
      case "fault": {
        const untilMs = event.isPassing ? clock.monotonicMs() + passingMs : undefined;
        this.#faults.set(event.name, event.text, untilMs);
        break;
      }
      case "cleared":
        this.#faults.clear(event.name);
        break;
      case "alive":
        break;
    }
  }
}
