// Moves the outbox to the ledger over any broker (DESIGN section 6): one message in flight, data only
// after an answer, and only the ledger's acknowledgement moves the position. One loop takes answers
// and composes messages, one after the other, so that nothing overlaps although the outbox is
// asynchronous; what was begun before the link changed is thrown away (the generation).

import { type Acknowledgement, batchSizeBytesMax, type Refusal } from "../contract/delivery.ts";
import { errorCodeOf } from "../contract/errors.ts";
import { topics } from "../contract/topics.ts";
import type { OutboxPosition, OutboxRow } from "./buffer/outbox.ts";
import { beginAgain, readAgain, type SendingAgain, wentOn } from "./uplink-again.ts";
import { judge, ownDigestAt, parseAnswer, RejectionFilter } from "./uplink-answer.ts";
import { eventSizeBytesMaxOf, MessageWriter, type UplinkMessage } from "./uplink-batch.ts";
import { BatchLimit } from "./uplink-limit.ts";
import type { AlarmDetail, UplinkAlarm, UplinkOptions, UplinkState } from "./uplink-options.ts";
import { Pace, unansweredCountMax } from "./uplink-pace.ts";
import { type CommonSearch, searchCommon } from "./uplink-search.ts";

/** Answers that may wait while the outbox works; more are dropped, as if the link had lost them. */
const answerCountMax = 64;

/** The edge's half of delivery. */
export class Uplink {
  readonly #options: UplinkOptions;
  readonly #writer: MessageWriter;
  readonly #pace: Pace;
  readonly #limit = new BatchLimit();
  readonly #rejections = new RejectionFilter();
  readonly #answers: (Acknowledgement | Refusal)[] = [];
  #state: UplinkState = "offline";
  /** Grows when what is being composed or judged is out of date. */
  #generation = 0;
  #inFlight: (UplinkMessage & { readonly sentAtMs: number }) | undefined;
  #search: CommonSearch | undefined;
  /** What somebody asked for once more. */
  #again: SendingAgain | undefined;
  /** Whether what is new goes before that: the last batch with events was of it, or a new one was refused. */
  #isNewFirst = false;
  #helloDue = true;
  /** Time-outs in a row, and answers in a row that did not help. */
  #timeoutCount = 0;
  #stallCount = 0;
  #paused = false;
  #dataSentAtMs = Number.NEGATIVE_INFINITY;
  #acknowledgedMs: number | undefined;
  #running = false;
  #kicked = false;
  /** Alarms raised since the last acknowledgement that answered: these are raised once. */
  readonly #alarmed = new Set<UplinkAlarm>();

  constructor(options: UplinkOptions) {
    this.#options = options;
    this.#writer = new MessageWriter(options);
    this.#pace = new Pace(options);
  }

  /** The link is up and the ack topic subscribed: says hello. */
  connected(): void {
    this.#reset("online");
    this.#kick();
  }

  /** The link is gone. What was in flight is unanswered; its acknowledgement may still come, as an echo. */
  disconnected(): void {
    this.#reset("offline");
  }

  /** Takes a payload of the ack topic. */
  receive(payload: Uint8Array): void {
    const answer = parseAnswer(payload);
    if (answer === undefined) {
      this.#options.count("uplink_answers_unreadable");
    } else if (this.#answers.length >= answerCountMax) {
      this.#options.count("uplink_answers_dropped");
    } else {
      this.#answers.push(answer);
      this.#kick();
    }
  }

