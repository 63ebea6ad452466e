// Claims over HTTP, of a real bridge with an edge that received goods.

import { randomUUID } from "node:crypto";
import { expect, test } from "vitest";
import { topics } from "../../../contract/topics.ts";
import type { TestBridge } from "../bridge.ts";
import type { TestClient } from "../mqtt-client.ts";
import { received, TestOutbox } from "../test-outbox.ts";
import { withBridge } from "../with-bridge.ts";

const gtin = "09506000134352";
const other = "09521321001015";
const buyerCount = 20;
let bridge: TestBridge;
let edge: TestClient;

withBridge(async (opened) => {
  bridge = opened.bridge;
  edge = opened.edge;
  await edge.subscribe(topics.ack("s1", "e1"), topics.stock("s1", "+"));
  await new TestOutbox("s1", "e1").send(edge, received("s1", gtin), received("s1", other));
});

type Answer = { status: number; body: Record<string, unknown> };

async function send(
  path: string,
  body: unknown,
  { method = "POST", key = "" }: { method?: string; key?: string } = {},
): Promise<Answer> {
  const headers = {
    "content-type": "application/json",
    ...(key === "" ? {} : { "idempotency-key": key }),
  };
  const text = typeof body === "string" ? body : JSON.stringify(body);
  const response = await fetch(`http://127.0.0.1:${bridge.httpPort}${path}`, {
    ...{ method, headers, body: text },
  });
  return { status: response.status, body: (await response.json()) as Answer["body"] };
}

function order(fields: Record<string, unknown> = {}) {
  const expiresAtMs = Date.now() + 60_000;
  return { store: "s1", owner: "ada", expiresAtMs, lines: [{ gtin, quantity: 1 }], ...fields };
}

const race = () =>
  Promise.all(
    Array.from({ length: buyerCount }, () => send("/v1/claims", order(), { key: randomUUID() })),
  );

test("the last unit has one buyer at every step, and its level is published", async () => {
  const path = `/v1/availability?gtin=${gtin}`;
  const onHand = { storeId: "s1", onHand: 1, safetyStock: 0, channelLimit: 0 };
  expect((await bridge.get(path)).body).toMatchObject({
    ...{ gtin, channel: "web", available: 1 },
    items: [{ ...onHand, reserved: 0, available: 1 }],
  });
  const answers = await race();
  const [won, ...more] = answers.filter(({ status }) => status === 201);
  expect(more).toEqual([]);
  const lost = answers.filter(({ status }) => status === 409);
  expect(lost).toHaveLength(buyerCount - 1);
  expect(lost[0]?.body).toMatchObject({
    ...{ type: "urn:gondola:problem:claim_refused", code: "STOCK_SHORT" },
    detail: `lines.0.quantity: 1 of ${gtin} are asked for in s1, 0 can be promised`,
  });
  expect((await bridge.get(`${path}&stores=s1`)).body).toMatchObject({
    items: [{ ...onHand, reserved: 1, available: 0 }],
  });
  const claim = `/v1/claims/${won?.body["claimId"]}`;
  expect((await bridge.get(claim)).body).toEqual(won?.body);
  const body = { by: "bob" };
  expect(await send(`${claim}/hand-over`, body)).toMatchObject({
    ...{ status: 409, body: { code: "CLAIM_STATE" } },
  });
  for (const [step, state] of [
    ["pick", "picked"],
    ["hand-over", "handed_over"],
  ]) {
    const [steps, buyers] = await Promise.all([
      Promise.all(Array.from({ length: 5 }, () => send(`${claim}/${step}`, body))),
      race(),
    ]);
    for (const each of steps) expect(each).toMatchObject({ status: 200, body: { state } });
    expect(buyers.filter(({ status }) => status === 201)).toEqual([]);
  }
  const level = await edge.message(
    ({ topic, payload }) =>
      topic === topics.stock("s1", gtin) && payload.toString().includes("@customer"),
  );
  expect(JSON.parse(level.payload.toString())).toMatchObject({ sellable: 0 });
  const { items } = (await bridge.get("/v1/entries?store=s1")).body as { items: object[] };
  expect(items.slice(2)).toMatchObject([{ reason: "claim_pick" }, { reason: "claim_hand_over" }]);
});

test("a key gives its first answer; released units can be promised, safety stock cannot", async () => {
  const lines = [{ gtin: other, quantity: 1 }];
  const body = order({ lines });
  const first = await send("/v1/claims", body, { key: "order-1" });
  expect(first.status).toBe(201);
  expect(await send("/v1/claims", body, { key: "order-1" })).toEqual(first);
  expect(await send("/v1/claims", { ...body, owner: "eve" }, { key: "order-1" })).toMatchObject({
    ...{ status: 409, body: { type: "urn:gondola:problem:key_reused" } },
  });
  const release = `/v1/claims/${first.body["claimId"]}/release`;
  expect((await send(release, { by: "bob" })).body).toMatchObject({ state: "released" });
  const withheld = { store: "s1", gtin: "*", channel: "*", quantity: 1, by: "max" };
  expect(await send("/v1/withheld", withheld, { method: "PUT" })).toMatchObject({ status: 200 });
  expect(await send("/v1/claims", body, { key: "order-2" })).toMatchObject({ status: 409 });
  expect(await bridge.text("/metrics")).toContain("claims_refused_key_reused_total 1");
});

