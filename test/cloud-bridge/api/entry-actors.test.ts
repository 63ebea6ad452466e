// Every route that changes something, sent by one person after others prepared it: the entries that it posts name that
// person, those of edges and of settlement nobody. On SQLite, and again on PostgreSQL.

import { join } from "node:path";
import { expect, test } from "vitest";
import { newToken } from "../../../cloud-bridge/api/tokens.ts";
import { isFlowRule } from "../../../cloud-bridge/ledger/flow.ts";
import { type Entry, entrySchema } from "../../../contract/stock.ts";
import type { TestBridge } from "../bridge.ts";
import { databaseUrl, isOnPostgres, refuseRows } from "../ledger/edge-fixture.ts";
import { received, TestOutbox } from "../test-outbox.ts";
import { withBridge, withTokens } from "../with-bridge.ts";
import { type GoodRequest, goodRequests, gtin, type World } from "./good-requests.ts";
import { makeWorld } from "./good-world.ts";

const holders = {
  dir: newToken({ name: "dir", role: "network-director", stores: "all" }),
  max: newToken({ name: "max", role: "network-director", stores: "all" }),
  eve: newToken({ name: "eve", role: "network-director", stores: "all" }),
};
type Holder = keyof typeof holders;
const storeIds = ["s1", "s2", "s3"];
const refusedQuantity = 13;
let bridge: TestBridge;
let world: World;
let ledgerFile: string;
let repostable: string;

withBridge(
  async ({ bridge: opened, edge }) => {
    bridge = opened;
    const make = (method: string, request: GoodRequest) => makeAs("dir", method, request);
    world = await makeWorld(edge, { ask: (method, path) => ask("dir", method, { path }), make });
    const allow = await refuseRows(ledgerFile, "entries", `NEW.quantity = ${refusedQuantity}`);
    const outbox = new TestOutbox("s1", "e1", "bbbbbbbb-0002");
    await outbox.send(edge, received("s1", gtin, refusedQuantity));
    await allow();
    repostable = `s1/e1/${outbox.outboxId}/1`;
    await make("POST", {
      path: "/v1/stores/s1/transfers",
      body: { id: "T-9", to: "s2", lines: [] },
    });
    const reference = { type: "transfer", id: "T-9" };
    const { to: _, ...sent } = {
      ...received("s1", gtin, 5),
      step: "departing",
      reference,
    } as object & Record<string, unknown>;
    await outbox.send(edge, { ...sent, readPoint: "s1/stockroom" });
  },
  async (folder) => {
    ledgerFile = join(folder, "ledger.db");
    return {
      ...(await withTokens(Object.values(holders).map(({ token }) => token))(folder)),
      ...(isOnPostgres ? { ledger: { postgres: { url: await databaseUrl(ledgerFile) } } } : {}),
    };
  },
);

async function ask(holder: Holder, method: string, { path, body, headers = {} }: GoodRequest) {
  const json = body === undefined ? {} : { "content-type": "application/json" };
  const authorization = `Bearer ${holders[holder].secret}`;
  const response = await fetch(`http://127.0.0.1:${bridge.httpPort}${path}`, {
    ...{ method, headers: { ...json, ...headers, authorization } },
    ...(body === undefined ? {} : { body: JSON.stringify(body) }),
  });
  const text = await response.text();
  return { status: response.status, body: text === "" ? {} : JSON.parse(text) };
}

async function makeAs(holder: Holder, method: string, request: GoodRequest) {
  const answer = await ask(holder, method, request);
  expect(answer.status, `${request.path}: ${JSON.stringify(answer.body)}`).toBeLessThan(300);
  return answer.body;
}

async function entries(): Promise<Entry[]> {
  const lists = storeIds.map(async (storeId) => {
    const path = `/v1/entries?store=${storeId}&limit=1000`;
    return entrySchema.array().parse((await ask("dir", "GET", { path })).body.items);
  });
  return (await Promise.all(lists)).flat();
}

const nameOf = ({ storeId, entryNumber }: Entry) => `${storeId}/${entryNumber}`;

/** A good request of the table, after some more was done with what it is about. */
async function after(key: string, ...steps: [Holder, string, () => object][]): Promise<string> {
  const { path } = await goodRequests[key]!(world);
  const own = path.slice(0, path.lastIndexOf("/"));
  for (const [holder, step, body] of steps) {
    await makeAs(holder, "POST", { path: `${own}/${step}`, body: body() });
  }
  return path;
}

const seen = () => {
  const line = { gtin, location: "s1/stockroom", quantity: 5, observedAtMs: Date.now() };
  return { lines: [line] };
};

/** The routes that post entries, where a good request alone would not post any. */
const posting: Readonly<Record<string, (() => Promise<GoodRequest>) | "as it is">> = {
  "POST /v1/quarantine/repost": async () => {
    return { path: "/v1/quarantine/repost", body: { id: repostable } };
  },
  "POST /v1/claims/{id}/pick": "as it is",
  "POST /v1/claims/{id}/hand-over": "as it is",
  "POST /v1/claims/{id}/release": async () => {
    return {
      path: await after("POST /v1/claims/{id}/release", ["dir", "pick", () => ({})]),
      body: {},
    };
  },
  "POST /v1/stores/{store}/counts/{id}/post": async () => {
    const key = "POST /v1/stores/{store}/counts/{id}/post";
    return { path: await after(key, ["max", "lines", seen]), body: {} };
  },
  "POST /v1/stores/{store}/transfers/{id}/close": async () => {
    const body = { reason: "searched", writeOff: true };
    return { path: "/v1/stores/s2/transfers/T-9/close", body };
  },
  "POST /v1/stores/{store}/returns": "as it is",
  "POST /v1/stores/{store}/returns/{id}/dispose": async () => {
    const key = "POST /v1/stores/{store}/returns/{id}/dispose";
    const path = await after(key, ["dir", "inspect", () => ({ grade: "A", reasons: [] })]);
    return { path, body: { disposition: "resell" } };
  },
  "POST /v1/facts": "as it is",
};

test.each(Object.keys(goodRequests))("%s leaves who sent it in its entries", async (key) => {
  const [method = ""] = key.split(" ");
  const own = posting[key];
  const request = typeof own === "function" ? await own() : await goodRequests[key]!(world);
  const before = new Set((await entries()).map(nameOf));
  const answer = await ask("eve", method, request);
  if (own !== undefined) expect(answer.status, JSON.stringify(answer.body)).toBeLessThan(300);
  const added = (await entries()).filter((entry) => !before.has(nameOf(entry)));
  const ofCall = added.filter(({ reason }) => !isFlowRule(reason));
  expect(ofCall.length > 0, JSON.stringify(ofCall)).toBe(own !== undefined);
  expect(ofCall.map(({ by }) => by)).toEqual(ofCall.map(() => "eve"));
});

test("what an edge told and what settlement found names nobody", async () => {
  const all = await entries();
  const told = all.filter(({ edgeId, by }) => edgeId === "e1" && by === undefined);
  expect(told.map(({ storeId }) => storeId)).toEqual(["s1", "s1", "s2", "s3"]);
  const others = all.filter(({ edgeId, reason }) => edgeId !== "e1" && !isFlowRule(reason));
  expect(others.filter(({ by }) => by === undefined)).toEqual([]);
  const settled = all.filter(({ reason }) => isFlowRule(reason));
  expect(settled.filter(({ by }) => by !== undefined)).toEqual([]);
});