  /** A bridge asks where this edge stands: says hello as soon as the message in flight had its time. */
  helloRequested(): void {
    if (this.#state !== "online" && this.#state !== "held") return;
    this.#timeoutCount = 0;
    this.#stallCount = 0;
    if (this.#inFlight === undefined) {
      this.#resume("hello");
      return;
    }
    const waitedMs = this.#options.clock.monotonicMs() - this.#inFlight.sentAtMs;
    const restMs = Math.max(0, this.#options.settings.answerTimeoutMs - waitedMs);
    this.#pace.set(restMs, () => this.#timedOut());
  }

  /** Sends again from a sequence that the ledger has acknowledged; a text says why not. */
  async rewind(fromSequence: number): Promise<SendingAgain | string> {
    if (this.#state !== "online") return "the ledger is not reached";
    const again = await beginAgain(this.#options.outbox, fromSequence);
    if (typeof again === "string") return again;
    this.#options.count("uplink_rewinds_asked");
    this.#again = again;
    this.#kick();
    return again;
  }

  /** The outbox grew. */
  wake(): void {
    this.#kick();
  }

  /** Where the uplink stands, for the health report. */
  state(): UplinkState {
    return this.#state;
  }

  /** How long ago the ledger last answered with where it stands; undefined until it did. */
  sinceAcknowledgementMs(): number | undefined {
    const atMs = this.#acknowledgedMs;
    return atMs === undefined ? undefined : Math.floor(this.#options.clock.monotonicMs() - atMs);
  }

  #reset(state: "offline" | "online"): void {
    if (this.#state === "failed") return;
    this.#state = state;
    this.#generation += 1;
    this.#search = undefined;
    this.#helloDue = true;
    this.#stallCount = 0;
    this.#paused = false;
    this.#answered();
  }

  #kick(): void {
    this.#kicked = true;
    if (!this.#running) void this.#run();
  }

  async #run(): Promise<void> {
    this.#running = true;
    try {
      while (this.#kicked && this.#state !== "failed") {
        this.#kicked = false;
        for (let answer = this.#answers.shift(); answer; answer = this.#answers.shift()) {
          if ("payloadDigest" in answer) await this.#takeRefusal(answer);
          else await this.#takeAcknowledgement(answer);
        }
        if (this.#maySend()) await this.#sendNext();
      }
    } catch (error) {
      this.#failed(error);
    } finally {
      this.#running = false;
    }
  }

  #failed(error: unknown): void {
    // A full disk passes, and the ledger tells again what could not be written down.
    if (errorCodeOf(error) === "OUTBOX_FULL") {
      this.#search = undefined;
      this.#stall();
      return;
    }
    this.#state = "failed";
    this.#pace.clear();
    this.#options.onFailure(error);
  }

  #maySend(): boolean {
    const up = this.#state === "online" || this.#state === "held";
    return up && this.#inFlight === undefined && !this.#paused;
  }

  async #sendNext(): Promise<void> {
    const generation = this.#generation;
    const message = await this.#compose();
    if (generation !== this.#generation) {
      this.#kick();
    } else if (message !== undefined) {
      this.#transmit(message);
    } else if (!this.#pace.isSet) {
      this.#pace.set(this.#options.settings.helloIntervalMs, () => this.#resume("hello"));
    }
  }

  async #compose(): Promise<UplinkMessage | undefined> {
    const { outbox } = this.#options;
    const search = this.#search;
    if (search !== undefined) {
      const probe = await search.next((sequence) => this.#rowAt(sequence));
      if (probe !== undefined) return this.#writer.hello(outbox.position(), probe);
      if (this.#search !== search) return undefined;
      await this.#renew(search.common() ?? 0);
    }
    if (this.#helloDue) return this.#writer.hello(outbox.position());
    const countMax = this.#limit.countMax;
    const limits = { countMax, sizeBytesMax: eventSizeBytesMaxOf(countMax) };
    const { acknowledgedSequence, lastSequence } = outbox.position();
    const isDone = acknowledgedSequence >= lastSequence;
    // By turns: a sale or an alarm does not wait for days that are sent again.
    const again = this.#isNewFirst && !isDone ? undefined : this.#again;
    this.#isNewFirst = false;
    if (again !== undefined) {
      const next = await readAgain(outbox, again, limits);
      if (next !== undefined) {
        this.#isNewFirst = true;
        return this.#writer.data(next.position, next.rows, this.#limit.compress);
      }
      if (this.#again === again) this.#again = undefined;
    }
    if (isDone) return undefined;
    const rows = await outbox.read(acknowledgedSequence + 1, limits);
    if (rows.length === 0) return undefined;
    return this.#writer.data(outbox.position(), rows, this.#limit.compress);
  }

  #transmit(message: UplinkMessage): void {
    const { clock, count, send, storeId, edgeId } = this.#options;
    this.#inFlight = { ...message, sentAtMs: clock.monotonicMs() };
    if (message.kind === "hello") this.#helloDue = false;
    else this.#dataSentAtMs = clock.monotonicMs();
    count(message.kind === "hello" ? "uplink_hellos_sent" : "uplink_batches_sent");
    this.#pace.set(this.#pace.waitMs(this.#timeoutCount), () => this.#timedOut());
    send(topics.events(storeId, edgeId), message.payload);
  }

  #timedOut(): void {
    this.#options.count("uplink_timeouts");
    this.#timeoutCount += 1;
    if (this.#timeoutCount % unansweredCountMax === 0) this.#options.onUnanswered?.();
    this.#inFlight = undefined;
    this.#search = undefined;
    this.#resume("hello");
  }

  async #takeAcknowledgement(answer: Acknowledgement): Promise<void> {
    const { outbox, count } = this.#options;
    const position = outbox.position();
    const message = this.#inFlight?.nonce === answer.nonce ? this.#inFlight : undefined;
    const generation = this.#generation;
    const ownDigest = await ownDigestAt(outbox, answer.throughSequence);
    const meaning = judge(answer, position, { inFlight: message, ownDigest });
    if (meaning === "foreign" || meaning === "older_epoch") {
      count(`uplink_acks_${meaning}`);
      if (message === undefined || meaning === "foreign") return;
      const detail = { ledgerEpoch: answer.ledgerEpoch, knownEpoch: position.ledgerEpoch };
      this.#alarmOnce("ledger_epoch_older", "an older ledger answers; it is not believed", detail);
      return;
    }
    if (message === undefined) {
      count("uplink_echoes");
      // Only an answer may teach a newer epoch: an echo that lies must not make us deaf.
      if (meaning === "forward") await this.#move(answer, position.ledgerEpoch);
      return;
    }
    if (generation !== this.#generation) return;
    this.#answered();
    this.#acknowledgedMs = this.#options.clock.monotonicMs();
    this.#alarmed.clear();
    if (this.#state === "held") this.#state = "online";
    if (this.#search !== undefined) this.#search.take(answer.probeMatches === true);
    else if (meaning === "diverged") this.#diverged(answer, position, ownDigest);
    else if (meaning === "same") await this.#learnEpoch(answer, position);
    else if (meaning !== "shed") await this.#move(answer, answer.ledgerEpoch);
    if (generation !== this.#generation) return;
    if (message.kind === "data") {
      if (this.#again !== undefined) this.#again = wentOn(this.#again, message.rows);
      const isStill = position.acknowledgedSequence === message.afterSequence;
      if (meaning === "same" && isStill) return this.#stall();
      this.#stallCount = 0;
      this.#limit.grow();
    }
    this.#throttle();
  }

  /** Forward, or back where an answer says so. */
  async #move(answer: Acknowledgement, ledgerEpoch: number): Promise<void> {
    const { outbox, count, onRejected } = this.#options;
    const { throughSequence, throughDigest } = answer;
    const position = outbox.position();
    if (throughSequence < position.acknowledgedSequence) this.#alarmBehind(answer, position);
    await outbox.acknowledge(throughSequence, throughDigest, ledgerEpoch);
    const rejected = this.#rejections.fresh(answer);
    if (rejected.length === 0) return;
    count("uplink_events_rejected", rejected.length);
    onRejected(rejected);
  }

  async #learnEpoch({ ledgerEpoch }: Acknowledgement, position: OutboxPosition): Promise<void> {
    if (ledgerEpoch === position.ledgerEpoch) return;
    const { acknowledgedSequence, acknowledgedDigest } = position;
    await this.#options.outbox.acknowledge(acknowledgedSequence, acknowledgedDigest, ledgerEpoch);
  }

  #diverged(answer: Acknowledgement, position: OutboxPosition, own: string | undefined): void {
    const { throughSequence, throughDigest } = answer;
    this.#options.count("uplink_divergences");
    this.#search = searchCommon(position, { throughSequence, agrees: own === throughDigest });
  }

  async #renew(commonSequence: number): Promise<void> {
    const { outbox, alarm } = this.#options;
    const { outboxId } = outbox.position();
    await outbox.renew("diverged", commonSequence);
    this.#search = undefined;
    this.#helloDue = true;
    const text =
      "the ledger's history of this buffer differs (cloned or set back); a new one begins";
    alarm("outbox_diverged", text, { outboxId, commonSequence });
  }

  async #takeRefusal(refusal: Refusal): Promise<void> {
    const { alarm, count, outbox, settings } = this.#options;
    const message = this.#inFlight;
    if (message?.payloadDigest !== refusal.payloadDigest) return count("uplink_refusals_alien");
    count("uplink_refusals");
    this.#answered();
    this.#search = undefined;
    if (message.kind === "data" && this.#isNewFirst) {
      // What the ledger has already is no reason to set an event aside.
      this.#again = undefined;
      return this.#stall();
    }
    // What lets the batches grow again must not come between.
    this.#isNewFirst = true;
    if (refusal.code === "VERSION_UNSUPPORTED") {
      this.#alarmOnce("version_unsupported", refusal.message, {});
      this.#state = "held";
      return this.#pause(settings.answerTimeoutMsMax, "hello");
    }
    const sequence = message.rows[0]?.firstSequence ?? 0;
    const detail = { sequence, code: refusal.code, reason: refusal.message };
    const verdict = this.#limit.refused(message, refusal.code);
    if (verdict === "again") return this.#throttle();
    if (verdict === "stuck") {
      this.#alarmOnce(
        "message_refused",
        "the bridge reads no hello or declared gap of ours",
        detail,
      );
    }
    if (verdict !== "set aside") return this.#stall();
    await outbox.setAside(sequence);
    alarm("event_set_aside", "the bridge cannot read an event; a gap takes its place", detail);
    this.#kick();
  }

  #answered(): void {
    this.#inFlight = undefined;
    this.#timeoutCount = 0;
    this.#pace.clear();
  }

  #stall(): void {
    this.#stallCount += 1;
    this.#options.count("uplink_stalls");
    this.#pause(this.#pace.waitMs(this.#stallCount), "hello");
  }

