// Deliveries and transfers over HTTP, of a real bridge with two stores whose edges receive and send.

import { expect, test } from "vitest";
import { topics } from "../../../contract/topics.ts";
import type { TestBridge } from "../bridge.ts";
import type { TestClient } from "../mqtt-client.ts";
import { received, TestOutbox } from "../test-outbox.ts";
import { withBridge } from "../with-bridge.ts";
import { allOf } from "./pages.ts";

const gtin = "09506000134352";
const other = "09521321001015";
let bridge: TestBridge;
let edge: TestClient;
const outboxes = { s1: new TestOutbox("s1", "e1"), s2: new TestOutbox("s2", "e1") };

withBridge(async (opened) => {
  bridge = opened.bridge;
  edge = opened.edge;
  await edge.subscribe(topics.ack("s1", "e1"), topics.ack("s2", "e1"), topics.alerts("s1"));
  await outboxes.s1.send(edge, received("s1", gtin, 9));
  await outboxes.s2.send(edge, received("s2", gtin, 9));
});

async function post(path: string, body: object) {
  const response = await fetch(`http://127.0.0.1:${bridge.httpPort}/v1/stores/${path}`, {
    method: "POST",
    headers: { "content-type": "application/json" },
    body: JSON.stringify(body),
  });
  return { status: response.status, body: (await response.json()) as Record<string, unknown> };
}
const get = async (path: string) => await bridge.get(`/v1/stores/${path}`);
const onHand = async (store: string, location: string) => {
  const { body } = await bridge.get(`/v1/stock?store=${store}&gtin=${gtin}`);
  const [level] = body["items"] as [{ balances: { location: string; quantity: number }[] }];
  return level.balances.find((balance) => balance.location === location)?.quantity ?? 0;
};

test("a delivery: announced, received in part, closed with an alert", async () => {
  const lines = [{ gtin, quantity: 3 }];
  const asked = { id: "ASN-1", from: "Maker", by: "erp", lines };
  expect(await post("s1/deliveries", asked)).toMatchObject({ status: 201 });
  const reference = { type: "delivery", id: "ASN-1" };
  await outboxes.s1.send(
    edge,
    { ...received("s1", gtin, 2), reference },
    { ...received("s1", other), reference },
  );
  expect(await get("s1/deliveries/ASN-1")).toMatchObject({
    body: {
      state: "open",
      report: [
        { item: gtin, expected: 3, received: 2, missing: 1 },
        { item: other, received: 1, extra: 1, isUnlisted: true },
      ],
    },
  });
  expect((await get("s1/deliveries")).body["items"]).toMatchObject([{ consignmentId: "ASN-1" }]);
  expect(await post("s1/deliveries/ASN-1/close", { by: "ada" })).toMatchObject({
    status: 200,
    body: { state: "closed", closedBy: "ada" },
  });
  const alert = await edge.message(({ topic }) => topic === topics.alerts("s1"));
  expect(alert.payload.toString()).toContain("ASN-1 from Maker: 1 missing, 1 too many");
  expect((await get("s1/deliveries")).body["items"]).toEqual([]);
});

test("a transfer: what never came is written off at the sender's, once", async () => {
  const asked = { id: "T-1", to: "s2", by: "max" };
  expect(await post("s1/transfers", asked)).toMatchObject({ status: 201 });
  const reference = { type: "transfer", id: "T-1" };
  const base = { ...received("s1", gtin, 1), reference };
  const { to: _, ...sent } = { ...base, step: "departing", quantity: 5 } as Record<string, unknown>;
  await outboxes.s1.send(edge, { ...sent, readPoint: "s1/stockroom" } as never);
  expect(await onHand("s1", "s1/@transit/t-1")).toBe(5);
  const arrived = { ...received("s2", gtin, 4), reference, step: "arriving" } as const;
  const { from: __, ...atS2 } = arrived as Record<string, unknown>;
  await outboxes.s2.send(edge, atS2 as never);
  expect(await get("s2/transfers/T-1")).toMatchObject({
    body: { report: [{ item: gtin, sent: 5, received: 4, missing: 1, extra: 0 }] },
  });
  expect(await get("s1/transfers/T-1?to=s2")).toMatchObject({ body: { from: "s1" } });
  expect(await get("s1/transfers/T-1?to=s3")).toMatchObject({ status: 404 });
  const close = { by: "ada", writeOff: true, reason: "searched" };
  expect(await post("s2/transfers/T-1/close", close)).toMatchObject({ body: { state: "closed" } });
  expect(await post("s2/transfers/T-1/close", close)).toMatchObject({ status: 200 });
  expect(await onHand("s1", "s1/@transit/t-1")).toBe(4);
  expect(await onHand("s1", "s1/@loss")).toBe(1);
  expect(await onHand("s2", "s2/@transit/t-1")).toBe(-4);
});

