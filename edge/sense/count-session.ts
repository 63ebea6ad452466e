// A count under way: what was scanned so far at one location. Each line is durable as it grows, so a
// restart in the middle loses nothing.

import { z } from "zod";
import type { CountedConclusion } from "../../contract/event.ts";
import { serialKey } from "../../contract/gs1/digital-link.ts";
import { type Gtin, gtinSchema, locationSchema } from "../../contract/units.ts";
import type { Output } from "./machine.ts";
import { readStored } from "./stored.ts";

/** Size of lines and serials as JSON that one `counted` event has room for. */
export const countSizeBytesMax = 15 * 1024;
/** Upper bound of a line as JSON. */
const lineSizeBytes = 80;

/** What a scan in a count led to. */
export type CountResult = "counted" | "repeated_serial" | "full";

const atMs = z.number();
const headSchema = z.strictObject({ location: locationSchema, isFull: z.boolean() });
const lineSchema = z.strictObject({ quantity: z.int().min(1), observedAtMs: atMs });
const serialSchema = z.strictObject({ observedAtMs: atMs });

type Line = z.infer<typeof lineSchema>;
type Serial = z.infer<typeof serialSchema>;

/** One count on one device. */
export class CountSession {
  readonly location: string;
  readonly #prefix: string;
  readonly #lines = new Map<Gtin, Line>();
  readonly #serials = new Map<string, Serial>();
  #sizeBytes = 0;
  #isFull = false;

  private constructor(prefix: string, location: string) {
    this.#prefix = prefix;
    this.location = location;
  }

  /** Begins a count. */
  static begin(deviceId: string, location: string, output: Output): CountSession {
    const session = new CountSession(prefixOf(deviceId), location);
    session.#store("head", { location, isFull: false }, output);
    return session;
  }

  /** The count that was under way on this device, if there was one. */
  static restore(deviceId: string, stored: ReadonlyMap<string, string>): CountSession | undefined {
    const prefix = prefixOf(deviceId);
    const head = readStored(headSchema, stored.get(`${prefix}head`) ?? "");
    if (head === undefined) return undefined;
    const session = new CountSession(prefix, head.location);
    session.#isFull = head.isFull;
    for (const [key, text] of stored) {
      if (!key.startsWith(prefix)) continue;
      const name = key.slice(prefix.length);
      const gtin = gtinSchema.safeParse(name);
      const line = readStored(lineSchema, text);
      const serial = readStored(serialSchema, text);
      if (gtin.success && line !== undefined) session.#lines.set(gtin.data, line);
      else if (serial !== undefined) session.#serials.set(name, serial);
    }
    const serialsBytes = [...session.#serials.keys()].map(sizeBytesOf);
    session.#sizeBytes = serialsBytes.reduce((sum, bytes) => sum + bytes, 0);
    session.#sizeBytes += session.#lines.size * lineSizeBytes;
    return session;
  }

  /** Lines and units so far. */
  get summary(): { location: string; lineCount: number; unitCount: number } {
    const unitCount = [...this.#lines.values()].reduce((sum, { quantity }) => sum + quantity, 0);
    return { location: this.location, lineCount: this.#lines.size, unitCount };
  }

  /** Counts what one label stands for. A serial that was counted already is the same; a full count takes none. */
  add(
    gtin: Gtin,
    serial: string | undefined,
    { quantity, atMs: observedAtMs }: { readonly quantity: number; readonly atMs: number },
    output: Output,
  ): CountResult {
    const key = serial === undefined ? undefined : serialKey(gtin, serial);
    if (key !== undefined && this.#serials.has(key)) return "repeated_serial";
    const newBytes = (this.#lines.has(gtin) ? 0 : lineSizeBytes) + sizeBytesOf(key);
    if (this.#sizeBytes + newBytes > countSizeBytesMax) {
      if (!this.#isFull) this.#store("head", { location: this.location, isFull: true }, output);
      this.#isFull = true;
      return "full";
    }
    this.#sizeBytes += newBytes;
    const line = { quantity: (this.#lines.get(gtin)?.quantity ?? 0) + quantity, observedAtMs };
    this.#lines.set(gtin, line);
    this.#store(gtin, line, output);
    if (key !== undefined) {
      this.#serials.set(key, { observedAtMs });
      this.#store(key, { observedAtMs }, output);
    }
    return "counted";
  }

  /** Ends the count: everything at its location, unless more was scanned than one event holds. */
  end(deviceId: string, endedAtMs: number, output: Output): void {
    const counted: CountedConclusion = {
      type: "counted",
      occurredAtMs: endedAtMs,
      deviceId,
      location: this.location,
      state: "sellable",
      complete: !this.#isFull,
      confidence: 1,
      lines: [...this.#lines].map(([gtin, line]) => ({ gtin, ...line })),
    };
    const serials = [...this.#serials].map(([key, serial]) => ({ key, ...serial }));
    output.conclusions.push(serials.length === 0 ? counted : { ...counted, serials });
    this.discard(output);
  }

  /** Deletes what is stored of it. */
  discard(output: Output): void {
    for (const name of ["head", ...this.#lines.keys(), ...this.#serials.keys()]) {
      output.state.push({ key: this.#prefix + name, value: null });
    }
  }

  /** Moves all times. */
  shiftTime(byMs: number): void {
    for (const one of [...this.#lines.values(), ...this.#serials.values()]) {
      one.observedAtMs = Math.max(one.observedAtMs + byMs, 0);
    }
  }

  #store(name: string, value: object, output: Output): void {
    output.state.push({ key: this.#prefix + name, value: JSON.stringify(value) });
  }
}

function prefixOf(deviceId: string): string {
  return `scan/${deviceId}/count/`;
}

// Upper bound of a serial as JSON: its key, its time and the names of both.
function sizeBytesOf(key: string | undefined): number {
  return key === undefined ? 0 : key.length + 50;
}
