// A barcode scanner: what a scan means is set by the device's workflow, which a command barcode or a
// message can change. Every scan ends in an event, in a count, or in a notice that says why not.

import assert from "node:assert/strict";
import { z } from "zod";
import { referenceIdSchema, type Workflow, workflows } from "../../contract/delivery.ts";
import type { Item, MovedConclusion, Step } from "../../contract/event.ts";
import { type Identity, identify } from "../../contract/gs1/identify.ts";
import type { Plan } from "../../contract/plan.ts";
import type { Reading, ScanReading } from "../../contract/reading.ts";
import { isWithin, locationSchema, type StockState } from "../../contract/units.ts";
import { CountSession } from "./count-session.ts";
import { type Count, type Machine, type Output, warning } from "./machine.ts";
import { Receipt } from "./receipt.ts";
import {
  parseScanCommand,
  placelessWorkflows,
  type ScannerConfig,
  type WorkOrder,
} from "./scan-config.ts";
import { readStored } from "./stored.ts";

/** A workflow other than the configured one, over restarts. */
const assignedSchema = z.strictObject({
  workflow: z.enum(workflows),
  location: locationSchema.optional(),
  referenceId: referenceIdSchema.optional(),
});

interface Move {
  readonly step: Step;
  readonly to: "customer" | "here" | "away";
  readonly state?: StockState;
}

/** What a unit does in a workflow, and where it ends. */
const moves = {
  sell: { step: "retail_selling", to: "customer" },
  receive: { step: "receiving", to: "here" },
  return: { step: "returning", to: "here", state: "returned" },
  transfer_out: { step: "departing", to: "away" },
  transfer_in: { step: "arriving", to: "here" },
} as const satisfies Partial<Record<Workflow, Move>>;

/** Pieces that one label stands for at most: five digits of a number. */
const quantityMax = 99_999;

/** Characters of an unknown code that a notice keeps: what an event holds however they are escaped. */
const shownLengthMax = 2000;

/** One scanner. */
export class Scanner implements Machine {
  readonly deviceIds: readonly string[];
  readonly #storeId: string;
  readonly #config: ScannerConfig;
  readonly #count: Count;
  readonly #assignedKey: string;
  #workflow: Workflow;
  #location: string | undefined;
  #referenceId: string | undefined;
  #session: CountSession | undefined;
  #receipt: Receipt | undefined;
  #knownGtins: ReadonlySet<string> = new Set();
  #sessionTouchedAtMs = 0;
  #isFullNoticed = false;
  #last: { readonly data: string; atMs: number } | undefined;

  constructor(storeId: string, config: ScannerConfig, count: Count) {
    this.deviceIds = [config.deviceId];
    this.#storeId = storeId;
    this.#config = config;
    this.#count = count;
    this.#assignedKey = `scan/${config.deviceId}/workflow`;
    this.#workflow = config.workflow;
    this.#location = config.location;
  }

