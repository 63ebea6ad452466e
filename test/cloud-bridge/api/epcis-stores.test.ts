// EPCIS for tokens that are limited to stores: what they ask finds events of these alone, what they tell is of these
// alone, and nothing says what there is in others. Of a real bridge with two stores that know nothing of each other.

import { expect, test } from "vitest";
import { newToken } from "../../../cloud-bridge/api/tokens.ts";
import { topics } from "../../../contract/topics.ts";
import type { TestBridge } from "../bridge.ts";
import { received, TestOutbox } from "../test-outbox.ts";
import { withBridge, withTokens } from "../with-bridge.ts";

const gtin = "09506000134352";
const holders = {
  chain: newToken({ name: "chain", role: "integration", stores: "all" }),
  s1: newToken({ name: "erp-one", role: "integration", stores: "s1" }),
  s2: newToken({ name: "erp-two", role: "integration", stores: "s2" }),
  manager: newToken({ name: "max", role: "store-manager", stores: "s1" }),
};
type Holder = keyof typeof holders;
let bridge: TestBridge;

const moment = { eventTime: "2026-03-04T11:00:30.000Z", eventTimeZoneOffset: "+00:00" };
const placeOf = (storeId: string) => `urn:gondola:location:${storeId}:stockroom`;
const unitOf = (serial: string) => `https://id.gs1.org/01/${gtin}/21/${serial}`;
const sscc = "https://id.gs1.org/00/095060001343520017";
const eventIdOf = (storeId: string) => `urn:x:shipment:${storeId}`;
const shipmentTo = (storeId: string, change: object = {}) => ({
  ...{ type: "ObjectEvent", ...moment, action: "OBSERVE", bizStep: "shipping" },
  ...{ eventID: eventIdOf(storeId), epcList: [sscc, unitOf(`to-${storeId}`), unitOf("both")] },
  bizTransactionList: [{ type: "desadv", bizTransaction: `urn:x:desadv:${storeId}` }],
  destinationList: [{ type: "location", destination: placeOf(storeId) }],
  ...change,
});
const seenIn = (storeId: string, change: object = {}) => ({
  ...{ type: "ObjectEvent", ...moment, action: "OBSERVE", bizStep: "inspecting" },
  ...{ epcList: [unitOf(`in-${storeId}`)], readPoint: { id: placeOf(storeId) } },
  ...change,
});
const documentOf = (...eventList: object[]) => ({
  "@context": ["https://ref.gs1.org/standards/epcis/2.0.0/epcis-context.jsonld"],
  ...{ type: "EPCISDocument", schemaVersion: "2.0", creationDate: moment.eventTime },
  epcisBody: { eventList },
});

withBridge(
  async (opened) => {
    bridge = opened.bridge;
    const { edge } = opened;
    await edge.subscribe(topics.ack("s1", "e1"), topics.ack("s2", "e1"));
    for (const storeId of ["s1", "s2"]) {
      const outbox = new TestOutbox(storeId, "e1");
      for (const serial of [`own-${storeId}`, "both", "both"]) {
        const item = { gtin: gtin as never, serial };
        await outbox.send(edge, { ...received(storeId, gtin), item } as never);
      }
    }
    const { destinationList: _, ...ofNone } = shipmentTo("nobody");
    const captured = documentOf(shipmentTo("s1"), shipmentTo("s2"), ofNone);
    expect((await ask("chain", "POST", "/v1/epcis/capture", captured)).status).toBe(202);
  },
  withTokens(Object.values(holders).map(({ token }) => token)),
);

async function ask(
  holder: Holder,
  method: string,
  path: string,
  body?: object,
  headers: Record<string, string> = {},
) {
  const typed = body === undefined ? {} : { "content-type": "application/json" };
  const authorization = `Bearer ${holders[holder].secret}`;
  const response = await fetch(`http://127.0.0.1:${bridge.httpPort}${path}`, {
    ...{ method, headers: { authorization, ...typed, ...headers } },
    ...(body === undefined ? {} : { body: JSON.stringify(body) }),
  });
  const text = await response.text();
  const next = /^<(.*)>; rel="next"$/.exec(response.headers.get("link") ?? "")?.[1];
  const location = response.headers.get("location") ?? "";
  return {
    status: response.status,
    text,
    next,
    location,
    body: text === "" ? {} : JSON.parse(text),
  };
}

