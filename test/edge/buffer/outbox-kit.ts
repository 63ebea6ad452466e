// What the outbox tests share: a folder of their own, a clock that is moved by hand, drafts, and a
// ledger's view of what the outbox would send.

import { randomUUID } from "node:crypto";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, expect } from "vitest";
import { canonicalEvent, genesisDigest, nextDigest } from "../../../contract/digest.ts";
import type { GatewayError } from "../../../contract/errors.ts";
import { type Gap, gapSchema, type StockEvent, stockEventSchema } from "../../../contract/event.ts";
import { type Clock, systemClock } from "../../../drivers/clock.ts";
import { type CommittedRange, Outbox, type OutboxOptions } from "../../../edge/buffer/outbox.ts";
import { outboxSettingsSchema } from "../../../edge/buffer/settings.ts";
import { SqliteFile } from "../../../edge/buffer/sqlite.ts";
import { movedRange, stamp } from "./draft-kit.ts";

const cleanups: (() => Promise<unknown>)[] = [];
afterEach(async () => {
  for (const cleanup of cleanups.splice(0).reverse()) await cleanup();
});

/** A new folder, gone after the test. */
export async function temporaryFolder(): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), "gondola-outbox-"));
  cleanups.push(() => rm(folder, { recursive: true, force: true }));
  return folder;
}

/** A clock that stands still until it is moved. */
export class ManualClock implements Clock {
  #nowMs = 1_763_888_000_000;
  #timers: { atMs: number; fire: () => void }[] = [];

  nowMs(): number {
    return this.#nowMs;
  }

  monotonicMs(): number {
    return this.#nowMs - 1_763_887_000_000;
  }

  timer(delayMs: number, fire: () => void): () => void {
    const timer = { atMs: this.#nowMs + delayMs, fire };
    this.#timers.push(timer);
    return () => {
      this.#timers = this.#timers.filter((other) => other !== timer);
    };
  }

  /** Moves the clock and fires what falls due, in order. */
  advance(byMs: number): void {
    const endMs = this.#nowMs + byMs;
    for (;;) {
      const [next] = this.#timers
        .filter((timer) => timer.atMs <= endMs)
        .sort((one, other) => one.atMs - other.atMs);
      if (next === undefined) break;
      this.#timers = this.#timers.filter((timer) => timer !== next);
      this.#nowMs = Math.max(this.#nowMs, next.atMs);
      next.fire();
    }
    this.#nowMs = endMs;
  }
}

/** An opened outbox and what it told. */
export interface Opened {
  readonly outbox: Outbox;
  readonly file: string;
  readonly committed: CommittedRange[];
  readonly failures: GatewayError[];
}

/** Opens `folder/outbox.db` with a small ballast and no sync, which is all that a test needs. */
export async function openOutbox(
  folder: string,
  options: {
    settings?: Parameters<typeof outboxSettingsSchema.parse>[0];
    clock?: Clock;
    clockSynced?: boolean;
    more?: Partial<OutboxOptions>;
  } = {},
): Promise<Opened> {
  const committed: CommittedRange[] = [];
  const failures: GatewayError[] = [];
  const file = join(folder, "outbox.db");
  const settings = { commitDelayMs: 1, ballastSizeBytes: 0, ...(options.settings as object) };
  const outbox = await Outbox.open({
    file,
    edgeId: "edge-1",
    settings: outboxSettingsSchema.parse(settings),
    clock: options.clock ?? systemClock,
    randomId: randomUUID,
    stamp: () => ({ ...stamp, clockSynced: options.clockSynced ?? true }),
    onCommit: (range) => committed.push(range),
    onFailure: (failure) => failures.push(failure),
    synchronous: "OFF",
    ...options.more,
  });
  cleanups.push(() => outbox.abandon());
  return { outbox, file, committed, failures };
}

/** The serial of a moved event. */
export function serialOf(event: StockEvent | Gap): string | undefined {
  return event.type === "moved" ? event.item.serial : undefined;
}

/** Reads from `from` to the end in small batches, as a ledger would take it, and verifies the chain. */
export async function readAll(
  outbox: Outbox,
  from = 1,
  limits = { countMax: 7, sizeBytesMax: 4000 },
): Promise<(StockEvent | Gap)[]> {
  const taken: (StockEvent | Gap)[] = [];
  let digest = await outbox.digestAt(from - 1);
  let next = from;
  for (;;) {
    const rows = await outbox.read(next, limits);
    if (rows.length === 0) break;
    expect(rows.length).toBeLessThanOrEqual(limits.countMax);
    for (const row of rows) {
      expect(row.firstSequence).toBe(next);
      const value: unknown = JSON.parse(row.text);
      const parsed = stockEventSchema.safeParse(value);
      if (parsed.success) {
        digest = nextDigest(digest ?? "", canonicalEvent(parsed.data));
        expect([parsed.data.sequence, row.lastSequence, row.digest]).toEqual([next, next, digest]);
        taken.push(parsed.data);
      } else {
        const gap = gapSchema.parse(value);
        expect(gap).toMatchObject({ firstSequence: next, lastSequence: row.lastSequence });
        expect(gap.digest).toBe(row.digest);
        digest = gap.digest;
        taken.push(gap);
      }
      next = row.lastSequence + 1;
    }
  }
  const position = outbox.position();
  expect([next, digest ?? genesisDigest(position.outboxId)]).toEqual([
    position.lastSequence + 1,
    position.lastDigest,
  ]);
  return taken;
}

/** Acknowledges through a sequence with the outbox's own digest. */
export async function acknowledge(outbox: Outbox, sequence: number, epoch = 1): Promise<void> {
  await outbox.acknowledge(sequence, (await outbox.digestAt(sequence)) ?? "f".repeat(64), epoch);
}

/** An outbox with some events, closed cleanly. */
export async function closedOutbox(): Promise<{ folder: string; file: string; outboxId: string }> {
  const folder = await temporaryFolder();
  const { outbox, file } = await openOutbox(folder);
  await outbox.append(movedRange(1, 400), [{ key: "a", value: "1" }]);
  const { outboxId } = outbox.position();
  outbox.keepAlive(1_763_888_000_123);
  await outbox.close();
  return { folder, file, outboxId };
}

/** Runs a statement on the file of an outbox that is closed. */
export async function change(file: string, statement: string): Promise<void> {
  const sqlite = await SqliteFile.open({ file, mode: "create" });
  await sqlite.read((sql) => sql.exec(statement));
  await sqlite.close();
}
