// Who did what, of a real bridge with tokens: each deed once, by the token that did it, for those who may know.

import { expect, test } from "vitest";
import { newToken } from "../../../cloud-bridge/api/tokens.ts";
import { topics } from "../../../contract/topics.ts";
import type { TestBridge } from "../bridge.ts";
import { received, TestOutbox } from "../test-outbox.ts";
import { withBridge, withTokens } from "../with-bridge.ts";

const gtin = "09506000134352";
const holders = {
  director: newToken({ name: "dir", role: "network-director", stores: "all" }),
  manager: newToken({ name: "mia", role: "store-manager", stores: "s1" }),
  till: newToken({ name: "till-9", role: "integration", stores: "s1" }),
};
let bridge: TestBridge;

withBridge(
  async (opened) => {
    bridge = opened.bridge;
    await opened.edge.subscribe(topics.ack("s1", "e1"), topics.ack("s2", "e1"));
    for (const storeId of ["s1", "s2"]) {
      await new TestOutbox(storeId, "e1").send(opened.edge, received(storeId, gtin));
    }
  },
  withTokens(Object.values(holders).map(({ token }) => token)),
);

async function ask(
  path: string,
  holder: keyof typeof holders,
  method = "GET",
  body?: unknown,
  more = {},
) {
  const authorization = `Bearer ${holders[holder].secret}`;
  const type = body === undefined ? {} : { "content-type": "application/json" };
  const response = await fetch(`http://127.0.0.1:${bridge.httpPort}${path}`, {
    ...{ method, headers: { authorization, ...type, ...more } },
    ...(body === undefined ? {} : { body: JSON.stringify(body) }),
  });
  const text = await response.text();
  return { status: response.status, body: text === "" ? undefined : JSON.parse(text) };
}

test("policies, items, facts, captures and webhooks have their doers", async () => {
  const policy = "/v1/stores/s1/count-policy";
  const { body: demands } = await ask(policy, "manager");
  expect((await ask(policy, "manager", "PUT", demands)).status).toBe(200);
  const items = { items: [{ gtin, class: "A" }] };
  expect((await ask("/v1/stores/s1/count-items", "director", "PUT", items)).status).toBe(200);
  const sale = { kind: "sale", gtin, quantity: 1, occurredAtMs: Date.now() - 1000 };
  const facts = { store: "s1", source: "pos", facts: [sale] };
  // Sent again, it is one deed.
  for (let turn = 0; turn < 2; turn += 1) {
    const sent = await ask("/v1/facts", "till", "POST", facts, { "idempotency-key": "sale-1" });
    expect(sent.status, JSON.stringify(sent.body)).toBe(200);
  }
  const hook = { url: "https://example.com/hook", kinds: ["entries"] };
  const { status, body: added } = await ask("/v1/webhooks", "director", "POST", hook);
  expect(status).toBe(201);
  expect((await ask(`/v1/webhooks/${added.webhookId}`, "director", "DELETE")).status).toBe(204);
  expect((await ask(`/v1/webhooks/${added.webhookId}`, "director", "DELETE")).status).toBe(404);

  const { body: ofStore } = await ask("/v1/audit?store=s1", "manager");
  const atMs = expect.any(Number);
  expect(ofStore.items).toEqual([
    { storeId: "s1", auditNumber: 1, atMs, by: "mia", act: "count_policy_set", subject: "" },
    {
      storeId: "s1",
      auditNumber: 2,
      atMs,
      by: "dir",
      act: "count_items_set",
      subject: "1 products",
    },
    {
      storeId: "s1",
      auditNumber: 3,
      atMs,
      by: "till-9",
      act: "facts_posted",
      subject: "pos",
    },
  ]);
  const { body: ofChain } = await ask("/v1/audit", "director");
  const subject = added.webhookId;
  expect(ofChain.items).toEqual([
    { auditNumber: 1, atMs, by: "dir", act: "webhook_added", subject },
    { auditNumber: 2, atMs, by: "dir", act: "webhook_removed", subject },
  ]);
});

test("a long list goes on from its cursor", async () => {
  const seen: number[] = [];
  for (let path = "/v1/audit?store=s1&limit=2"; ; ) {
    const { body } = await ask(path, "director");
    seen.push(...body.items.map(({ auditNumber }: { auditNumber: number }) => auditNumber));
    if (body.next === undefined) break;
    path = `/v1/audit?store=s1&limit=2&cursor=${body.next}`;
  }
  expect(seen).toEqual([1, 2, 3]);
});

test("a store's token sees its own store, and one without the permission nothing", async () => {
  expect((await ask("/v1/audit?store=s2", "manager")).status).toBe(403);
  expect((await ask("/v1/audit", "manager")).status).toBe(403);
  expect((await ask("/v1/audit?store=s1", "till")).status).toBe(403);
  expect((await ask("/v1/audit?store=s9", "director")).status).toBe(404);
  expect((await ask("/v1/audit?store=s1&cursor=eA", "director")).status).toBe(400);
});
