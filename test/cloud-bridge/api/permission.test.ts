// Who may ask what, over HTTP, of a real bridge with two stores: by role, by store, and in whose name.

import { randomUUID } from "node:crypto";
import { describe, expect, test } from "vitest";
import { newToken } from "../../../cloud-bridge/api/tokens.ts";
import { topics } from "../../../contract/topics.ts";
import type { TestBridge } from "../bridge.ts";
import { received, TestOutbox } from "../test-outbox.ts";
import { withBridge, withTokens } from "../with-bridge.ts";

const gtin = "09506000134352";
const holders = {
  manager: newToken({ name: "max", role: "store-manager", stores: "s1" }),
  associate: newToken({ name: "ada", role: "associate", stores: "s1" }),
  technician: newToken({ name: "tom", role: "technician", stores: "s1" }),
  erp: newToken({ name: "erp", role: "integration", stores: "all" }),
  shopErp: newToken({ name: "shop-erp", role: "integration", stores: "s1" }),
  director: newToken({ name: "dir", role: "network-director", stores: "all" }),
};
type Holder = keyof typeof holders;
let bridge: TestBridge;

withBridge(
  async (opened) => {
    bridge = opened.bridge;
    const { edge } = opened;
    await edge.subscribe(topics.ack("s1", "e1"), topics.ack("s2", "e1"));
    await new TestOutbox("s1", "e1").send(edge, received("s1", gtin, 9));
    await new TestOutbox("s2", "e1").send(edge, received("s2", gtin, 9));
  },
  withTokens(Object.values(holders).map(({ token }) => token)),
);

async function ask(holder: Holder | undefined, method: string, path: string, body?: unknown) {
  const response = await fetch(`http://127.0.0.1:${bridge.httpPort}${path}`, {
    method,
    headers: {
      ...(holder && { authorization: `Bearer ${holders[holder].secret}` }),
      ...(body === undefined ? {} : { "content-type": "application/json" }),
      "idempotency-key": randomUUID(),
    },
    ...(body === undefined ? {} : { body: JSON.stringify(body) }),
  });
  const text = await response.text();
  const isJson = response.headers.get("content-type")?.includes("json") === true;
  return { status: response.status, body: isJson && text !== "" ? JSON.parse(text) : text };
}

const cases: [Holder | undefined, string, string, number, unknown?][] = [
  [undefined, "GET", "/health", 200],
  [undefined, "GET", "/asyncapi.json", 200],
  [undefined, "GET", "/v1/stores/s1/counts", 401],
  ["associate", "GET", "/v1/stores/s1/counts", 200],
  ["associate", "GET", "/v1/stores/s2/counts", 403],
  ["associate", "GET", "/v1/stores/s1/count-plan", 200],
  ["associate", "GET", "/v1/stores/s2/trust", 403],
  ["associate", "PUT", "/v1/stores/s1/count-policy", 403, {}],
  ["manager", "PUT", "/v1/stores/s1/count-policy", 200, {}],
  ["manager", "PUT", "/v1/stores/s2/count-policy", 403, {}],
  ["technician", "POST", "/v1/stores/s1/counts", 403, { kind: "full" }],
  ["manager", "GET", "/v1/webhooks", 403],
  ["shopErp", "GET", "/v1/webhooks", 200],
  ["erp", "GET", "/v1/webhooks", 200],
  ["shopErp", "POST", "/v1/webhooks", 403, { url: "https://a.example/", kinds: ["entries"] }],
  [
    ...(["shopErp", "POST", "/v1/webhooks", 403] as const),
    { url: "https://a.example/", kinds: ["entries"], stores: ["s2"] },
  ],
  ["manager", "GET", "/v1/epcis/events", 200],
  ["associate", "GET", "/v1/epcis/events", 403],
  ["erp", "GET", "/v1/epcis/events", 200],
  ["associate", "POST", "/v1/epcis/events", 403, {}],
  ["shopErp", "GET", "/v1/epcis/expected-receipts?store=s1", 200],
  ["shopErp", "GET", "/v1/epcis/expected-receipts?store=s2", 403],
  ["manager", "GET", "/v1/trace/s2/head", 403],
  ["manager", "GET", `/v1/trace?link=https://id.gs1.org/01/${gtin}/21/x`, 200],
  ["director", "GET", "/v1/nothing", 404],
];

test.each(cases)("%s: %s %s is %i", async (holder, method, path, status, body) => {
  const answer = await ask(holder, method, path, body);
  expect(answer, JSON.stringify(answer.body)).toMatchObject({ status });
});

test("a token of some stores manages the webhooks of these alone", async () => {
  const hook = { url: "https://a.example/", kinds: ["entries"] };
  const own = await ask("shopErp", "POST", "/v1/webhooks", { ...hook, stores: ["s1"] });
  expect(own).toMatchObject({ status: 201 });
  const others = [{ stores: ["s2"] }, { stores: ["s1", "s2"] }, {}];
  const made = await Promise.all(
    others.map((stores) => ask("erp", "POST", "/v1/webhooks", { ...hook, ...stores })),
  );
  const ownId = own.body["webhookId"];
  const listed = (await ask("shopErp", "GET", "/v1/webhooks")).body;
  expect(listed).toMatchObject({ items: [{ webhookId: ownId }], failing: [] });
  for (const { status, body } of made) {
    expect(status).toBe(201);
    const path = `/v1/webhooks/${body["webhookId"]}`;
    expect(await ask("shopErp", "GET", `${path}/dead`)).toMatchObject({ status: 404 });
    expect(await ask("shopErp", "POST", `${path}/retry`, {})).toMatchObject({ status: 404 });
    expect(await ask("shopErp", "DELETE", path)).toMatchObject({ status: 404 });
    expect(await ask("erp", "DELETE", path)).toMatchObject({ status: 204 });
  }
  expect(await ask("shopErp", "GET", `/v1/webhooks/${ownId}/dead`)).toMatchObject({ status: 200 });
  expect(await ask("shopErp", "DELETE", `/v1/webhooks/${ownId}`)).toMatchObject({ status: 204 });
});

