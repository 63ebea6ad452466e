// Edges over HTTP, of a real bridge with three stores.

import { expect, test } from "vitest";
import { newToken } from "../../../cloud-bridge/api/tokens.ts";
import { topics } from "../../../contract/topics.ts";
import type { TestBridge } from "../bridge.ts";
import { health, reader, status } from "../edges/health-message.ts";
import { received, TestOutbox } from "../test-outbox.ts";
import { withBridge, withTokens } from "../with-bridge.ts";

const gtin = "09506000134352";
const holders = {
  director: newToken({ name: "dir", role: "network-director", stores: "all" }),
  technician: newToken({ name: "tom", role: "technician", stores: "s1,s3" }),
};
const names = [
  ["s1", "e1"],
  ["s1", "e2"],
  ["s2", "e1"],
  ["s3", "e1"],
] as const;
let bridge: TestBridge;

withBridge(
  async (opened) => {
    bridge = opened.bridge;
    const { edge } = opened;
    await edge.subscribe(...names.map(([storeId, edgeId]) => topics.ack(storeId, edgeId)));
    for (const [storeId, edgeId] of names) {
      await new TestOutbox(storeId, edgeId).send(edge, received(storeId, gtin));
    }
    const online = JSON.stringify(status("s1", "e1"));
    await edge.publish(topics.status("s1", "e1"), online, true);
    const offline = JSON.stringify(status("s2", "e1", "offline", "stopped"));
    await edge.publish(topics.status("s2", "e1"), offline, true);
    const waiting = { waitingCount: 2, oldestWaitingAtMs: Date.now() - 5000 };
    const devices = [reader("portal-1", { 3: 12 })];
    const report = health({ ...waiting, sinceAcknowledgementMs: 700, devices, config });
    await edge.publish(topics.health("s1", "e1"), JSON.stringify(report));
    // A second outbox of an edge whose status knows only the first.
    await new TestOutbox("s3", "e1", "bbbbbbbb-0002").send(edge, received("s3", gtin));
  },
  withTokens(Object.values(holders).map(({ token }) => token)),
);

/** Which configuration an edge works by. */
const config = {
  ...{ digest: "a".repeat(64), origin: "applied" as const },
  returned: { digest: "b".repeat(64), reason: "the link to the broker is down", atMs: 1 },
};

async function ask(path: string, holder: keyof typeof holders = "director") {
  const headers = { authorization: `Bearer ${holders[holder].secret}` };
  const response = await fetch(`http://127.0.0.1:${bridge.httpPort}${path}`, { headers });
  const body = (await response.json()) as { items: Item[]; next?: string } & Item;
  return { status: response.status, body };
}
interface Item {
  readonly storeId: string;
  readonly edgeId: string;
  readonly [fact: string]: unknown;
}
const named = ({ items }: { items: Item[] }) =>
  items.map(({ storeId, edgeId }) => `${storeId}/${edgeId}`);

test("an edge is listed with its state, version, backlog, outbox, clock and configuration", async () => {
  const found = async () => (await ask("/v1/edges?store=s1")).body.items[0];
  await expect.poll(async () => (await found())?.["backlog"]).toBeDefined();
  expect(await found()).toEqual({
    ...{ storeId: "s1", edgeId: "e1", state: "online", reason: "started" },
    ...{ softwareVersion: "1.2.3", startedAtMs: 1_763_888_000_000, quarantinedCount: 0 },
    lastSeenAtMs: expect.closeTo(Date.now(), -4),
    sinceAcknowledgementMs: expect.any(Number),
    outbox: {
      ...{ outboxId: "aaaaaaaa-0001", throughSequence: 1, isFrozen: false },
      completeThroughAtMs: expect.closeTo(Date.now(), -4),
    },
    backlog: { waitingCount: 2, ageMs: expect.closeTo(5000, -2), bufferUsedShare: 0.25 },
    clock: { offsetMs: expect.closeTo(0, -4), isSynced: true },
    config,
  });
});

test("one edge is shown with its devices; one that never delivered is 404", async () => {
  const shown = async () => await ask("/v1/stores/s1/edges/e1");
  await expect.poll(async () => (await shown()).body["devices"]).toBeDefined();
  const { status: code, body } = await shown();
  expect(code).toBe(200);
  expect(body["devices"]).toMatchObject([
    { deviceId: "portal-1", readingCount: 12, antennas: [{ antenna: 3, readingCount: 12 }] },
  ]);
  const silent = (await ask("/v1/stores/s1/edges/e2")).body;
  expect(silent).toMatchObject({ state: "unknown", outbox: { throughSequence: 1 } });
  expect(silent).not.toHaveProperty("devices");
  expect(await ask("/v1/stores/s1/edges/e9")).toMatchObject({
    ...{ status: 404, body: { type: "urn:gondola:problem:edge_unknown" } },
  });
  expect(await ask("/v1/stores/s9/edges/e1")).toMatchObject({ status: 404 });
});

test("the outbox that reaches furthest stands for an edge with two", async () => {
  const { body } = await ask("/v1/edges?store=s3");
  expect(body.items).toMatchObject([{ outbox: { outboxId: "bbbbbbbb-0002" } }]);
});

test("pages follow one another in order, each edge once", async () => {
  const seen: string[] = [];
  let next: string | undefined = "";
  while (next !== undefined) {
    const { body } = await ask(`/v1/edges?limit=2${next === "" ? "" : `&cursor=${next}`}`);
    seen.push(...named(body));
    next = body.next;
  }
  expect(seen).toEqual(["s1/e1", "s1/e2", "s2/e1", "s3/e1"]);
  expect(await ask("/v1/edges?cursor=eA")).toMatchObject({ status: 400 });
});

test("a state can be asked for", async () => {
  const { body } = await ask("/v1/edges?state=offline");
  expect(body.items).toMatchObject([{ storeId: "s2", edgeId: "e1", reason: "stopped" }]);
  expect(named((await ask("/v1/edges?state=online")).body)).toEqual(["s1/e1"]);
  expect(await ask("/v1/edges?state=sleeping")).toMatchObject({ status: 400 });
});

test("a token for stores lists those alone and may not ask for another", async () => {
  expect(named((await ask("/v1/edges", "technician")).body)).toEqual(["s1/e1", "s1/e2", "s3/e1"]);
  expect((await ask("/v1/edges?store=s2", "technician")).status).toBe(403);
  expect((await ask("/v1/stores/s2/edges/e1", "technician")).status).toBe(403);
  expect((await ask("/v1/stores/s3/edges/e1", "technician")).status).toBe(200);
});
