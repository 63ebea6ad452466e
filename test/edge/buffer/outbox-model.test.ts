// Random operations, reopenings and crashes against an oracle in memory, on real files. The cap is so
// small that large events make the outbox shed. A failing run prints its seed and its operations.

import fc from "fast-check";
import { expect, test } from "vitest";
import type { Outbox } from "../../../edge/buffer/outbox.ts";
import { large, moved } from "./draft-kit.ts";
import { acknowledge, openOutbox, readAll, temporaryFolder } from "./outbox-kit.ts";

const settings = { sizeBytesMax: 512 * 1024, commitDelayMs: 0, acknowledgeFlushMs: 0 };
const limits = { countMax: 50, sizeBytesMax: 64 * 1024 };

const share = fc.double({ min: 0, max: 1, noNaN: true });
const appendOf = <Name extends string>(name: Name) =>
  fc.record({
    name: fc.constant(name),
    count: fc.nat({ max: 12 }),
    isLarge: fc.boolean(),
    state: fc.nat({ max: 3 }),
  });
const operation = fc.oneof(
  { weight: 8, arbitrary: appendOf("append") },
  { weight: 3, arbitrary: fc.record({ name: fc.constant("acknowledge"), share }) },
  { weight: 1, arbitrary: fc.record({ name: fc.constant("rewind"), share }) },
  { weight: 1, arbitrary: fc.record({ name: fc.constant("setAside"), share }) },
  { weight: 1, arbitrary: fc.record({ name: fc.constant("renew"), share }) },
  { weight: 2, arbitrary: fc.record({ name: fc.constant("reopen") }) },
  { weight: 2, arbitrary: appendOf("crash") },
);
type Operation = typeof operation extends fc.Arbitrary<infer Value> ? Value : never;

/** What the outbox should hold: a label for each sequence from 1 on. */
class Oracle {
  labels: string[] = ["outbox_started"];
  state = new Map<string, string>();
  acknowledgedSequence = 0;
  epoch = 0;
  serial = 0;

  /** Drafts with their labels, and state changes, as an append will have them. */
  next(count: number, isLarge: boolean, state: number) {
    const first = this.serial + 1;
    this.serial += count;
    const serials = Array.from({ length: count }, (_, index) => first + index);
    const drafts = serials.map((serial) => (isLarge ? large(serial) : moved(serial)));
    const value = state === 3 ? null : `${this.serial}`;
    const changes = state === 0 ? [] : [{ key: `key-${state % 2}`, value }];
    return { drafts, labels: serials.map((serial) => `S${serial}`), changes };
  }

  take({ labels, changes }: ReturnType<Oracle["next"]>): void {
    this.labels.push(...labels);
    for (const { key, value } of changes) {
      if (value === null) this.state.delete(key);
      else this.state.set(key, value);
    }
  }
}

async function compare(outbox: Outbox, oracle: Oracle): Promise<void> {
  await outbox.flush();
  const { lastSequence, oldestSequence } = outbox.position();
  expect(lastSequence).toBe(oracle.labels.length);
  expect([...outbox.storedState()].sort()).toEqual([...oracle.state].sort());
  expect(outbox.position().acknowledgedSequence).toBe(oracle.acknowledgedSequence);
  for (const event of await readAll(outbox, 1, limits)) {
    if (event.type === "gap") {
      const isPrefix = event.firstSequence === 1 && event.lastSequence === oldestSequence - 1;
      const isSetAside = oracle.labels[event.firstSequence - 1] === "set aside";
      expect(isPrefix || (isSetAside && event.firstSequence === event.lastSequence)).toBe(true);
    } else {
      const detail = event.type === "noticed" ? event.detail["serial"] : undefined;
      const label = event.type === "moved" ? event.item.serial : (detail ?? "outbox_started");
      expect(label).toBe(oracle.labels[event.sequence - 1]);
    }
  }
}

class Run {
  readonly #folder: string;
  readonly #oracle = new Oracle();
  #outbox: Outbox;

  constructor(folder: string, outbox: Outbox) {
    this.#folder = folder;
    this.#outbox = outbox;
  }

  static async open(): Promise<Run> {
    const folder = await temporaryFolder();
    return new Run(folder, (await openOutbox(folder, { settings })).outbox);
  }