interface Told {
  readonly eventID: string;
  readonly "gondola:entry"?: string;
}

/** All pages of a query, none of which names the other store, nor does where the next one is. */
async function eventsOf(holder: Holder, path: string): Promise<Told[]> {
  const events: Told[] = [];
  let next: string | undefined = path;
  while (next !== undefined) {
    const answer: Awaited<ReturnType<typeof ask>> = await ask(holder, "GET", next);
    expect(answer.status, `${path}: ${answer.text}`).toBe(200);
    events.push(...answer.body.epcisBody.queryResults.resultsBody.eventList);
    next = answer.next;
    const token = new URLSearchParams(next?.split("?")[1]).get("nextPageToken") ?? "";
    const told = answer.text + Buffer.from(token, "base64url").toString("utf8");
    const other = { chain: /never/, s1: /\bs2\b/, manager: /\bs2\b/, s2: /\bs1\b/ }[holder];
    expect(told).not.toMatch(other);
  }
  return events;
}

const idsOf = (events: readonly Told[]) => events.map(({ eventID }) => eventID);
const isOf = (storeId: string) => (event: Told) =>
  event["gondola:entry"]?.startsWith(`${storeId}/`) ?? event.eventID === eventIdOf(storeId);

test.each([
  ["events?"],
  ["events?orderBy=eventTime&"],
  ["events?orderBy=recordTime&orderDirection=ASC&"],
  [`events?MATCH_anyEPC=${encodeURIComponent(unitOf("both"))}&`],
  [`events?MATCH_anyEPC=${encodeURIComponent(unitOf("both"))}&orderBy=eventTime&`],
  ["events?EQ_bizStep=shipping&"],
  ["events?EQ_bizTransaction_desadv=urn:x:desadv:s1|urn:x:desadv:s2&"],
  ["eventTypes/ObjectEvent/events?"],
  [`epcs/${encodeURIComponent(unitOf("both"))}/events?`],
  ["bizSteps/receiving/events?"],
  ["dispositions/in_progress/events?"],
])("a query of %s finds what is the store's, by page", async (path) => {
  const all = await eventsOf("chain", `/v1/epcis/${path}perPage=1000`);
  for (const storeId of ["s1", "s2"] as const) {
    const own = all.filter(isOf(storeId));
    expect(own.length).toBeGreaterThan(0);
    expect(own.length).toBeLessThan(all.length);
    for (const perPage of [1, 1000]) {
      const found = await eventsOf(storeId, `/v1/epcis/${path}perPage=${perPage}`);
      expect(idsOf(found)).toEqual(idsOf(own));
    }
  }
});

test("a query counts what is the store's, and no more", async () => {
  const path = "/v1/epcis/events?maxEventCount=";
  expect(await eventsOf("s1", `${path}4`)).toHaveLength(4);
  expect(await ask("s1", "GET", `${path}3`)).toMatchObject({ status: 413 });
  expect(await ask("chain", "GET", `${path}8`)).toMatchObject({ status: 413 });
  const first = "/v1/epcis/events?orderBy=eventTime&orderDirection=ASC&eventCountLimit=3&perPage=2";
  expect(await eventsOf("s1", first)).toHaveLength(3);
});

test("a query for an event of another store is answered as for one that there is not", async () => {
  const all = await eventsOf("chain", "/v1/epcis/events?perPage=1000");
  const entry = all.find(isOf("s2"))!.eventID;
  const path = (eventId: string) => `/v1/epcis/events/${encodeURIComponent(eventId)}`;
  await expect.poll(async () => (await ask("s2", "GET", path(entry))).status).toBe(200);
  for (const eventId of [entry, eventIdOf("s2"), "urn:x:nothing"]) {
    const { status, body } = await ask("s1", "GET", path(eventId));
    expect([status, body.detail]).toEqual([404, `no event ${eventId}`]);
    const found = `/v1/epcis/events?EQ_eventID=${encodeURIComponent(eventId)}`;
    expect(await eventsOf("s1", found)).toEqual([]);
  }
  expect(await ask("s1", "GET", path(eventIdOf("s1")))).toMatchObject({ status: 200 });
  expect(await ask("manager", "GET", path(eventIdOf("s1")))).toMatchObject({ status: 200 });
});

