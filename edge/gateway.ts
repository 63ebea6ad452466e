// The edge without its process: sensing, outbox, uplink and devices tied together. The daemon runs it
// on the machine's clock, the virtual store on a simulated one.

import type { OutputCommand } from "../contract/actuation.ts";
import type { Command, Health, Rejection, Reply } from "../contract/delivery.ts";
import { type ErrorCode, errorCodeOf, errorMessageOf, GatewayError } from "../contract/errors.ts";
import type { Conclusion, NoticedConclusion } from "../contract/event.ts";
import { parsePayload } from "../contract/payload.ts";
import type { Plan } from "../contract/plan.ts";
import { readForward } from "../contract/read-forward.ts";
import type { Reading } from "../contract/reading.ts";
import { goesLessFar, type Sold, soldSchema } from "../contract/sold.ts";
import type { Clock } from "../drivers/clock.ts";
import type { Outbox } from "./buffer/outbox.ts";
import type { EdgeClock } from "./clock.ts";
import type { CommandGate } from "./command-gate.ts";
import type { EdgeConfig } from "./config.ts";
import { Intake } from "./intake.ts";
import type { Pipeline } from "./sense/pipeline.ts";
import { type SupervisedDevice, Supervisor, type SupervisorLog } from "./supervisor.ts";
import { Uplink } from "./uplink.ts";

/** Of a reply (contract/delivery.ts). */
const messageLengthMax = 500;

/** What a gateway is made of. */
export interface GatewayParts {
  readonly config: EdgeConfig;
  readonly outbox: Outbox;
  readonly pipeline: Pipeline;
  readonly edgeClock: EdgeClock;
  readonly devices: readonly SupervisedDevice[];
  readonly clock: Clock;
  readonly random: () => number;
  readonly randomId: () => string;
  /** Publishes with QoS 1; may lose it. */
  readonly send: (topic: string, payload: Uint8Array) => void;
  readonly commandGate: CommandGate;
  /** A report, for who asks by a command. */
  readonly health: () => Promise<Health>;
  /** Puts a sent configuration on trial; `upDeviceIds` are up now. Gives what a person should know. */
  readonly applyConfig: (text: string, upDeviceIds: readonly string[]) => Promise<string>;
  readonly renewCertificate: (certificate: string) => Promise<string>;
  /** Sees every reading before sensing does. */
  readonly onReading?: (reading: Reading) => void;
  /** Nothing goes on: the process must stop and start anew. */
  readonly onFailure: (error: unknown) => void;
  /** Nobody answers on this connection. */
  readonly onUnanswered?: () => void;
  readonly count: (name: string, by?: number) => void;
  readonly log: SupervisorLog;
}

/** Sensing, outbox, uplink and devices of one edge. */
export class Gateway {
  readonly uplink: Uplink;
  readonly supervisor: Supervisor;
  readonly #parts: GatewayParts;
  readonly #intake: Intake;
  /** How far the list of what is sold goes that was taken last. */
  #soldThrough: Sold["through"];

