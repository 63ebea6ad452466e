// The book of edges on a real ledger in virtual time: who is known, what goes when, and its limits.

import { expect, test } from "vitest";
import { bridgeConfigSchema } from "../../../cloud-bridge/config.ts";
import { EdgeBook, type EdgeView } from "../../../cloud-bridge/edges/edge-book.ts";
import { edgeMetricsText } from "../../../cloud-bridge/edges/edge-metrics.ts";
import { MachineClock, VirtualTime } from "../../simulation/virtual-clock.ts";
import { openLedger } from "../ledger/edge-fixture.ts";
import { coffee, FakeEdge, moved, place, startAtMs } from "../ledger/fake-edge.ts";
import { health, reader, status } from "./health-message.ts";

const storeId = "s0042";
const name = (edgeId: string) => ({ storeId, edgeId });
const bytes = (value: unknown) => Buffer.from(JSON.stringify(value));
const receipt = () => moved("receiving", coffee, { to: place("s0042/stockroom") });

/** A book, its time, and a way to let an edge deliver. */
async function opened(settings: object = {}) {
  const line = new VirtualTime();
  const ledger = await openLedger();
  const counts: Record<string, number> = {};
  const refused: string[] = [];
  const book = await EdgeBook.open({
    ...{ ledger, clock: new MachineClock(line, startAtMs) },
    settings: bridgeConfigSchema.parse({ dataDir: ".", edges: settings }).edges,
    count: (counter, by = 1) => {
      counts[counter] = (counts[counter] ?? 0) + by;
    },
    onRefused: (code) => refused.push(code),
  });
  const deliver = async (edgeId: string, ...events: Record<string, unknown>[]) => {
    const edge = new FakeEdge(undefined, edgeId).append(...events);
    const group = [edge.batch(1)];
    book.onCommitted(group, await ledger.post(group, startAtMs));
  };
  const say = (edgeId: string, report: unknown = health({ atMs: startAtMs + line.nowMs })) =>
    book.onHealth(name(edgeId), bytes(report), false);
  const metrics = async () => await edgeMetricsText([...book.views()], async () => undefined);
  return { book, line, ledger, counts, refused, deliver, say, metrics };
}

const view = (book: EdgeBook, edgeId: string) => book.view(name(edgeId)) as EdgeView;

test("an edge is known from its first delivery on, and its earlier status with it", async () => {
  const { book, say, deliver, counts, refused } = await opened();
  book.onStatus(name("e1"), status(storeId, "e1"), true);
  say("e1");
  expect(book.view(name("e1"))).toBeUndefined();
  expect(counts).toMatchObject({ edge_health_unknown: 1, edge_health_taken: 0 });
  expect(refused).toEqual(["EDGE_UNKNOWN"]);
  await deliver("e1", receipt());
  expect(view(book, "e1")).toMatchObject({ state: "online", status: { softwareVersion: "1.2.3" } });
  say("e1");
  expect(view(book, "e1").report).toMatchObject({ waitingCount: 0, clockOffsetMs: 0 });
  expect(counts).toMatchObject({ edge_health_taken: 1 });
});

test("what cannot be read, is another edge's, or was kept by the broker is counted and changes nothing", async () => {
  const { book, deliver, say, counts, refused } = await opened();
  await deliver("e1", receipt());
  book.onHealth(name("e1"), Buffer.from("{"), false);
  book.onHealth(name("e1"), Buffer.from([0xff, 0x00]), false);
  book.onHealth(name("e1"), Buffer.alloc(300 * 1024, 0x20), false);
  say("e1", { ...health(), waitingCount: -1 });
  say("e1", health({ storeId, edgeId: "e2" }));
  say("e1", health({ storeId: "s0043" }));
  book.onHealth(name("e1"), bytes(health()), true);
  expect(counts).toMatchObject({
    ...{ edge_health_invalid: 4, edge_health_foreign: 2, edge_health_retained: 1 },
    edge_health_taken: 0,
  });
  expect(refused).toContain("TOPIC_FOREIGN");
  expect(view(book, "e1")).toMatchObject({ state: "unknown", report: undefined });
});

