// A simulated LLRP reader: one client at a time, a ROSpec that it runs by itself, and reports that it keeps
// while nobody listens. Antennas read in turn; each tag in an antenna's field is read with a probability
// that falls with the signal.

import type { z } from "zod";
import { encodeCapabilities } from "../drivers/llrp/capabilities.ts";
import { encodeAnswer, isEnableExtensions, numberIn } from "../drivers/llrp/codec.ts";
import { encodeNotification, type ReaderEvent } from "../drivers/llrp/events.ts";
import { encodeMessage, type Message, MessageDecoder } from "../drivers/llrp/frame.ts";
import { parametersOf, u8, u32 } from "../drivers/llrp/parameter.ts";
import { encodeState, readSettings } from "../drivers/llrp/reader-config.ts";
import { encodeTagRead, type TagRead } from "../drivers/llrp/report.ts";
import {
  encodeStoredRoSpec,
  type RoSpec,
  type RoSpecState,
  readRoSpec,
  type StoredRoSpec,
  storedRoSpecs,
} from "../drivers/llrp/ro-spec.ts";
import { encodeStatus, type Status, statusOk } from "../drivers/llrp/status.ts";
import { impinj, messageTypes } from "../drivers/llrp/tables.ts";
import { FaultyLine, type GreetingDevice, parseControl } from "./device.ts";
import {
  capabilitiesOf,
  type FieldTag,
  type LlrpSimulatorOptions,
  llrpControlSchema,
  llrpSimulatorOptionsSchema,
  readField,
} from "./llrp-reader.ts";
import { between, type Random } from "./random.ts";

const invalid: Status = { code: 101, text: "", fieldError: { field: 0, code: 300 } };
const unsupported: Status = { code: 109, text: "" };
const none = new Uint8Array(0);

/** The reader. */
export class LlrpSimulator implements GreetingDevice {
  readonly #options: z.output<typeof llrpSimulatorOptionsSchema>;
  readonly #random: Random;
  readonly #line: FaultyLine;
  readonly #disconnected = new Set<number>();
  readonly #inputs = new Map<number, { isHigh: boolean }>();
  #decoder = new MessageDecoder();
  #tags: readonly FieldTag[] = [];
  #isConnected = false;
  #hasExtensions = false;
  #isHolding = false;
  /** Events and reports wait until the client asks for them. */
  #isHeld = false;
  #held: Message[] = [];
  #hasOverflowed = false;
  #keepaliveMs = 0;
  #keepaliveAtMs = Number.POSITIVE_INFINITY;
  #stored: StoredRoSpec | undefined;
  #spec: RoSpec | undefined;
  #roundAtMs = Number.POSITIVE_INFINITY;
  #roundCount = 0;
  #switchedOnAtMs = 0;
  #clockOffsetMs: number;
  #reports: Uint8Array[] = [];
  #lastId = 0;
  #nowMs = 0;
  #out: Uint8Array[] = [];

  constructor(random: Random, options: LlrpSimulatorOptions = {}) {
    this.#options = llrpSimulatorOptionsSchema.parse(options);
    this.#random = random;
    this.#line = new FaultyLine(random);
    this.#clockOffsetMs = this.#options.clockAtMs;
    for (let port = 1; port <= 4; port += 1) this.#inputs.set(port, { isHigh: false });
  }

