// Readings to feed, and what comes out of feeding them.

import assert from "node:assert/strict";
import { expect } from "vitest";
import { type Conclusion, conclusionSchema } from "../../../contract/event.ts";
import { encodeSgtin96 } from "../../../contract/gs1/epc.ts";
import type { Reading, TagReading, WeightReading } from "../../../contract/reading.ts";
import type { EpcHex, Gtin } from "../../../contract/units.ts";
import type { Machine, Output, Signal } from "../../../edge/sense/machine.ts";
import { Pipeline } from "../../../edge/sense/pipeline.ts";

/** When the tests' readings begin. */
export const startMs = Date.UTC(2025, 10, 23, 9);

/** The tags' GTIN. */
export const tagGtin = "09521321001015" as Gtin;

/** A tag of `tagGtin` with serial `number`. */
export function epcOf(number: number): EpcHex {
  const parts = { gtin: tagGtin, serial: String(number), companyPrefixDigits: 7 };
  const encoded = encodeSgtin96(parts);
  assert(encoded.ok);
  return encoded.epc;
}

/** A read of a tag. */
export function tag(atMs: number, antenna: number, epc: EpcHex, rssiDbm = -55): TagReading {
  return { kind: "tag", deviceId: "portal-1", antenna, epc, rssiDbm, receivedAtMs: atMs };
}

/** A sample of a cell. */
export function weight(
  atMs: number,
  cell: number,
  weightGrams: number,
  status: WeightReading["status"] = "ok",
): WeightReading {
  return { kind: "weight", deviceId: "shelf-1", cell, weightGrams, status, receivedAtMs: atMs };
}

/** A scan; `symbology` is EAN-13 unless said otherwise. */
export function scan(atMs: number, data: string, symbology = "]E0"): Reading {
  return { kind: "scan", deviceId: "scanner-1", symbology, data, receivedAtMs: atMs };
}

/** A device says how it does. */
export function device(
  atMs: number,
  deviceId: string,
  state: "online" | "offline" | "degraded",
): Reading {
  return { kind: "device", deviceId, state, receivedAtMs: atMs };
}

/** A pipeline with everything it concluded and stored so far; each conclusion is checked. */
export class Bench {
  readonly conclusions: Conclusion[] = [];
  readonly signals: Signal[] = [];
  readonly stored = new Map<string, string>();
  readonly counters = new Map<string, number>();
  writeCount = 0;
  pipeline: Pipeline;

  /** Takes a pipeline, or machines to make one of. */
  constructor(build: (count: (name: string, by?: number) => void) => Machine[] | Pipeline) {
    const count = (name: string, by = 1) => {
      this.counters.set(name, (this.counters.get(name) ?? 0) + by);
    };
    const built = build(count);
    this.pipeline = built instanceof Pipeline ? built : new Pipeline({ machines: built, count });
  }

  /** Feeds readings, then lets time pass until `untilMs`. */
  feed(readings: readonly Reading[], untilMs = 0): this {
    for (const reading of readings) this.take(this.pipeline.push(reading));
    if (untilMs > 0) this.take(this.pipeline.advance(untilMs));
    return this;
  }

  /** The wall clock is set by `stepMs` when it would show `atMs`. */
  setClock(atMs: number, stepMs: number): this {
    this.take(this.pipeline.push({ kind: "clock", receivedAtMs: atMs + stepMs, stepMs }));
    return this;
  }

  /** Begins as after a restart, with what `before` stored. */
  restored(before: Bench, nowMs: number): this {
    for (const [key, value] of before.stored) this.stored.set(key, value);
    this.pipeline.restore(this.stored, nowMs);
    return this;
  }

  take(output: Output): void {
    for (const conclusion of output.conclusions) {
      const checked = conclusionSchema.safeParse(conclusion);
      expect(checked.error?.message, JSON.stringify(conclusion)).toBeUndefined();
    }
    for (const { key, value } of output.state) {
      expect(key.length).toBeLessThanOrEqual(200);
      expect(value?.length ?? 0).toBeLessThanOrEqual(4096);
      if (value === null) this.stored.delete(key);
      else this.stored.set(key, value);
    }
    this.writeCount += output.state.length;
    this.conclusions.push(...output.conclusions);
    this.signals.push(...output.signals);
  }
}
