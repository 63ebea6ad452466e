// A barcode scanner: what a scan means is set by the device's workflow, which a command barcode or a
// message can change. Every scan ends in an event, in a count, or in a notice that says why not.

import assert from "node:assert/strict";
import { z } from "zod";
import type { Item, MovedConclusion } from "../../contract/event.ts";
import { type Identity, identify } from "../../contract/gs1/identify.ts";
import type { Reading, ScanReading } from "../../contract/reading.ts";
import { isWithin, locationSchema } from "../../contract/units.ts";
import { CountSession } from "./count-session.ts";
import { type Count, type Machine, type Output, warning } from "./machine.ts";
import { parseScanCommand, type ScannerConfig, type Workflow, workflows } from "./scan-config.ts";
import { readStored } from "./stored.ts";

/** A workflow other than the configured one, over restarts. */
const assignedSchema = z.strictObject({
  workflow: z.enum(workflows),
  location: locationSchema.optional(),
});

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
  #session: CountSession | undefined;
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
    if (this.#session === undefined) return Number.POSITIVE_INFINITY;
    return this.#sessionTouchedAtMs + this.#config.countTimeoutMs;
  }

  advance(atMs: number, output: Output): void {
    const dueMs = this.nextDeadlineMs();
    if (dueMs <= atMs) this.#abandonCount("timed_out", dueMs, output);
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
    this.#sessionTouchedAtMs = nowMs;
    const assigned = readStored(assignedSchema, stored.get(this.#assignedKey) ?? "");
    if (this.#session !== undefined) this.#assign("count", this.#session.location);
    else if (assigned !== undefined) this.#assign(assigned.workflow, assigned.location);
  }

  setPlan(): void {
    // Which products and places exist is the ledger's to say; a scan is a fact.
  }

  shiftTime(byMs: number): void {
    this.#session?.shiftTime(byMs);
    this.#sessionTouchedAtMs += byMs;
    if (this.#last !== undefined) this.#last.atMs += byMs;
  }

  /**
   * Sets what scans mean from now on; without a location, at the device's configured place. A count
   * begins; one that is under way is given up, and that is noticed. Returns why it was not taken.
   */
  setWorkflow(
    workflow: Workflow,
    location: string | undefined,
    atMs: number,
    output: Output,
  ): string | undefined {
    const place = location ?? this.#config.location;
    if (place === undefined && workflow !== "sell") return `${workflow} needs a location`;
    if (place !== undefined && !this.#isOurs(place)) {
      return `${place} is no location of store ${this.#storeId}`;
    }
    this.#abandonCount("workflow_changed", atMs, output);
    this.#assign(workflow, place);
    if (workflow === "count" && place !== undefined) this.#beginCount(place, atMs, output);
    const value = this.#isAsConfigured() ? null : JSON.stringify({ workflow, location });
    output.state.push({ key: this.#assignedKey, value });
    return undefined;
  }

  #assign(workflow: Workflow, location: string | undefined): void {
    this.#workflow = workflow;
    this.#location = location ?? this.#config.location;
  }

  #isAsConfigured(): boolean {
    const { workflow, location } = this.#config;
    return this.#workflow === workflow && this.#location === location;
  }

  // Back to what is configured.
  #unassign(output: Output): void {
    this.#assign(this.#config.workflow, this.#config.location);
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
      const refusal = this.setWorkflow(command.workflow, command.location, atMs, output);
      if (refusal !== undefined) this.#refuse(text, refusal, atMs, output);
    } else if (this.#session !== undefined) {
      this.#session.end(this.#config.deviceId, atMs, output);
      this.#session = undefined;
      this.#unassign(output);
    } else if (!this.#isAsConfigured()) {
      this.#unassign(output);
    } else {
      this.#refuse(text, "nothing to end", atMs, output);
    }
  }

  #take(identity: Identity & { ok: true }, atMs: number, output: Output): void {
    const { ok: _ok, item, ...evidence } = identity;
    const location = this.#location;
    if (this.#workflow === "sell") {
      const customer = `${this.#storeId}/@customer`;
      const to = { location: customer, state: "sellable" } as const;
      const sold = this.#moved("retail_selling", item, to, atMs, evidence);
      output.conclusions.push(location === undefined ? sold : { ...sold, readPoint: location });
    } else if (location !== undefined && this.#workflow === "count") {
      this.#countUnit(item, location, atMs, output);
    } else if (location !== undefined) {
      const isReturn = this.#workflow === "return";
      const to = { location, state: isReturn ? "returned" : "sellable" } as const;
      const step = isReturn ? "returning" : "receiving";
      const moved = this.#moved(step, item, to, atMs, evidence);
      output.conclusions.push({ ...moved, readPoint: location });
    }
  }

  // `from` is left out: a scanner does not know where the unit was, and the ledger does.
  #moved(
    step: MovedConclusion["step"],
    item: Item,
    to: NonNullable<MovedConclusion["to"]>,
    occurredAtMs: number,
    evidence: NonNullable<MovedConclusion["evidence"]>,
  ): MovedConclusion {
    const { deviceId } = this.#config;
    const moved = { type: "moved", occurredAtMs, deviceId, step, item, quantity: 1, to } as const;
    // What the label says of this unit: its weight, its price.
    const said = Object.keys(evidence).length === 0 ? {} : { evidence };
    return { ...moved, confidence: 1, ...said };
  }

  #countUnit({ gtin, serial }: Item, location: string, atMs: number, output: Output): void {
    assert(gtin !== undefined, "a label names its item by a GTIN");
    const session = this.#session ?? this.#beginCount(location, atMs, output);
    this.#sessionTouchedAtMs = atMs;
    const result = session.add(gtin, serial, atMs, output);
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

  #abandonCount(reason: string, atMs: number, output: Output): void {
    if (this.#session === undefined) return;
    const detail = { ...this.#session.summary, reason };
    output.conclusions.push(warning(this.#config.deviceId, "count_abandoned", atMs, detail));
    this.#session.discard(output);
    this.#session = undefined;
    this.#unassign(output);
  }

  #refuse(command: string, reason: string, atMs: number, output: Output): void {
    const detail = { command: command.slice(0, shownLengthMax), reason };
    output.conclusions.push(warning(this.#config.deviceId, "scan_command_refused", atMs, detail));
  }

  #isOurs(location: string): boolean {
    return locationSchema.safeParse(location).success && isWithin(location, this.#storeId);
  }
}