test("claims of a store are found by their state; what is withheld, with who said so", async () => {
  const lists = await Promise.all(
    ["", "&state=all", "&state=released", "&state=expired"].map(
      async (query) => (await bridge.get(`/v1/claims?store=s1${query}`)).body["items"] as object[],
    ),
  );
  expect(lists.map(({ length }) => length)).toEqual([0, 2, 1, 0]);
  expect(lists[2]).toMatchObject([{ state: "released", changedBy: "bob" }]);
  const { body } = await bridge.get("/v1/claims?store=s1&state=all&limit=1");
  const next = `/v1/claims?store=s1&state=all&limit=1&cursor=${body["next"]}`;
  const pages = [...(body["items"] as object[]), ...((await bridge.get(next)).body["items"] as [])];
  expect(pages).toEqual(lists[1]);
  expect(await bridge.get("/v1/claims?store=s1&state=x")).toMatchObject({ status: 400 });
  expect(await bridge.get("/v1/claims?store=s9")).toMatchObject({ status: 404 });
  expect((await bridge.get("/v1/withheld?store=s1")).body["items"]).toMatchObject([
    { gtin: "*", channel: "*", quantity: 1, changedBy: "max" },
  ]);
});

test("whatever text an owner is called by, the claim says it", async () => {
  const withheld = { store: "s1", gtin: other, channel: "*", quantity: 0, by: "max" };
  await send("/v1/withheld", withheld, { method: "PUT" });
  for (const owner of ["'; DROP TABLE claims; --", "日本 🛒"]) {
    const body = order({ owner, lines: [{ gtin: other, quantity: 1 }] });
    const { status, body: claim } = await send("/v1/claims", body, { key: randomUUID() });
    expect([owner, status]).toEqual([owner, 201]);
    const path = `/v1/claims/${claim["claimId"]}`;
    expect((await bridge.get(path)).body).toMatchObject({ owner });
    expect((await send(`${path}/release`, { by: owner })).status).toBe(200);
  }
});

test("what orders wait for, what ran out and what is withheld is published as it changes", async () => {
  const level = async (wanted: object) => {
    const isWanted = (text: string) => {
      const found = JSON.parse(text) as Record<string, unknown>;
      return Object.entries(wanted).every(([name, value]) => found[name] === value);
    };
    const { payload } = await edge.message(
      (message) =>
        message.topic === topics.stock("s1", other) && isWanted(message.payload.toString()),
    );
    return JSON.parse(payload.toString()) as Record<string, number>;
  };
  edge.received.length = 0;
  const none = { store: "s1", gtin: other, channel: "*", quantity: 0, by: "max" };
  await send("/v1/withheld", none, { method: "PUT" });
  const free = await level({ available: 1, reserved: 0, onHand: 1, inBasket: 0 });
  edge.received.length = 0;
  const soon = { lines: [{ gtin: other, quantity: 1 }], expiresAtMs: Date.now() + 1500 };
  expect((await send("/v1/claims", order(soon), { key: randomUUID() })).status).toBe(201);
  expect((await level({ available: 0, reserved: 1, onHand: 1 }))["revision"]).toBe(
    free["revision"],
  );
  // Nobody does anything until it runs out.
  await level({ available: 1, reserved: 0 });
});

test.each([
  ["/v1/claims", order(), "", 400, "Idempotency-Key: this header must be given"],
  ["/v1/claims", order({ store: "S!" }), "k", 400, "store: an id is"],
  ["/v1/claims", order({ store: "s9" }), "k", 404, "store s9 has neither"],
  ["/v1/claims", order({ lines: [] }), "k", 400, "lines: must be 1..50 lines"],
  ["/v1/claims", order({ lines: [{ gtin, quantity: -1 }] }), "k", 400, "lines.0.quantity: must"],
  ["/v1/claims", order({ lines: [{ gtin, quantity: 1e9 }] }), "k", 400, "lines.0.quantity: must"],
  ["/v1/claims", order({ lines: [{ gtin: "1", quantity: 1 }] }), "k", 400, "lines.0.gtin: a GTIN"],
  ["/v1/claims", order({ expiresAtMs: 1 }), "k", 400, "expiresAtMs: must be 1000.."],
  ["/v1/claims", order({ owner: "a\u0000b" }), "k", 400, "owner: must be 1-100 characters"],
  ["/v1/claims", order({ owner: "\ud800" }), "k", 400, "owner: must be 1-100 characters"],
  ["/v1/claims", order({ channel: "*" }), "k", 400, "channel: a channel is"],
  ["/v1/claims", "{", "k", 400, "JSON"],
  ["/v1/claims", "x".repeat(5000), "k", 413, "too large"],
  [`/v1/claims/${"0".repeat(32)}/pick`, { by: "bob" }, "", 404, "claimId: there is no claim"],
  [`/v1/claims/${"0".repeat(32)}/pick`, {}, "", 400, "by:"],
  ["/v1/claims/7/move", { by: "bob", store: "s1" }, "", 400, "id: a claim is named"],
])("%s %j (key %j) is %i: %s", async (path, body, key, status, text) => {
  const answer = await send(path, body, { key });
  expect(String(answer.body["detail"])).toContain(text);
  expect(answer).toMatchObject({ status, body: { status } });
});