test("ages go on; a stale report's series are gone; an edge that nobody expects any more is too", async () => {
  const settings = { staleMs: 60_000, forgetMs: 600_000 };
  const { book, line, deliver, say, metrics } = await opened(settings);
  await deliver("e1", receipt());
  const atMs = startAtMs + 5000;
  say(
    "e1",
    health({
      ...{ atMs, waitingCount: 2, oldestWaitingAtMs: atMs - 90_000 },
      ...{ sinceAcknowledgementMs: 30_000, devices: [reader("r1", { 1: 7 })] },
    }),
  );
  expect(await metrics()).toContain(
    'gondola_bridge_edge_backlog_age_seconds{store="s0042",edge="e1"} 90\n',
  );
  expect(await metrics()).toContain(
    'gondola_bridge_edge_clock_offset_seconds{store="s0042",edge="e1"} 5\n',
  );
  const wait = async (ms: number) => await line.advance(ms, async () => undefined);
  await wait(50_000);
  const labels = '{store="s0042",edge="e1"}';
  expect(await metrics()).toContain(`edge_last_acknowledgement_age_seconds${labels} 80\n`);
  expect(await metrics()).toContain('edge_antenna_readings_total{store="s0042",edge="e1",device');
  book.onStatus(name("e1"), status(storeId, "e1", "offline"), false);
  await wait(20_000);
  const stale = await metrics();
  expect(stale).not.toMatch(/^gondola_bridge_edge_(backlog|clock|buffer|device|antenna)/m);
  expect(stale).toContain(`edge_online${labels} 0\n`);
  expect(stale).toContain(`edge_last_seen_age_seconds${labels} 70\n`);
  expect(stale).toContain(`edge_last_acknowledgement_age_seconds${labels} 100\n`);
  await wait(600_000);
  await book.look();
  expect(await metrics()).not.toMatch(/^gondola/m);
  say("e1");
  expect(view(book, "e1")).toMatchObject({ state: "online" });
});

test("edges beyond the limit are refused with a code, and series of an edge are cut at theirs", async () => {
  const { book, deliver, say, counts, refused, metrics } = await opened({
    ...{ countMax: 2, seriesCountMax: 7 },
  });
  for (const edgeId of ["e1", "e2", "e3"]) await deliver(edgeId, receipt());
  expect(book.keptCount).toBe(2);
  expect(counts).toMatchObject({ edges_over_limit: 1 });
  say("e3");
  expect(counts).toMatchObject({ edges_over_limit: 2, edge_health_taken: 0 });
  expect(book.view(name("e3"))).toBeUndefined();
  const devices = [
    ...[reader("r1", { 1: 1, 2: 2 }), reader("r1", { 1: 9 }), reader("r2", { 1: 1, 2: 2 })],
    reader("r3", { 1: 1 }),
  ];
  say("e1", health({ devices }));
  expect(counts).toMatchObject({ edge_series_over_limit: 1 });
  expect(refused).toEqual(["EDGE_LIMIT", "EDGE_LIMIT", "EDGE_LIMIT"]);
  const series = (await metrics()).match(/^gondola_bridge_edge_(device|antenna).*$/gm) ?? [];
  expect(series).toHaveLength(7);
  expect(new Set(series.map((line) => line.split(" ")[0])).size).toBe(7);
});

test("a last will that comes late is corrected by the next report; a cleared status leaves nothing", async () => {
  const { book, deliver, say } = await opened();
  await deliver("e1", receipt());
  book.onStatus(name("e1"), status(storeId, "e1"), false);
  book.onStatus(name("e1"), status(storeId, "e1", "offline"), false);
  expect(view(book, "e1").state).toBe("offline");
  say("e1");
  expect(view(book, "e1").state).toBe("online");
  book.onStatus(name("e1"), undefined, false);
  expect(view(book, "e1")).toMatchObject({ state: "unknown", status: undefined });
});

const silentMs = 100_000;
const toleranceMs = 10_000;
const e1 = name("e1");
const onlineStatus = status(storeId, "e1");
const lostStatus = status(storeId, "e1", "offline");

/** A book that knows an edge, and the bridge's time. */
async function begun() {
  const one = await opened({ silentMs });
  await one.deliver("e1", receipt());
  return {
    ...one,
    from: () => one.book.caughtUpFromAtMs(e1),
    nowMs: () => startAtMs + one.line.nowMs,
    wait: async (ms: number) => await one.line.advance(ms, async () => undefined),
  };
}
const backlog = (atMs: number, ageMs: number) =>
  health({ atMs, waitingCount: 2, oldestWaitingAtMs: atMs - ageMs });

test("each connection begins anew: the edge has to tell what waited before", async () => {
  const { book, from, nowMs, wait } = await begun();
  expect(from()).toBeUndefined();
  book.onStatus(e1, onlineStatus, false);
  expect(from()).toBe(nowMs() - toleranceMs);
  await wait(30_000);
  book.onStatus(e1, lostStatus, false);
  expect(from()).toBeUndefined();
  book.onStatus(e1, onlineStatus, false);
  expect(from()).toBe(nowMs() - toleranceMs);
  // That it was offline was lost.
  await wait(30_000);
  book.onStatus(e1, onlineStatus, false);
  expect(from()).toBe(nowMs() - toleranceMs);
  book.onStatus(e1, undefined, false);
  expect(from()).toBeUndefined();
});

test("a lost online, or a last will that comes late, is mended by the next report", async () => {
  const { book, say, from, nowMs, wait } = await begun();
  say("e1");
  expect(from()).toBe(0);
  book.onStatus(e1, lostStatus, false);
  expect(from()).toBeUndefined();
  await wait(30_000);
  say("e1", backlog(nowMs(), 500));
  expect(from()).toBe(nowMs() - toleranceMs);
  await wait(30_000);
  say("e1");
  expect(from()).toBe(0);
  // What is on its way is no backlog.
  say("e1", backlog(nowMs(), 500));
  expect(from()).toBe(0);
});