test("a query takes a token for where to go on that names another store for no more than a place", async () => {
  for (const [cursor, order] of [
    [["s2", 0], ""],
    [["", 0], ""],
    [["s2", 1, 0, 0], "orderBy=eventTime&orderDirection=ASC&"],
  ] as const) {
    const token = Buffer.from(JSON.stringify(cursor)).toString("base64url");
    const found = await eventsOf("s1", `/v1/epcis/events?${order}nextPageToken=${token}`);
    expect(found.every(isOf("s1"))).toBe(true);
  }
});

test("a query is of the units and places of the store, where they are listed", async () => {
  const member = async (holder: Holder, resource: string) =>
    (await ask(holder, "GET", `/v1/epcis/${resource}?perPage=1000`)).body.member as string[];
  expect(await member("s1", "epcs")).toEqual(
    [sscc, unitOf("both"), unitOf("own-s1"), unitOf("to-s1")].sort(),
  );
  expect(await member("s1", "readPoints")).toEqual([placeOf("s1")]);
  expect(await member("s1", "bizLocations")).toEqual([placeOf("s1")]);
  expect(await member("s2", "epcs")).not.toContain(unitOf("own-s1"));
  expect(await member("chain", "epcs")).toEqual(
    expect.arrayContaining([unitOf("own-s1"), unitOf("own-s2"), unitOf("to-s2")]),
  );
  expect(await member("s1", "bizSteps")).toContain("shipping");
  expect(await member("s1", "eventTypes")).toContain("ObjectEvent");
});

test("a query of one unit's life tells what was captured of the store's", async () => {
  const path = `/v1/trace?link=${encodeURIComponent(unitOf("both"))}`;
  const eventsTold = async (holder: Holder) => {
    const { body, text } = await ask(holder, "GET", path);
    if (holder === "s1") expect(text).not.toMatch(/\bs2\b/);
    return idsOf(body.events).sort();
  };
  expect(await eventsTold("s1")).toEqual([eventIdOf("s1")]);
  expect(await eventsTold("chain")).toHaveLength(3);
});

const refused = (detail: string) => ({
  ...{ status: 403, body: { type: "epcisException:SecurityException", status: 403, detail } },
});
const of = (field: string, place = placeOf("s2")) =>
  `${field}: ${place} is of store s2, which the token is not for`;
const nowhere =
  "readPoint: must be a place of a store that the token is for, or bizLocation or a destination";
const destinationList = [
  { type: "location", destination: placeOf("s1") },
  { type: "owning_party", destination: placeOf("s2") },
];

test.each([
  [seenIn("s2"), of("readPoint.id")],
  [seenIn("s1", { bizLocation: { id: placeOf("s2") } }), of("bizLocation.id")],
  [shipmentTo("s2"), of("destinationList.0.destination")],
  [seenIn("s1", { destinationList }), of("destinationList.1.destination")],
  [seenIn("s2", { destinationList: destinationList.slice(0, 1) }), of("readPoint.id")],
  [seenIn("s1", { readPoint: undefined }), nowhere],
  [seenIn("s1", { readPoint: { id: "https://id.gs1.org/414/9506000134369" } }), nowhere],
])(
  "is refused where it is not of the store, and nothing of it is done: %j",
  async (event, detail) => {
    const held = async () => [
      idsOf(await eventsOf("chain", "/v1/epcis/events?perPage=1000")),
      (await ask("chain", "GET", "/v1/epcis/capture")).body,
      (await ask("chain", "GET", "/v1/epcis/expected-receipts?store=s2")).body,
      (await ask("chain", "GET", "/v1/epcis/expected-receipts?store=s1")).body,
    ];
    const before = await held();
    expect(await ask("s1", "POST", "/v1/epcis/events", event)).toMatchObject(refused(detail));
    const own = seenIn("s1", { epcList: [unitOf("fresh")] });
    for (const behaviour of ["rollback", "proceed"]) {
      const headers = { "GS1-Capture-Error-Behaviour": behaviour };
      const document = documentOf(own, event);
      const answer = await ask("s1", "POST", "/v1/epcis/capture", document, headers);
      expect(answer).toMatchObject(refused(`epcisBody.eventList.1.${detail}`));
    }
    expect(await held()).toEqual(before);
  },
);