  connect(nowMs: number): Uint8Array[] {
    this.#nowMs = nowMs;
    this.#isConnected = true;
    this.#isHeld = this.#isHolding;
    this.#decoder = new MessageDecoder();
    if (this.#keepaliveMs > 0) this.#keepaliveAtMs = nowMs + this.#keepaliveMs;
    // The greeting is never held.
    this.#send(this.#notification({ type: "connection_attempt", status: "success" }, nowMs));
    return this.#flush();
  }

  disconnect(): void {
    this.#isConnected = false;
    this.#hasExtensions = false;
    this.#keepaliveAtMs = Number.POSITIVE_INFINITY;
    this.#out = [];
  }

  refuse(nowMs: number): Uint8Array {
    const status = "client_initiated_exists";
    return encodeMessage(this.#notification({ type: "connection_attempt", status }, nowMs));
  }

  receive(bytes: Uint8Array, nowMs: number): Uint8Array[] {
    this.#nowMs = nowMs;
    for (const item of this.#decoder.push(bytes)) {
      if (item.kind === "frame") this.#execute(item.frame, nowMs);
    }
    return [...this.#flush(), ...this.tick(nowMs)];
  }

  tick(nowMs: number): Uint8Array[] {
    this.#nowMs = nowMs;
    for (; this.#roundAtMs <= nowMs; this.#roundAtMs += this.#options.dwellMs) {
      this.#round(this.#roundAtMs);
    }
    if (this.#keepaliveAtMs <= nowMs) {
      this.#keepaliveAtMs = nowMs + this.#keepaliveMs;
      this.#send(this.#message(messageTypes.KEEPALIVE, none));
    }
    return this.#flush();
  }

  nextTickMs(): number {
    if (this.#out.length > 0) return this.#nowMs;
    return Math.min(this.#roundAtMs, this.#keepaliveAtMs);
  }

  control(message: unknown): void {
    const control = parseControl(llrpControlSchema, message);
    switch (control.type) {
      case "fault":
        this.#line.set(control);
        break;
      case "field":
        this.#tags = control.tags;
        break;
      case "antenna":
        if (control.connected) this.#disconnected.delete(control.antenna);
        else this.#disconnected.add(control.antenna);
        this.#tell({ type: "antenna", antenna: control.antenna, isConnected: control.connected });
        break;
      case "input":
        this.#inputs.set(control.port, { isHigh: control.isHigh });
        this.#tell({ type: "gpi", port: control.port, isHigh: control.isHigh });
        break;
      case "clock":
        this.#clockOffsetMs = control.atMs - this.#nowMs;
        break;
      case "stop":
        this.#setState("inactive");
        break;
      case "exception":
        this.#tell({ type: "exception", text: control.text });
        break;
      case "buffer":
        this.#tell({ type: "buffer_warning", percentFull: Math.round(100 * control.fullShare) });
        break;
      case "restart":
        this.#restart();
    }
  }

  #restart(): void {
    this.#switchedOnAtMs = this.#nowMs;
    this.#clockOffsetMs = this.#options.clockAtMs - this.#nowMs;
    this.#stored = undefined;
    this.#spec = undefined;
    this.#roundAtMs = Number.POSITIVE_INFINITY;
    this.#isHolding = false;
    this.#held = [];
    this.#keepaliveMs = 0;
    this.#keepaliveAtMs = Number.POSITIVE_INFINITY;
    this.#tell({ type: "connection_close" });
  }

  /** Carries a message out; the answer, where it has one, goes out behind what happened by it. */
  #execute(message: Message, nowMs: number): void {
    const answer = this.#reply(message, nowMs);
    if (answer !== undefined) this.#send(answer);
  }

  #reply(message: Message, nowMs: number): Message | undefined {
    const answer = (status: Status, ...parameters: Uint8Array[]) =>
      encodeAnswer(message, [encodeStatus(status), ...parameters]);
    switch (message.type) {
      case messageTypes.KEEPALIVE_ACK:
        return undefined;
      case messageTypes.ENABLE_EVENTS_AND_REPORTS:
        this.#release();
        return undefined;
      case messageTypes.GET_READER_CAPABILITIES:
        return answer(statusOk, encodeCapabilities(capabilitiesOf(this.#options)));
      case messageTypes.GET_READER_CONFIG:
        return answer(statusOk, encodeState(this.#state()));
      case messageTypes.SET_READER_CONFIG:
        return answer(this.#set(message, nowMs));
      case messageTypes.GET_SUPPORTED_VERSION:
        if (!this.#options.supportsVersion11) return refusalOf(message);
        return encodeAnswer(message, [encodeStatus(statusOk)], Uint8Array.of(1, 2));
      case messageTypes.SET_PROTOCOL_VERSION:
        return answer(this.#options.supportsVersion11 ? statusOk : unsupported);
      case messageTypes.CLOSE_CONNECTION:
      case messageTypes.DELETE_ACCESSSPEC:
        return answer(statusOk);
      case messageTypes.GET_ROSPECS:
        return answer(statusOk, this.#stored ? encodeStoredRoSpec(this.#stored) : none);
      case messageTypes.ADD_ROSPEC:
        return answer(this.#add(message));
      case messageTypes.CUSTOM_MESSAGE:
        return this.#extend(message);
      default: {
        const status = this.#control(message);
        return status === undefined ? refusalOf(message) : answer(status);
      }
    }
  }

  #release(): void {
    this.#isHeld = false;
    for (const held of this.#held.splice(0)) this.#send(held);
    if (this.#hasOverflowed) this.#tell({ type: "buffer_overflow" });
    this.#hasOverflowed = false;
  }

  #add(message: Message): Status {
    const [stored] = storedRoSpecs(parametersOf(message.content) ?? []);
    const spec = stored && readRoSpec(stored.bytes);
    const isFitting = spec?.antennas.every((each) => each <= this.#options.antennaCount);
    if (stored === undefined || this.#stored !== undefined || isFitting !== true) return invalid;
    this.#stored = { ...stored, state: "disabled" };
    this.#spec = spec;
    return statusOk;
  }

  // What is asked of a ROSpec by its number; undefined for another message.
  #control(message: Message): Status | undefined {
    const id = numberIn(message);
    const isOurs = this.#stored !== undefined && (id === 0 || id === this.#stored.roSpecId);
    const status = isOurs ? statusOk : invalid;
    switch (message.type) {
      case messageTypes.DELETE_ROSPEC:
        this.#setState("disabled");
        if (isOurs) this.#stored = undefined;
        return id === 0 ? statusOk : status;
      case messageTypes.ENABLE_ROSPEC:
        if (isOurs) this.#setState(this.#options.startsByItself ? "active" : "inactive");
        return status;
      case messageTypes.START_ROSPEC:
        if (isOurs) this.#setState("active");
        return status;
      case messageTypes.STOP_ROSPEC:
        if (isOurs) this.#setState("inactive");
        return status;
      default:
        return undefined;
    }
  }

  #set(message: Message, nowMs: number): Status {
    const settings = readSettings(message.content);
    if (settings === undefined) return invalid;
    if (settings.isHolding === true && !this.#options.isHoldingSupported) return unsupported;
    this.#isHolding = settings.isHolding ?? this.#isHolding;
    this.#keepaliveMs = settings.keepaliveMs ?? this.#keepaliveMs;
    this.#keepaliveAtMs =
      this.#keepaliveMs > 0 ? nowMs + this.#keepaliveMs : Number.POSITIVE_INFINITY;
    return statusOk;
  }

  #extend(message: Message): Message {
    if (this.#options.maker !== "impinj" || !isEnableExtensions(message)) return refusalOf(message);
    this.#hasExtensions = true;
    const head = Buffer.concat([u32(impinj.vendorId), u8(impinj.enableExtensionsResponse)]);
    return encodeAnswer(message, [encodeStatus(statusOk)], head);
  }

  #setState(state: RoSpecState): void {
    if (this.#stored === undefined || this.#stored.state === state) return;
    const wasActive = this.#stored.state === "active";
    this.#stored = { ...this.#stored, state };
    const { roSpecId } = this.#stored;
    if (state === "active") {
      this.#roundAtMs = this.#nowMs + this.#options.dwellMs;
      this.#tell({ type: "ro_spec", what: "started", roSpecId });
    } else if (wasActive) {
      this.#roundAtMs = Number.POSITIVE_INFINITY;
      this.#tell({ type: "ro_spec", what: "ended", roSpecId });
    }
  }

  // One antenna for one dwell: each tag answers once, some time within it.
  #round(atMs: number): void {
    if (this.#spec === undefined) return;
    const named = this.#spec.antennas.filter((antenna) => antenna !== 0);
    const all = Array.from({ length: this.#options.antennaCount }, (_, index) => index + 1);
    const antennas = named.length === 0 ? all : named;
    const antenna = antennas[this.#roundCount % antennas.length]!;
    this.#roundCount += 1;
    if (this.#disconnected.has(antenna)) return;
    const tags = this.#tags.filter((tag) => tag.antenna === antenna);
    const reads = readField(tags, this.#options, this.#random, atMs);
    for (const { tid, atMs: seenAtMs, ...seen } of reads) {
      const read = { ...seen, count: 1, ...this.#timesOf(seenAtMs) };
      const phaseDeg = between(this.#random, 0, 359.9);
      const isWanted = this.#hasExtensions && this.#spec.hasImpinjContent;
      const tidOf = this.#spec.hasTid ? tid : undefined;
      this.#reports.push(encodeTagRead({ ...read, phaseDeg, tid: tidOf }, isWanted));
      if (this.#reports.length >= this.#spec.reportEveryReadCount) this.#report();
    }
  }

  #report(): void {
    const content = Buffer.concat(this.#reports.splice(0));
    this.#offer(this.#message(messageTypes.RO_ACCESS_REPORT, content));
  }

  #timesOf(
    atMs: number,
  ): Pick<
    Partial<TagRead>,
    "firstSeenUtcUs" | "lastSeenUtcUs" | "firstSeenUptimeUs" | "lastSeenUptimeUs"
  > {
    const us = Math.round((atMs + this.#clockOffsetMs) * 1000);
    const uptimeUs = Math.max(0, Math.round((atMs - this.#switchedOnAtMs) * 1000));
    return this.#options.hasClock
      ? { firstSeenUtcUs: us, lastSeenUtcUs: us }
      : { firstSeenUptimeUs: uptimeUs, lastSeenUptimeUs: uptimeUs };
  }

  #tell(event: ReaderEvent): void {
    this.#offer(this.#notification(event, this.#nowMs));
  }

  // To the client, or kept for it.
  #offer(message: Message): void {
    if (this.#isConnected && !this.#isHeld) this.#send(message);
    else if (this.#isHolding && this.#held.length < this.#options.heldCountMax) {
      this.#held.push(message);
    } else if (this.#isHolding) this.#hasOverflowed = true;
  }

  #notification(event: ReaderEvent, nowMs: number): Message {
    const { firstSeenUtcUs: utcUs, firstSeenUptimeUs: uptimeUs } = this.#timesOf(nowMs);
    const content = encodeNotification({ utcUs, uptimeUs, events: [event] });
    return this.#message(messageTypes.READER_EVENT_NOTIFICATION, content);
  }

  #message(type: number, content: Uint8Array): Message {
    this.#lastId += 1;
    return { version: 1, type, id: this.#lastId, content };
  }

  #send(message: Message): void {
    this.#out.push(encodeMessage(message));
  }

  #flush(): Uint8Array[] {
    return this.#out.splice(0).flatMap((bytes) => this.#line.apply(bytes));
  }

  #state() {
    const antennas = Array.from({ length: this.#options.antennaCount }, (_, index) => {
      return [index + 1, { isConnected: !this.#disconnected.has(index + 1) }] as const;
    });
    const transmitter = { hopTableId: 1, channelIndex: 0 };
    return { antennas: new Map(antennas), inputs: this.#inputs, transmitter };
  }
}

function refusalOf({ version, id }: Message): Message {
  return { version, type: messageTypes.ERROR_MESSAGE, id, content: encodeStatus(unsupported) };
}