test("a lost offline is mended by silence; who comes back has to tell what waited", async () => {
  const { book, say, deliver, from, nowMs, wait } = await begun();
  book.onStatus(e1, onlineStatus, false);
  say("e1");
  await wait(silentMs);
  expect(from()).toBe(0);
  await wait(1);
  expect(from()).toBeUndefined();
  await wait(3_600_000);
  await deliver("e1", receipt());
  expect(from()).toBe(nowMs() - toleranceMs);
  say("e1", backlog(nowMs(), 3_600_000));
  expect(from()).toBe(nowMs() - toleranceMs);
  // It was away for less than the silence, and nobody said so.
  say("e1");
  await wait(60_000);
  say("e1", backlog(nowMs(), 60_000));
  expect(from()).toBe(nowMs() - toleranceMs);
});

test("a status that the broker kept is believed of an edge that is heard", async () => {
  const { book, deliver, line, from, nowMs, wait } = await begun();
  await wait(silentMs + 1);
  book.onStatus(e1, onlineStatus, true);
  expect(from()).toBeUndefined();
  const atMs = nowMs() - toleranceMs;
  await wait(5000);
  await deliver("e1", receipt());
  // A hello after a silence: the connection may be a later one.
  expect(from()).toBe(atMs + 5000);
  book.onStatus(name("e2"), status(storeId, "e2"), true);
  await deliver("e2", receipt());
  expect(book.caughtUpFromAtMs(name("e2"))).toBe(startAtMs + line.nowMs - toleranceMs);
});

test("a report that came before the status, and is read after it, says nothing of the new connection", async () => {
  const { book, say, from, nowMs, wait } = await begun();
  let isHeld = false;
  book.share(() => isHeld);
  say("e1");
  await wait(1000);
  book.onStatus(e1, onlineStatus, false);
  isHeld = true;
  expect(from()).toBe(nowMs() - toleranceMs);
  expect(view(book, "e1").report).toBeDefined();
  isHeld = false;
  say("e1");
  book.onStatus(e1, lostStatus, false);
  isHeld = true;
  expect(from()).toBeUndefined();
  expect(view(book, "e1").state).toBe("offline");
});

test("of several bridges the one that has a store tells its numbers, and who has it next knows the last report", async () => {
  const one = await opened({ staleMs: 60_000 });
  const other = await opened({ staleMs: 60_000 });
  let holder = one;
  for (const each of [one, other]) {
    each.book.share(() => holder === each);
    await each.deliver("e1", receipt());
  }
  const say = (backlog: Partial<Parameters<typeof health>[0]> = {}) => {
    for (const each of [one, other]) {
      each.say("e1", health({ atMs: startAtMs + each.line.nowMs + 2000, ...backlog }));
    }
  };
  const wait = async (ms: number) => {
    for (const each of [one, other]) await each.line.advance(ms, async () => undefined);
  };
  const known = async () =>
    (await Promise.all([one, other].map(({ metrics }) => metrics()))).map(
      (text) => /edge_backlog_events\{.*\} (\d+)/.exec(text)?.[1],
    );
  say({ waitingCount: 5 });
  expect(await known()).toEqual(["5", undefined]);
  expect([one, other].map(({ book }) => book.keptCount)).toEqual([1, 0]);
  expect([one, other].map(({ counts }) => counts["edge_health_taken"])).toEqual([1, 0]);
  await wait(20_000);
  // Over HTTP any bridge is asked.
  expect(view(other.book, "e1")).toMatchObject({
    report: { waitingCount: 5, clockOffsetMs: 2000 },
    sinceSeenMs: 20_000,
  });
  say({ waitingCount: 7 });
  await wait(10_000);
  holder = other;
  expect(await known()).toEqual([undefined, "7"]);
  expect(view(other.book, "e1")).toMatchObject({ sinceSeenMs: 10_000 });
  // As old as it came, not as it was read.
  await wait(51_000);
  expect(await known()).toEqual([undefined, undefined]);
});

test("announcements of strangers are bounded: the oldest are let go", async () => {
  const { book, deliver } = await opened();
  for (let index = 0; index <= 1000; index += 1) {
    book.onStatus(name(`x${index}`), status(storeId, `x${index}`), false);
  }
  await deliver("x0", receipt());
  await deliver("x1", receipt());
  expect(view(book, "x0").state).toBe("unknown");
  expect(view(book, "x1").state).toBe("online");
});

test("quarantine is counted for each edge, and all of it together", async () => {
  const { book, deliver, metrics } = await opened();
  await deliver("e1", receipt(), moved("receiving", coffee, { quantity: -1 }), receipt());
  await deliver("e2", moved("receiving", coffee, { to: place("s9/stockroom") }));
  await book.look();
  expect(book.quarantinedCount).toBe(2);
  const text = await metrics();
  expect(text).toContain('edge_quarantined_rows{store="s0042",edge="e1"} 1\n');
  expect(text).toContain('edge_quarantined_rows{store="s0042",edge="e2"} 1\n');
});
