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