  constructor(parts: GatewayParts) {
    this.#parts = parts;
    const { config, clock, random, count, log } = parts;
    this.#intake = new Intake({
      ...parts,
      onRefused: (conclusions, error) => this.#eventsRefused(conclusions, error),
      onSignal: ({ deviceId, ...command }) => void this.actuate(deviceId, command),
    });
    this.uplink = new Uplink({
      ...parts,
      storeId: config.storeId,
      edgeId: config.edgeId,
      settings: config.uplink,
      completeThroughAtMs: () => this.#intake.completeThroughAtMs(),
      alarm: (code, message, detail) => void this.alarm(code, message, detail),
      onRejected: (rejections) => this.#eventsRejected(rejections),
    });
    this.supervisor = new Supervisor({
      devices: parts.devices,
      clock,
      random,
      count,
      log,
      onReading: (reading) => {
        parts.onReading?.(reading);
        this.#intake.take(reading);
      },
    });
  }

  /** Starts sensing, then the devices. */
  start(): void {
    this.#intake.start();
    this.supervisor.start();
  }

  /** Stops devices, sensing, delivery; what was accepted is in the outbox. */
  async stop(): Promise<void> {
    const lateDeviceIds = await this.supervisor.stop();
    if (lateDeviceIds.length > 0) this.#parts.log.warn({ lateDeviceIds }, "devices did not stop");
    this.#intake.stop();
    this.uplink.disconnected();
  }

  /** Takes a newer plan. */
  setPlan(plan: Plan): void {
    this.#intake.setPlan(plan);
    this.#parts.log.info({ version: plan.version }, "plan taken");
  }

  /** Takes the ledger's list of what is sold, as it was published. */
  takeSold(payload: Uint8Array): void {
    const { config, count, log } = this.#parts;
    const parsed = readForward(soldSchema, parsePayload(payload));
    const sold = parsed.data;
    if (sold?.storeId !== config.storeId || goesLessFar(sold.through, this.#soldThrough)) {
      const reason = parsed.error?.issues[0]?.message ?? "another store's, or an older one";
      count("sold_lists_refused");
      log.warn({ code: "MESSAGE_INVALID", reason }, "list of what is sold refused");
      return;
    }
    this.#soldThrough = sold.through ?? this.#soldThrough;
    this.#intake.setSold(sold);
  }

  /** Carries out a command message and gives the reply; undefined for one without an id to answer to. Never rejects. */
  async command(payload: Uint8Array): Promise<Reply | undefined> {
    const { commandGate, count, log } = this.#parts;
    const admission = await commandGate.admit(parsePayload(payload));
    if (admission === undefined) {
      count("commands_invalid");
      log.warn({ code: "MESSAGE_INVALID" }, "command refused");
      return undefined;
    }
    const { command, refusal } = admission;
    if (refusal === undefined) return await this.#carryOut(command);
    const { code, message } = refusal;
    count("commands_refused");
    log.warn({ code, message, command: command.command }, "command refused");
    return { id: command.id, ok: false, code, message: message.slice(0, messageLengthMax) };
  }

  async #carryOut(command: Command): Promise<Reply> {
    if (command.command === "status") {
      const work = async () => ({ health: await this.#parts.health() });
      return await this.#replyOf(command.id, "OUTBOX_FAILED", work);
    }
    if (command.command === "apply_config") {
      const upDeviceIds = this.supervisor
        .health()
        .filter(({ state }) => state !== "offline")
        .map(({ deviceId }) => deviceId);
      const work = async () => ({
        message: await this.#parts.applyConfig(command.config, upDeviceIds),
      });
      return await this.#replyOf(command.id, "CONFIG_REFUSED", work);
    }
    if (command.command === "renew_certificate") {
      const work = async () => ({
        message: await this.#parts.renewCertificate(command.certificate),
      });
      return await this.#replyOf(command.id, "CERTIFICATE_REFUSED", work);
    }
    if (command.command === "hello_request") {
      this.uplink.helloRequested();
      return { id: command.id, ok: true };
    }
    if (command.command === "count") return this.#countAt(command);
    if (command.command === "tare") return this.#tare(command);
    if (command.command === "rewind") {
      const work = () => this.#rewind(command.fromSequence);
      return await this.#replyOf(command.id, "OUTBOX_FAILED", work);
    }
    if (command.command === "actuate") {
      const { id, deviceId, output, action } = command;
      return { id, ...(await this.actuate(deviceId, { output, action })) };
    }
    const { id, command: _, deviceId, ...order } = command;
    const problem = this.#intake.setWorkflow(deviceId, order);
    if (problem === undefined) return { id, ok: true };
    return { id, ok: false, code: "MESSAGE_INVALID", message: problem };
  }

  /** The reply to what may fail; `otherCode` is of a failure without a code. */
  async #replyOf(
    id: string,
    otherCode: ErrorCode,
    work: () => Promise<Partial<Reply>>,
  ): Promise<Reply> {
    try {
      return { id, ok: true, ...(await work()) };
    } catch (error) {
      const code = errorCodeOf(error) ?? otherCode;
      const message = errorMessageOf(error).slice(0, messageLengthMax);
      this.#parts.count("commands_failed");
      this.#parts.log.warn({ code, message }, "command failed");
      return { id, ok: false, code, message };
    }
  }

  #countAt({ id, location }: { readonly id: string; readonly location: string }): Reply {
    const { countedLocations, refusals } = this.#intake.countAt(location);
    const counted = `counted: ${countedLocations.join(", ") || "nothing"}`;
    if (refusals.length === 0 && countedLocations.length > 0) {
      return { id, ok: true, message: counted.slice(0, messageLengthMax) };
    }
    const reasons = refusals.map((refusal) => `${refusal.location}: ${refusal.reason}`);
    const none = `nothing at ${location} or below it counts as a whole`;
    const message = `${reasons.join("; ") || none} (${counted})`;
    this.#parts.count("counts_refused", Math.max(refusals.length, 1));
    return { id, ok: false, code: "COUNT_REFUSED", message: message.slice(0, messageLengthMax) };
  }

  #tare({ id, deviceId, cell }: Extract<Command, { command: "tare" }>): Reply {
    const tared = this.#intake.tare(deviceId, cell);
    const grams = (value: number | undefined) => (value === undefined ? "none" : `${value} g`);
    if (typeof tared === "string") {
      this.#parts.count("tares_refused");
      return { id, ok: false, code: "TARE_REFUSED", message: tared.slice(0, messageLengthMax) };
    }
    const cells = tared.map(
      (one) => `cell ${one.cell}: ${grams(one.beforeGrams)} before, ${grams(one.afterGrams)} now`,
    );
    const message = `tare of ${deviceId}: ${cells.join("; ")}`;
    this.#parts.log.info({ deviceId, tared }, "shelf tared");
    return { id, ok: true, message: message.slice(0, messageLengthMax) };
  }

  async #rewind(fromSequence: number): Promise<Partial<Reply>> {
    const again = await this.uplink.rewind(fromSequence);
    if (typeof again === "string") throw new GatewayError("REWIND_REFUSED", again);
    const { outboxId, throughSequence } = again;
    return { message: `${fromSequence} to ${throughSequence} of ${outboxId} are sent again` };
  }

  /**
   * Switches an output of a device, for a person or for sensing (a refusal that can be heard). Gives what
   * became of it within a bounded time; never rejects.
   */
  async actuate(deviceId: string, command: OutputCommand): Promise<Omit<Reply, "id">> {
    try {
      await this.supervisor.actuate(deviceId, command);
      return { ok: true };
    } catch (error) {
      this.#parts.count("actuations_failed");
      const code = errorCodeOf(error) ?? "DRIVER_COMMAND_REFUSED";
      return { ok: false, code, message: errorMessageOf(error).slice(0, messageLengthMax) };
    }
  }

  /** An alarm is an event like any other: stored, delivered, and shown to a person by the ledger. Whether it is stored. */
  alarm(code: string, message: string, detail: Record<string, unknown>): Promise<boolean> {
    this.#parts.log.warn({ code, ...detail }, message);
    const notice: NoticedConclusion = {
      type: "noticed",
      occurredAtMs: this.#parts.clock.nowMs(),
      deviceId: this.#parts.config.edgeId,
      code,
      severity: "alarm",
      detail: { message, ...(detail as NoticedConclusion["detail"]) },
    };
    return this.#intake.note([notice]);
  }

  #eventsRejected(rejections: readonly Rejection[]): void {
    for (const rejection of rejections) {
      this.#parts.log.warn({ ...rejection }, "the ledger put an event into quarantine");
    }
  }

  #eventsRefused(conclusions: readonly Conclusion[], error: unknown): void {
    const { count, log } = this.#parts;
    count("events_refused", conclusions.length);
    const code = errorCodeOf(error);
    log.error({ code, message: errorMessageOf(error), conclusions }, "events not accepted");
  }
}
