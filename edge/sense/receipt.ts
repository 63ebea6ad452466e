// A delivery under way against a list of what it should bring. Each scan is an event of its own, whatever the
// list says: goods that came are here. The list says what to tell people, at once and at its end.

import { z } from "zod";
import type { NoticedConclusion } from "../../contract/event.ts";
import { type Gtin, gtinSchema, locationSchema } from "../../contract/units.ts";
import type { Output } from "./machine.ts";
import type { WorkOrder } from "./scan-config.ts";
import { readStored } from "./stored.ts";

/** Products that are received without being on the list; more are events, but not in the closing notice. */
const unlistedCountMax = 500;
/** Lines that a closing notice has room for, of each sort. */
const shownLineCountMax = 100;

/** What a scan is against the list. */
export type ReceiptResult = "expected" | "extra" | "unlisted";

const headSchema = z.strictObject({
  location: locationSchema,
  referenceId: z.string().max(64).optional(),
});
const lineSchema = z.strictObject({ expected: z.int().min(0), received: z.int().min(0) });
type Line = z.infer<typeof lineSchema>;

/** One delivery on one device. */
export class Receipt {
  readonly location: string;
  readonly referenceId: string | undefined;
  readonly #prefix: string;
  readonly #lines = new Map<Gtin, Line>();

  private constructor(prefix: string, location: string, referenceId: string | undefined) {
    this.#prefix = prefix;
    this.location = location;
    this.referenceId = referenceId;
  }

  /** Begins a delivery. Products that the list names twice are added up. */
  static begin(deviceId: string, location: string, order: WorkOrder, output: Output): Receipt {
    const { referenceId, expected = [] } = order;
    const receipt = new Receipt(prefixOf(deviceId), location, referenceId);
    for (const { gtin, quantity } of expected) {
      const before = receipt.#lines.get(gtin)?.expected ?? 0;
      receipt.#lines.set(gtin, { expected: before + quantity, received: 0 });
    }
    receipt.#store(
      "head",
      { location, ...(referenceId === undefined ? {} : { referenceId }) },
      output,
    );
    for (const [gtin, line] of receipt.#lines) receipt.#store(gtin, line, output);
    return receipt;
  }

  /** The delivery that was under way on this device, if there was one. */
  static restore(deviceId: string, stored: ReadonlyMap<string, string>): Receipt | undefined {
    const prefix = prefixOf(deviceId);
    const head = readStored(headSchema, stored.get(`${prefix}head`) ?? "");
    if (head === undefined) return undefined;
    const receipt = new Receipt(prefix, head.location, head.referenceId);
    for (const [key, text] of stored) {
      const gtin = gtinSchema.safeParse(key.startsWith(prefix) ? key.slice(prefix.length) : "");
      const line = readStored(lineSchema, text);
      if (gtin.success && line !== undefined) receipt.#lines.set(gtin.data, line);
    }
    return receipt;
  }

  /** Takes what one label stands for. */
  add(gtin: Gtin, quantity: number, output: Output): ReceiptResult {
    const line = this.#lines.get(gtin) ?? { expected: 0, received: 0 };
    if (line.expected === 0 && line.received === 0 && this.#unlistedCount() >= unlistedCountMax) {
      return "unlisted";
    }
    const next = { ...line, received: line.received + quantity };
    this.#lines.set(gtin, next);
    this.#store(gtin, next, output);
    if (line.expected === 0) return "unlisted";
    return next.received > line.expected ? "extra" : "expected";
  }

  /** Ends the delivery and says how it differs from its list. */
  end(deviceId: string, atMs: number, reason: string, output: Output): void {
    const lines = [...this.#lines].map(([gtin, line]) => ({ gtin, ...line }));
    const missing = lines.filter(({ expected, received }) => received < expected);
    const extra = lines.filter(({ expected, received }) => received > expected);
    const { location, referenceId } = this;
    const closed: NoticedConclusion = {
      type: "noticed",
      occurredAtMs: atMs,
      deviceId,
      code: "receipt_closed",
      severity: missing.length + extra.length === 0 ? "info" : "warning",
      detail: {
        location,
        ...(referenceId === undefined ? {} : { referenceId }),
        reason,
        expectedUnitCount: lines.reduce((sum, { expected }) => sum + expected, 0),
        receivedUnitCount: lines.reduce((sum, { received }) => sum + received, 0),
        missingLineCount: missing.length,
        missing: missing.slice(0, shownLineCountMax),
        extraLineCount: extra.length,
        extra: extra.slice(0, shownLineCountMax),
      },
    };
    output.conclusions.push(closed);
    for (const name of ["head", ...this.#lines.keys()]) {
      output.state.push({ key: this.#prefix + name, value: null });
    }
  }

  #unlistedCount(): number {
    return [...this.#lines.values()].filter(({ expected }) => expected === 0).length;
  }

  #store(name: string, value: object, output: Output): void {
    output.state.push({ key: this.#prefix + name, value: JSON.stringify(value) });
  }
}

function prefixOf(deviceId: string): string {
  return `scan/${deviceId}/receipt/`;
}