test("a delivery that names units and lots says which did not come, and which came instead", async () => {
  const lines = [
    { gtin, quantity: 2, serials: ["U1", "U2"] },
    { gtin: other, quantity: 3, lot: "L1" },
  ];
  const asked = { id: "ASN-2", from: "Maker", by: "erp", lines };
  const { status, body } = await post("s1/deliveries", asked);
  expect([status, body["lines"]]).toEqual([
    201,
    lines.map(({ gtin: item, ...rest }) => ({ item, ...rest })),
  ]);
  expect(await post("s1/deliveries", asked)).toMatchObject({ status: 201 });
  const reference = { type: "delivery", id: "ASN-2" };
  const unit = (serial: string) => ({ ...received("s1", gtin), item: { gtin, serial } });
  await outboxes.s1.send(
    edge,
    // Through a portal, which knows no delivery.
    unit("U1"),
    { ...unit("U7"), reference },
    { ...received("s1", other, 3), item: { gtin: other, lot: "L9" }, reference },
  );
  expect(await get("s1/deliveries/ASN-2")).toMatchObject({
    body: {
      report: [
        { item: gtin, received: 2, missing: 0, missingUnits: ["U2"], unknownUnits: ["U7"] },
        {
          ...{ item: other, received: 3, missing: 0 },
          missingLots: [{ lot: "L1", quantity: 3 }],
          unknownLots: [{ lot: "L9", quantity: 3 }],
        },
      ],
    },
  });
});

const announcing = (...lines: object[]) => ({ id: "A", from: "x", by: "a", lines });
const manySerials = (count: number, from = 0) =>
  Array.from({ length: count }, (_, index) => String(from + index));
test.each([
  [
    announcing({ gtin, quantity: 1, serials: ["1", "2"] }),
    "lines.0.serials",
    "at most its quantity, 1",
  ],
  [
    announcing({ gtin, quantity: 1, serials: ["1"] }, { gtin, quantity: 1, serials: ["1"] }),
    ...["lines.1.serials", "each unit once"],
  ],
  [announcing({ gtin, quantity: 1, serials: ["a b"] }), "lines.0.serials.0", ""],
  [announcing({ gtin, quantity: 1, lot: "x".repeat(21) }), "lines.0.lot", ""],
  [
    announcing(
      { gtin, quantity: 5000, serials: manySerials(5000) },
      { gtin, quantity: 5000, serials: manySerials(1, 5000) },
    ),
    ...["lines.1.serials", "at most 5000 in the delivery"],
  ],
] as [object, string, string][])(
  "a delivery that names units wrongly is refused %#",
  async (body, parameter, text) => {
    expect(await post("s1/deliveries", body)).toMatchObject({
      status: 400,
      body: { errors: [{ parameter, message: expect.stringContaining(text) }] },
    });
  },
);

test.each([
  ["s1/deliveries/ASN-2/close", { by: "a", writeOff: true }, "writeOff"],
  ["s1/deliveries/ASN-2/cancel", { by: "a", writeOff: true }, "writeOff"],
  [
    "s1/transfers",
    { id: "T-9", to: "s2", by: "a", lines: [{ gtin, quantity: 1, lot: "L" }] },
    "lines.0.lot",
  ],
])("%s %j has a field that is not known there", async (path, body, parameter) => {
  expect(await post(path, body)).toMatchObject({
    status: 400,
    body: { errors: [{ parameter, message: "is not known here" }] },
  });
  expect(await get("s1/deliveries/ASN-2")).toMatchObject({ body: { state: "open" } });
});

test.each([
  ["s9/deliveries", { id: "A", from: "x", by: "a", lines: [] }, 404, "s9"],
  ["s1/deliveries", { id: "A b", from: "x", by: "a", lines: [] }, 400, "id"],
  ["s1/deliveries", { id: "A", from: "x", lines: [] }, 400, "by"],
  [
    "s1/deliveries",
    { id: "A", from: "x", by: "a", lines: [{ gtin, quantity: 0 }] },
    400,
    "lines.0.quantity",
  ],
  [
    "s1/deliveries",
    { id: "A", from: "x", by: "a", lines: [{ gtin: "1", quantity: 1 }] },
    400,
    "lines.0.gtin",
  ],
  ["s1/deliveries", { id: "ASN-1", from: "y", by: "a", lines: [] }, 409, "other contents"],
  ["s1/transfers", { id: "T", to: "s1", by: "a" }, 400, "another store"],
  ["s1/transfers", { id: "T", to: "s9", by: "a" }, 404, "s9"],
  ["s2/deliveries/T-1/close", { by: "a" }, 404, "no delivery T-1"],
  ["s1/transfers/ASN-1/cancel", { by: "a" }, 404, "no transfer ASN-1"],
  ["s1/deliveries/none/close", { by: "a" }, 404, "none"],
  ["s1/deliveries/ASN-1/cancel", { by: "a" }, 409, "closed by ada"],
])("%s %j is refused", async (path, body, status, text) => {
  const answer = await post(path, body);
  expect(answer).toMatchObject({ status });
  expect(JSON.stringify(answer.body)).toContain(text);
});

test("lists of deliveries and of transfers come in pages", async () => {
  for (const id of ["P-1", "P-2", "P-3", "P-4", "P-5"]) {
    await post("s1/deliveries", { id, from: "Maker", by: "erp", lines: [{ gtin, quantity: 1 }] });
    await post("s1/transfers", { id, to: "s2", by: "erp" });
  }
  for (const path of ["s1/deliveries?state=all", "s1/transfers?side=from"]) {
    const whole = await allOf(bridge, path, 1000);
    expect(whole.length).toBeGreaterThanOrEqual(5);
    for (const limit of [1, 2]) expect(await allOf(bridge, path, limit)).toEqual(whole);
  }
  expect(await get("s1/deliveries?cursor=MTIz")).toMatchObject({ status: 400 });
});