test("what is written off of a transfer is for who may speak for the sender", async () => {
  const transfer = { id: "T-7", to: "s1", lines: [{ gtin, quantity: 1 }] };
  expect(await ask("erp", "POST", "/v1/stores/s2/transfers", transfer)).toMatchObject({
    status: 201,
  });
  const path = "/v1/stores/s1/transfers/T-7/close";
  expect(await ask("shopErp", "POST", path, { writeOff: true })).toMatchObject({
    status: 403,
    body: { errors: [{ parameter: "writeOff", message: expect.stringContaining("store s2") }] },
  });
  expect(await ask("shopErp", "GET", "/v1/stores/s1/transfers/T-7")).toMatchObject({
    body: { state: "open" },
  });
  expect(await ask("shopErp", "POST", path, {})).toMatchObject({ body: { state: "closed" } });
  expect(await ask("erp", "POST", path, { writeOff: true })).toMatchObject({ status: 200 });
});

test("under EPCIS it is refused in the standard's words", async () => {
  const type = "epcisException:SecurityException";
  expect(await ask("manager", "POST", "/v1/epcis/events", {})).toMatchObject({
    ...{
      status: 403,
      body: { type, status: 403, detail: "the role store-manager may not: epcis.capture" },
    },
  });
});

test("what is reserved, withheld and planned has the token's name", async () => {
  const expiresAtMs = Date.now() + 60_000;
  const order = { store: "s1", owner: "customer", expiresAtMs, lines: [{ gtin, quantity: 1 }] };
  const reserved = await ask("shopErp", "POST", "/v1/claims", order);
  expect(reserved).toMatchObject({
    status: 201,
    body: { owner: "customer", changedBy: "shop-erp" },
  });
  const claim = `/v1/claims/${reserved.body["claimId"]}`;
  for (const step of ["pick", "pick", "hand-over"]) {
    const by = step === "pick" ? "associate" : "manager";
    expect(await ask(by, "POST", `${claim}/${step}`, {})).toMatchObject({ status: 200 });
  }
  const audit = (await ask("manager", "GET", "/v1/audit?store=s1")).body["items"] as object[];
  const ofClaim = { subject: reserved.body["claimId"] };
  expect(audit.slice(-3)).toMatchObject([
    { ...ofClaim, act: "claim_reserved", by: "shop-erp" },
    { ...ofClaim, act: "claim_picked", by: "ada" },
    { ...ofClaim, act: "claim_handed_over", by: "max" },
  ]);
  const limit = { store: "s1", gtin, channel: "shop", quantity: 1 };
  expect(await ask("manager", "PUT", "/v1/withheld", limit)).toMatchObject({ status: 200 });
  expect(await ask("associate", "GET", "/v1/withheld?store=s1")).toMatchObject({
    body: { items: [{ gtin, channel: "shop", quantity: 1, changedBy: "max" }] },
  });
  expect(await ask("associate", "GET", "/v1/claims?store=s2")).toMatchObject({ status: 403 });
  const empty = { products: [], locations: [], facings: [] };
  const plan = { schemaVersion: 1, storeId: "s1", version: 1, ...empty };
  const path = "/v1/stores/s1/plan";
  expect(await ask("technician", "PUT", path, plan)).toMatchObject({ status: 200 });
  expect(await ask("associate", "GET", `${path}/changes`)).toMatchObject({
    body: { items: [{ version: 1, changedBy: "tom" }] },
  });
});

describe("a count", () => {
  test("is in the token's name, and nobody is two people", async () => {
    const path = "/v1/stores/s1/counts";
    const line = { gtin, location: "s1/stockroom" };
    const opening = { kind: "cycle", location: "s1/stockroom", lines: [line] };
    expect(await ask("associate", "POST", path, { ...opening, by: "max" })).toMatchObject({
      status: 403,
      body: { errors: [{ parameter: "by", message: expect.stringContaining("is ada") }] },
    });
    const opened = await ask("associate", "POST", path, opening);
    expect(opened).toMatchObject({ status: 201, body: { openedBy: "ada" } });
    const steps = `${path}/${opened.body.countId}`;
    const seen = { lines: [{ ...line, quantity: 5, observedAtMs: Date.now() }] };
    expect(await ask("associate", "POST", `${steps}/lines`, seen)).toMatchObject({ status: 200 });
    expect(await ask("associate", "POST", `${steps}/submit`, {})).toMatchObject({ status: 200 });
    const asMax = { ...seen, by: "max", role: "store_manager" };
    expect(await ask("associate", "POST", `${steps}/lines`, asMax)).toMatchObject({ status: 403 });
    const recounted = await ask("manager", "POST", `${steps}/lines`, seen);
    expect(recounted).toMatchObject({ status: 200 });
    const { observations } = recounted.body.lines[0];
    expect(observations).toMatchObject([{ by: "ada" }, { by: "max" }]);
  });
});