test("what a store's own sender tells is taken where it is, and its capture is shown to it and to who sees all", async () => {
  const event = seenIn("s1", { epcList: [unitOf("seen")] });
  const { status, location } = await ask("s1", "POST", "/v1/epcis/events", event);
  expect(status).toBe(201);
  expect(await ask("s1", "GET", location)).toMatchObject({ status: 200 });
  expect(await ask("s2", "GET", location)).toMatchObject({ status: 404 });
  const sent = shipmentTo("s1", { eventID: undefined, epcList: [unitOf("more")] });
  const job = await ask("s1", "POST", "/v1/epcis/capture", documentOf(sent));
  expect(job.status).toBe(202);
  const jobsOf = async (holder: Holder) =>
    (await ask(holder, "GET", "/v1/epcis/capture")).body as { captureID: string }[];
  for (const holder of ["s1", "chain"] as const) {
    expect(await ask(holder, "GET", job.location)).toMatchObject({ body: { success: true } });
    const ids = (await jobsOf(holder)).map(({ captureID }) => `/v1/epcis/capture/${captureID}`);
    expect(ids).toContain(job.location);
  }
  expect(await ask("s2", "GET", job.location)).toMatchObject({ status: 404 });
  expect(await jobsOf("s2")).toEqual([]);
  const expected = await ask("s1", "GET", "/v1/epcis/expected-receipts?store=s1");
  expect(expected.text).toContain('"serial":"more"');
});

test("what a store's own sender tells of an event, a shipment or a parcel of another store changes nothing, and learns nothing", async () => {
  const linesOf = async () => (await ask("s2", "GET", "/v1/epcis/expected-receipts?store=s2")).text;
  const before = await linesOf();
  expect(before).toContain("sscc/095060001343520017");
  // An ID that another store's event has is free here, and declaring that one wrong is not its business.
  const eventID = eventIdOf("s2");
  const same = seenIn("s1", { eventID, epcList: [unitOf("same-id")] });
  expect((await ask("s1", "POST", "/v1/epcis/events", same)).status).toBe(201);
  const errorDeclaration = { declarationTime: moment.eventTime, reason: "did_not_occur" };
  const wrong = { ...same, errorDeclaration };
  expect((await ask("s1", "POST", "/v1/epcis/events", wrong)).status).toBe(201);
  const packing = {
    ...{ type: "AggregationEvent", ...moment, action: "ADD", bizStep: "packing", parentID: sscc },
    ...{ childEPCs: [unitOf("packed")], readPoint: { id: placeOf("s1") } },
  };
  expect((await ask("s1", "POST", "/v1/epcis/events", packing)).status).toBe(201);
  const own = (await ask("s1", "GET", "/v1/epcis/expected-receipts?store=s1")).text;
  expect(own).toContain('"serial":"packed"');
  expect(await linesOf()).toBe(before);
  // Nor does it when somebody who may speak for all stores tells of the parcel later.
  const seen = { ...packing, action: "OBSERVE", childEPCs: [], readPoint: undefined };
  const later = { ...seen, childEPCs: [unitOf("late")] };
  expect((await ask("chain", "POST", "/v1/epcis/events", later)).status).toBe(201);
  const after = await linesOf();
  expect(after).toContain('"serial":"late"');
  expect(after).not.toContain("packed");
  // An ID that was taken before does not keep the other store's event out.
  const taken = seenIn("s1", { eventID: "urn:x:early", epcList: [unitOf("early")] });
  expect((await ask("s1", "POST", "/v1/epcis/events", taken)).status).toBe(201);
  const theirs = seenIn("s2", { eventID: "urn:x:early", epcList: [unitOf("early")] });
  expect((await ask("chain", "POST", "/v1/epcis/events", theirs)).status).toBe(201);
  const other = seenIn("s1", { eventID: "urn:x:early", epcList: [unitOf("again")] });
  expect(await ask("s1", "POST", "/v1/epcis/events", other)).toMatchObject({
    ...{ status: 400, body: { detail: expect.stringContaining("belongs to an event of other") } },
  });
});