  #throttle(): void {
    const { clock, settings } = this.#options;
    const restMs = this.#dataSentAtMs + settings.batchIntervalMsMin - clock.monotonicMs();
    if (restMs > 0 && !this.#helloDue) this.#pause(restMs, "next");
    else this.#kick();
  }

  #pause(delayMs: number, then: "hello" | "next"): void {
    this.#paused = true;
    this.#pace.set(delayMs, () => this.#resume(then));
  }

  #resume(then: "hello" | "next"): void {
    this.#paused = false;
    this.#pace.clear();
    if (then === "hello") {
      this.#helloDue = true;
      this.#generation += 1;
    }
    this.#kick();
  }

  async #rowAt(sequence: number): Promise<OutboxRow | undefined> {
    const limits = { countMax: 1, sizeBytesMax: batchSizeBytesMax };
    return (await this.#options.outbox.read(sequence, limits))[0];
  }

  #alarmBehind(answer: Acknowledgement, { acknowledgedSequence }: OutboxPosition): void {
    const { throughSequence, ledgerEpoch } = answer;
    this.#options.count("uplink_rewinds");
    const text = "the ledger no longer has what it acknowledged; it is sent again";
    const detail = { acknowledgedSequence, throughSequence, ledgerEpoch };
    this.#options.alarm("ledger_behind", text, detail);
  }

  #alarmOnce(code: UplinkAlarm, text: string, detail: AlarmDetail): void {
    if (this.#alarmed.has(code)) return;
    this.#alarmed.add(code);
    this.#options.alarm(code, text, detail);
  }
}