  /** More than the cap holds. */
  async fill(): Promise<void> {
    const append = { name: "append", count: 12, isLarge: true, state: 0 } as const;
    for (let call = 0; call < 5; call += 1) await this.apply(append);
  }

  async apply(operation: Operation): Promise<void> {
    const outbox = this.#outbox;
    const oracle = this.#oracle;
    const { lastSequence, oldestSequence } = outbox.position();
    const pick = (from: number, to: number, at: number) => from + Math.round((to - from) * at);
    if (operation.name === "append") {
      const entry = oracle.next(operation.count, operation.isLarge, operation.state);
      await outbox.append(entry.drafts, entry.changes);
      oracle.take(entry);
    } else if (operation.name === "acknowledge") {
      const from = Math.max(oracle.acknowledgedSequence, oldestSequence - 1);
      oracle.acknowledgedSequence = pick(from, lastSequence, operation.share);
      await acknowledge(outbox, oracle.acknowledgedSequence, oracle.epoch);
    } else if (operation.name === "rewind") {
      oracle.epoch += 1;
      oracle.acknowledgedSequence = pick(0, oracle.acknowledgedSequence, operation.share);
      await acknowledge(outbox, oracle.acknowledgedSequence, oracle.epoch);
    } else if (operation.name === "setAside") {
      const sequence = pick(1, lastSequence, operation.share);
      await outbox.setAside(sequence);
      oracle.labels[sequence - 1] = "set aside";
    } else if (operation.name === "renew") {
      const after = pick(oldestSequence - 1, lastSequence, operation.share);
      await outbox.renew("diverged", after);
      oracle.labels = ["outbox_started", ...oracle.labels.slice(Math.max(1, after))];
      oracle.acknowledgedSequence = 0;
    } else if (operation.name === "reopen") {
      await outbox.close();
      await this.#reopen();
    } else {
      await this.#crash(oracle.next(operation.count, operation.isLarge, operation.state));
    }
  }

  /** A crash while an append is under way: it is stored whole or not at all. */
  async #crash(entry: ReturnType<Oracle["next"]>): Promise<void> {
    await this.#outbox.flush();
    const appended = this.#outbox.append(entry.drafts, entry.changes).then(
      () => true,
      () => false,
    );
    if (entry.drafts.length % 2 === 0) await new Promise((resolve) => setTimeout(resolve, 2));
    await this.#outbox.abandon();
    const wasTold = await appended;
    await this.#reopen();
    const { lastSequence } = this.#outbox.position();
    const sorted = (state: ReadonlyMap<string, string>) => JSON.stringify([...state].sort());
    const wasStored =
      entry.labels.length > 0
        ? lastSequence > this.#oracle.labels.length
        : sorted(this.#outbox.storedState()) !== sorted(this.#oracle.state);
    if (wasTold || wasStored) this.#oracle.take(entry);
  }

  async #reopen(): Promise<void> {
    this.#outbox = (await openOutbox(this.#folder, { settings })).outbox;
    expect(this.#outbox.started).toBeUndefined();
  }

  async check(): Promise<{ overflowedCount: number }> {
    await compare(this.#outbox, this.#oracle);
    const stats = await this.#outbox.stats();
    await this.#outbox.close();
    return stats;
  }

  compare(): Promise<void> {
    return compare(this.#outbox, this.#oracle);
  }
}

test("the outbox is what an oracle says it is, through reopenings, crashes and shedding", async () => {
  let shedRunCount = 0;
  const property = fc.asyncProperty(
    fc.boolean(),
    fc.array(operation, { minLength: 5, maxLength: 30 }),
    async (beginsFull, operations) => {
      const run = await Run.open();
      if (beginsFull) await run.fill();
      for (const [index, operation] of operations.entries()) {
        await run.apply(operation);
        if (index % 5 === 4) await run.compare();
      }
      if ((await run.check()).overflowedCount > 0) shedRunCount += 1;
    },
  );
  await fc.assert(property, { numRuns: 40, interruptAfterTimeLimit: 60_000 });
  expect(shedRunCount).toBeGreaterThan(0);
}, 90_000);
