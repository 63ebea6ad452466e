import { setTimeout as pause } from "node:timers/promises";
import { expect, test } from "vitest";
import { Feed, type FeedSink, listenerBufferBytesMax } from "../../../cloud-bridge/api/feed.ts";
import { systemClock } from "../../../cloud-bridge/clock.ts";
import { ManualClock } from "../../edge/buffer/outbox-kit.ts";
import { counting, postReceipts, useLedger } from "../publish/publisher-kit.ts";
import { TestOutbox } from "../test-outbox.ts";

const gtin = "09506000134352";
const ledger = useLedger();

/** The other end of a listener: reads at once, or nothing at all. */
class Reader implements FeedSink {
  waitingBytes = 0;
  isEnded = false;
  isRevoked = false;
  readonly numbers: number[] = [];
  readonly #isReading: boolean;

  constructor(isReading: boolean) {
    this.#isReading = isReading;
  }

  write(text: string): void {
    if (!this.#isReading) this.waitingBytes += text.length;
    this.numbers.push(...[...text.matchAll(/^id: (\d+)$/gm)].map(([, id]) => Number(id)));
  }

  async isAllowed(): Promise<boolean> {
    return !this.isRevoked;
  }

  end(): void {
    this.isEnded = true;
  }
}

test("one who reads nothing is cut off, others hear all, and it goes on from where it was", async () => {
  const { counts, count } = counting();
  const feed = new Feed({ ledger: ledger(), clock: systemClock, count });
  const outbox = new TestOutbox("s1", "e1");
  const [quick, slow] = [new Reader(true), new Reader(false)];
  feed.listen("s1", 0, quick);
  feed.listen("s1", 0, slow);
  let postedCount = 0;
  while (!slow.isEnded && postedCount < 5000) {
    feed.onPosted(await postReceipts(ledger(), outbox, Array<string>(100).fill(gtin)));
    postedCount += 100;
    await pause(1);
  }
  expect(slow.isEnded).toBe(true);
  expect(slow.waitingBytes).toBeLessThanOrEqual(listenerBufferBytesMax);
  expect(counts.get("feed_listeners_slow")).toBe(1);
  expect(feed.listenerCount).toBe(1);
  const all = Array.from({ length: postedCount }, (_, index) => index + 1);
  await expect.poll(() => quick.numbers.length).toBe(postedCount);
  expect(quick.numbers).toEqual(all);
  const again = new Reader(true);
  feed.listen("s1", slow.numbers.at(-1)!, again);
  await expect.poll(() => slow.numbers.length + again.numbers.length).toBe(postedCount);
  expect([...slow.numbers, ...again.numbers]).toEqual(all);
  feed.close();
  expect([quick.isEnded, again.isEnded, feed.listenerCount]).toEqual([true, true, 0]);
});

test("one whose token is revoked is cut off with the next heartbeat, others stay", async () => {
  const clock = new ManualClock();
  const feed = new Feed({ ledger: ledger(), clock, count: () => undefined });
  const [kept, revoked] = [new Reader(true), new Reader(true)];
  for (const reader of [kept, revoked]) feed.listen("s1", 0, reader);
  clock.advance(15_000);
  await pause(1);
  expect(feed.listenerCount).toBe(2);
  revoked.isRevoked = true;
  clock.advance(15_000);
  await expect.poll(() => [kept.isEnded, revoked.isEnded]).toEqual([false, true]);
  expect(feed.listenerCount).toBe(1);
  feed.close();
});