  nextDeadlineMs(): number {
    if (this.#session === undefined && this.#receipt === undefined) return Number.POSITIVE_INFINITY;
    return this.#sessionTouchedAtMs + this.#config.countTimeoutMs;
  }

  advance(atMs: number, output: Output): void {
    const dueMs = this.nextDeadlineMs();
    if (dueMs <= atMs) this.#closeSessions("timed_out", dueMs, output);
  }

  apply(reading: Reading, output: Output): void {
    if (reading.kind !== "scan" || this.#isRepeat(reading)) return;
    const { data, receivedAtMs } = reading;
    const { commandPrefix } = this.#config;
    if (data.startsWith(commandPrefix)) {
      this.#command(data.slice(commandPrefix.length), receivedAtMs, output);
      return;
    }
    const { restrictedNumbers: restrictedRules } = this.#config;
    const identity = identify(reading, { restrictedRules });
    if (identity.ok) this.#take(identity, receivedAtMs, output);
    else {
      this.#count(`scans_without_item_${identity.code}`);
      this.#signal("refusalSignal", output);
      const shown = { data: data.slice(0, shownLengthMax), reason: identity.reason };
      const { symbology } = reading;
      const detail = symbology === undefined ? shown : { ...shown, symbology };
      output.conclusions.push(
        warning(this.#config.deviceId, "scan_unidentified", receivedAtMs, detail),
      );
    }
  }

  /** A scan is decided when it is made; a count under way moves nothing and is durable. */
  decidedThroughMs(nowMs: number): number {
    return nowMs;
  }

  restore(stored: ReadonlyMap<string, string>, nowMs: number): void {
    this.#session = CountSession.restore(this.#config.deviceId, stored);
    this.#receipt = Receipt.restore(this.#config.deviceId, stored);
    this.#sessionTouchedAtMs = nowMs;
    const assigned = readStored(assignedSchema, stored.get(this.#assignedKey) ?? "");
    if (this.#session !== undefined) {
      this.#assign({ workflow: "count", location: this.#session.location });
    } else if (assigned !== undefined) this.#assign(assigned);
  }

  setPlan(plan: Plan): void {
    // For look-ups alone: which products and places exist is the ledger's to say, and a scan is a fact.
    this.#knownGtins = new Set(plan.products.map(({ gtin }) => gtin));
  }

  shiftTime(byMs: number): void {
    this.#session?.shiftTime(byMs);
    this.#sessionTouchedAtMs += byMs;
    if (this.#last !== undefined) this.#last.atMs += byMs;
  }

  /**
   * Sets what scans mean from now on. A count or a delivery begins; one that is under way ends, and that is
   * noticed. Returns why it was not taken.
   */
  setWorkflow(order: WorkOrder, atMs: number, output: Output): string | undefined {
    const { workflow, location, referenceId, expected } = order;
    const place = location ?? this.#config.location;
    if (place === undefined && !placelessWorkflows.includes(workflow)) {
      return `${workflow} needs a location`;
    }
    if (place !== undefined && !this.#isOurs(place)) {
      return `${place} is no location of store ${this.#storeId}`;
    }
    if (referenceId === undefined && /^transfer/.test(workflow)) {
      return `${workflow} needs the transfer's number`;
    }
    if (referenceId !== undefined && !referenceIdSchema.safeParse(referenceId).success) {
      return `"${referenceId.slice(0, 80)}" is no reference: 1-64 of A-Z, a-z, 0-9 and -`;
    }
    if (expected !== undefined && workflow !== "receive") return `${workflow} expects nothing`;
    this.#closeSessions("workflow_changed", atMs, output);
    this.#assign({ workflow, location: place, referenceId });
    this.#sessionTouchedAtMs = atMs;
    if (workflow === "count" && place !== undefined) this.#beginCount(place, atMs, output);
    if (expected !== undefined && place !== undefined) {
      this.#receipt = Receipt.begin(this.#config.deviceId, place, order, output);
    }
    const assigned = JSON.stringify({ workflow, location, referenceId });
    output.state.push({ key: this.#assignedKey, value: this.#isAsConfigured() ? null : assigned });
    return undefined;
  }

  #assign({ workflow, location, referenceId }: WorkOrder): void {
    this.#workflow = workflow;
    this.#location = location ?? this.#config.location;
    this.#referenceId = referenceId;
  }

  #isAsConfigured(): boolean {
    const { workflow, location } = this.#config;
    const isSame = this.#workflow === workflow && this.#location === location;
    return isSame && this.#referenceId === undefined && this.#receipt === undefined;
  }

  // Back to what is configured.
  #unassign(output: Output): void {
    this.#assign(this.#config);
    output.state.push({ key: this.#assignedKey, value: null });
  }

  // The window runs from the last repeat, so a scanner that goes on repeating is heard once.
  #isRepeat({ data, receivedAtMs }: ScanReading): boolean {
    const isRepeat =
      this.#last?.data === data && receivedAtMs - this.#last.atMs < this.#config.repeatMs;
    this.#last = { data, atMs: receivedAtMs };
    if (isRepeat) this.#count("scan_repeats");
    return isRepeat;
  }

  #command(text: string, atMs: number, output: Output): void {
    const command = parseScanCommand(text);
    if (command === undefined) {
      this.#refuse(text, "unknown command", atMs, output);
    } else if (command.kind === "workflow") {
      const refusal = this.setWorkflow(command, atMs, output);
      if (refusal !== undefined) this.#refuse(text, refusal, atMs, output);
    } else if (this.#session !== undefined) {
      this.#session.end(this.#config.deviceId, atMs, output);
      this.#session = undefined;
      this.#unassign(output);
    } else if (this.#receipt !== undefined) {
      this.#closeSessions("ended", atMs, output);
    } else if (!this.#isAsConfigured()) {
      this.#unassign(output);
    } else {
      this.#refuse(text, "nothing to end", atMs, output);
    }
  }

  #take(identity: Identity & { ok: true }, atMs: number, output: Output): void {
    const { ok: _ok, item, ...evidence } = identity;
    // A label of several pieces stands for all of them; what a weight or a price is of is one unit.
    const quantity = Math.min(Math.max(evidence.count ?? 1, 1), quantityMax);
    const location = this.#location;
    if (this.#workflow === "look_up") {
      const isKnown = item.gtin !== undefined && this.#knownGtins.has(item.gtin);
      this.#count(isKnown ? "scans_looked_up" : "scans_looked_up_unknown");
      this.#signal(isKnown ? "takenSignal" : "refusalSignal", output);
    } else if (location !== undefined && this.#workflow === "count") {
      this.#countUnits(item, { quantity, location, atMs }, output);
    } else {
      const isExpected = this.#receive(item, quantity, atMs, output);
      const moved = { ...this.#moved(item, atMs, evidence), quantity };
      output.conclusions.push(location === undefined ? moved : { ...moved, readPoint: location });
      this.#signal(isExpected ? "takenSignal" : "refusalSignal", output);
    }
  }

  // Whether the delivery's list has it; true without a list.
  #receive({ gtin }: Item, quantity: number, atMs: number, output: Output): boolean {
    if (this.#receipt === undefined || gtin === undefined) return true;
    this.#sessionTouchedAtMs = atMs;
    const result = this.#receipt.add(gtin, quantity, output);
    if (result === "expected") return true;
    this.#count(`receipt_units_${result}`);
    return false;
  }

  // `from` is left out: a scanner does not know where the unit was, and the ledger does. So is the transfer's
  // account, which the ledger names by the reference.
  #moved(
    item: Item,
    occurredAtMs: number,
    evidence: NonNullable<MovedConclusion["evidence"]>,
  ): MovedConclusion {
    const { deviceId } = this.#config;
    const move: Move = moves[this.#workflow as keyof typeof moves];
    const { step, to: place, state = "sellable" } = move;
    const location = place === "customer" ? `${this.#storeId}/@customer` : this.#location;
    const type = /^transfer/.test(this.#workflow) ? "transfer" : "delivery";
    return {
      type: "moved",
      occurredAtMs,
      deviceId,
      step,
      item,
      quantity: 1,
      ...(place === "away" || location === undefined ? {} : { to: { location, state } }),
      confidence: 1,
      ...(this.#referenceId === undefined ? {} : { reference: { type, id: this.#referenceId } }),
      // What the label says of this unit: its weight, its price.
      ...(Object.keys(evidence).length === 0 ? {} : { evidence }),
    };
  }

  #countUnits(
    { gtin, serial }: Item,
    { quantity, location, atMs }: { quantity: number; location: string; atMs: number },
    output: Output,
  ): void {
    assert(gtin !== undefined, "a label names its item by a GTIN");
    const session = this.#session ?? this.#beginCount(location, atMs, output);
    this.#sessionTouchedAtMs = atMs;
    const result = session.add(gtin, serial, { quantity, atMs }, output);
    this.#signal(result === "full" ? "refusalSignal" : "takenSignal", output);
    if (result === "counted") return;
    this.#count(`scan_count_${result}`);
    if (result !== "full" || this.#isFullNoticed) return;
    this.#isFullNoticed = true;
    output.conclusions.push(warning(this.#config.deviceId, "count_full", atMs, session.summary));
  }

  #beginCount(location: string, atMs: number, output: Output): CountSession {
    this.#session = CountSession.begin(this.#config.deviceId, location, output);
    this.#sessionTouchedAtMs = atMs;
    this.#isFullNoticed = false;
    return this.#session;
  }

  // A count that was not ended by its command is no count; a delivery ends however it ends.
  #closeSessions(reason: string, atMs: number, output: Output): void {
    const { deviceId } = this.#config;
    if (this.#session !== undefined) {
      const detail = { ...this.#session.summary, reason };
      output.conclusions.push(warning(deviceId, "count_abandoned", atMs, detail));
      this.#session.discard(output);
    } else if (this.#receipt !== undefined) this.#receipt.end(deviceId, atMs, reason, output);
    else return;
    this.#session = undefined;
    this.#receipt = undefined;
    this.#unassign(output);
  }

  #refuse(command: string, reason: string, atMs: number, output: Output): void {
    this.#signal("refusalSignal", output);
    const detail = { command: command.slice(0, shownLengthMax), reason };
    output.conclusions.push(warning(this.#config.deviceId, "scan_command_refused", atMs, detail));
  }

  #signal(name: "refusalSignal" | "takenSignal", output: Output): void {
    const signal = this.#config[name];
    if (signal !== undefined) output.signals.push(signal);
  }

  #isOurs(location: string): boolean {
    return locationSchema.safeParse(location).success && isWithin(location, this.#storeId);
  }
}
