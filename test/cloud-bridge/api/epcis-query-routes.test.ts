// EPCIS 2.0's query interface, of a real bridge: orders, limits, queries with a name, and what the standard lets a
// client find out beforehand.

import { describe, expect, test } from "vitest";
import { newToken } from "../../../cloud-bridge/api/tokens.ts";
import { softwareVersion } from "../../../cloud-bridge/version.ts";
import { epcisQueryDocumentSchema } from "../../../contract/epcis/document.ts";
import { topics } from "../../../contract/topics.ts";
import type { TestBridge } from "../bridge.ts";
import { received, TestOutbox } from "../test-outbox.ts";
import { withBridge, withTokens } from "../with-bridge.ts";

const gtin = "09506000134352";
const holders = {
  erp: newToken({ name: "erp", role: "integration", stores: "all" }),
  shopErp: newToken({ name: "shop-erp", role: "integration", stores: "s1" }),
  lead: newToken({ name: "lea", role: "regional-lead", stores: "all" }),
};
let bridge: TestBridge;

withBridge(
  async (opened) => {
    bridge = opened.bridge;
    const { edge } = opened;
    await edge.subscribe(topics.ack("s1", "e1"), topics.ack("s2", "e1"));
    for (const storeId of ["s1", "s2"]) {
      const events = Array.from({ length: 4 }, () => received(storeId, gtin));
      await new TestOutbox(storeId, "e1").send(edge, ...events);
    }
    for (const [index, eventTime] of ["2026-03-04T11:00:00Z", "2035-03-04T11:00:00Z"].entries()) {
      const event = { ...shipment, eventTime, bizTransactionList: [order(index)] };
      const body = JSON.stringify(event);
      expect((await ask("/v1/epcis/events", { method: "POST", body })).status).toBe(201);
    }
  },
  withTokens(Object.values(holders).map(({ token }) => token)),
);

const order = (index: number) => ({ type: "po", bizTransaction: `urn:x:po:${index}` });
const shipment = {
  ...{ type: "ObjectEvent", action: "OBSERVE", bizStep: "shipping", eventTimeZoneOffset: "+00:00" },
  epcList: [`https://id.gs1.org/01/${gtin}/21/A1`],
};

interface Asking {
  readonly method?: string;
  readonly body?: string;
  readonly headers?: Record<string, string>;
  readonly holder?: keyof typeof holders;
}

async function ask(path: string, asking: Asking = {}) {
  const { method = "GET", body, headers = {}, holder = "erp" } = asking;
  const response = await fetch(`http://127.0.0.1:${bridge.httpPort}${path}`, {
    method,
    headers: {
      authorization: `Bearer ${holders[holder].secret}`,
      ...(body === undefined ? {} : { "content-type": "application/json" }),
      ...headers,
    },
    ...(body === undefined ? {} : { body }),
  });
  const text = await response.text();
  const parsed = text === "" ? {} : JSON.parse(text);
  return { status: response.status, headers: response.headers, body: parsed };
}
type Answer = Awaited<ReturnType<typeof ask>>;

interface Told {
  readonly eventTime: string;
  readonly recordTime: string;
  readonly bizStep: string;
  readonly [name: string]: unknown;
}

function told(answer: Answer, queryName = "SimpleEventQuery"): Told[] {
  expect(answer.status, JSON.stringify(answer.body)).toBe(200);
  const read = epcisQueryDocumentSchema.safeParse(answer.body);
  expect(read.error?.message).toBeUndefined();
  const { queryResults } = answer.body.epcisBody;
  expect(queryResults.queryName).toBe(queryName);
  return queryResults.resultsBody.eventList;
}

const nextOf = ({ headers }: Answer) => /^<(.*)>; rel="next"$/.exec(headers.get("link") ?? "")?.[1];

async function allOf(first: string, queryName?: string): Promise<Told[]> {
  const events: Told[] = [];
  let path: string | undefined = first;
  while (path !== undefined) {
    const answer: Answer = await ask(path);
    events.push(...told(answer, queryName));
    path = nextOf(answer);
  }
  return events;
}

const problem = (status: number, kind: string, detail: string) => ({
  status,
  body: { type: `epcisException:${kind}`, status, detail: expect.stringContaining(detail) },
});

describe("an order", () => {
  test.each([
    ["/v1/epcis/events?"],
    ["/v1/epcis/eventTypes/ObjectEvent/events?"],
    [`/v1/epcis/epcs/${encodeURIComponent(shipment.epcList[0]!)}/events?`],
    ["/v1/epcis/bizSteps/receiving/events?"],
    ["/v1/epcis/dispositions/in_progress/events?"],
    [`/v1/epcis/readPoints/${encodeURIComponent("urn:gondola:location:s2:stockroom")}/events?`],
    [`/v1/epcis/bizLocations/${encodeURIComponent("urn:gondola:location:s1:stockroom")}/events?`],
  ])("holds over the pages of %s", async (path) => {
    const whole = await allOf(`${path}perPage=1000`);
    expect(whole.length).toBeGreaterThan(1);
    for (const by of ["eventTime", "recordTime"]) {
      for (const direction of ["ASC", "DESC"]) {
        const query = `orderBy=${by}&orderDirection=${direction}&perPage=3`;
        const events = await allOf(path + query);
        expect(new Set(events)).toEqual(new Set(whole));
        expect(events).toHaveLength(whole.length);
        const times = events.map((event) => Date.parse(String(event[by])));
        const sorted = [...times].sort((one, other) => one - other);
        expect(times).toEqual(direction === "ASC" ? sorted : sorted.reverse());
      }
    }
  });

  test("gives the first ones and no more, however they are paged", async () => {
    for (const [limit, perPage] of [
      [5, 2],
      [4, 2],
      [3, 30],
      [100, 4],
    ] as const) {
      const path = `/v1/epcis/events?orderBy=eventTime&perPage=${perPage}`;
      const events = await allOf(`${path}&eventCountLimit=${limit}`);
      expect(events).toEqual((await allOf(path)).slice(0, limit));
    }
    const [latest] = await allOf("/v1/epcis/events?orderBy=eventTime&eventCountLimit=1");
    expect(latest!.eventTime).toContain("2035");
    const earliest = "/v1/epcis/events?orderBy=eventTime&orderDirection=ASC&eventCountLimit=1";
    expect((await allOf(earliest))[0]!.bizTransactionList).toEqual([order(0)]);
  });

  test("finds what was captured by its transaction, alone or among others", async () => {
    const one = await allOf("/v1/epcis/events?EQ_bizTransaction_po=urn:x:po:1");
    expect(one).toMatchObject([{ bizStep: "shipping", bizTransactionList: [order(1)] }]);
    const both = "EQ_bizTransaction_po=urn:x:po:0|urn:x:po:1&orderBy=eventTime";
    const list = await allOf(`/v1/epcis/bizSteps/shipping/events?${both}`);
    expect(list.map((event) => event["bizTransactionList"])).toEqual([[order(1)], [order(0)]]);
  });
});

test("more than maxEventCount are too large, wherever they are", async () => {
  expect(told(await ask("/v1/epcis/bizSteps/receiving/events?maxEventCount=8"))).toHaveLength(8);
  expect(await ask("/v1/epcis/bizSteps/receiving/events?maxEventCount=7")).toMatchObject(
    problem(413, "QueryTooLargeException", "maxEventCount: there are more than 7"),
  );
});

test.each([
  ["orderBy=quantity", "orderBy"],
  ["orderBy=eventTime&orderDirection=up", "orderDirection"],
  ["eventCountLimit=3", "eventCountLimit: needs orderBy"],
  ["orderBy=eventTime&eventCountLimit=3&maxEventCount=3", "maxEventCount"],
  ["EQ_bizTransaction_order=urn:x:1", "EQ_bizTransaction_order"],
  ["GE_errorDeclarationTime=now", "GE_errorDeclarationTime"],
  ["constructor=1", "constructor"],
  // A token of another order.
  ["orderBy=eventTime&nextPageToken=WyJzMSIsM10", "nextPageToken"],
  ["nextPageToken=WyJzMSIsMywxLDJd", "nextPageToken"],
])("a query refuses %s by name", async (query, detail) => {
  for (const path of ["/v1/epcis/events", "/v1/epcis/bizSteps/receiving/events"])
    expect(await ask(`${path}?${query}`)).toMatchObject(
      problem(400, "QueryParameterException", detail),
    );
});

test("what the path says is not said again", async () => {
  expect(await ask("/v1/epcis/bizSteps/receiving/events?EQ_bizStep=shipping")).toMatchObject(
    problem(400, "QueryParameterException", "EQ_bizStep"),
  );
});

const keep = (name: unknown, query: unknown, holder: keyof typeof holders = "erp") =>
  ask("/v1/epcis/queries", { method: "POST", body: JSON.stringify({ name, query }), holder });

describe("a query with a name", () => {
  test("is kept, told, run by page, and removed", async () => {
    const query = {
      ...{ eventType: ["ObjectEvent"], EQ_bizStep: ["receiving", "shipping"] },
      ...{ orderBy: "eventTime", orderDirection: "ASC", eventCountLimit: 7 },
    };
    const kept = await keep("first.seven", query);
    expect(kept.status).toBe(201);
    const path = kept.headers.get("location")!;
    expect(await ask(path)).toMatchObject({ status: 200, body: { name: "first.seven", query } });
    expect(await keep("first.seven", {})).toMatchObject(
      problem(409, "ResourceAlreadyExistsException", "first.seven"),
    );
    const direct = "eventType=ObjectEvent&EQ_bizStep=receiving|shipping&orderBy=eventTime";
    const expected = await allOf(`/v1/epcis/events?${direct}&orderDirection=ASC&eventCountLimit=7`);
    expect(expected).toHaveLength(7);
    expect(await allOf(`${path}/events?perPage=2`, "first.seven")).toEqual(expected);
    expect(await ask(`${path}/events`, { holder: "lead" })).toMatchObject({ status: 200 });
    expect((await ask(path, { method: "DELETE" })).status).toBe(204);
    for (const [method, gone] of [
      ["GET", path],
      ["GET", `${path}/events`],
      ["DELETE", path],
    ] as const)
      expect(await ask(gone, { method })).toMatchObject(
        problem(404, "NoSuchNameException", "first.seven"),
      );
  });

  test("may say maxEventCount, and that what declares others wrong is asked for", async () => {
    await keep("few", { maxEventCount: 1 });
    expect(await ask("/v1/epcis/queries/few/events")).toMatchObject(
      problem(413, "QueryTooLargeException", "maxEventCount"),
    );
    await keep("wrong", { EXISTS_errorDeclaration: null });
    expect(told(await ask("/v1/epcis/queries/wrong/events"), "wrong")).toEqual([]);
    await keep("right", { EXISTS_errorDeclaration: false, EQ_bizStep: "receiving" });
    expect(await allOf("/v1/epcis/queries/right/events?perPage=5", "right")).toHaveLength(8);
  });

  test("is listed by page", async () => {
    for (const name of ["l1", "l2", "l3"]) await keep(name, { EQ_action: ["ADD"] });
    const names: string[] = [];
    let path: string | undefined = "/v1/epcis/queries?perPage=2";
    while (path !== undefined) {
      const answer: Answer = await ask(path);
      expect(answer.body.length).toBeLessThanOrEqual(2);
      names.push(...answer.body.map(({ name }: { name: string }) => name));
      path = nextOf(answer);
    }
    expect(names).toEqual([...names].sort());
    expect(names).toEqual(expect.arrayContaining(["l1", "l2", "l3"]));
  });
});

describe("a query with a name, wrongly asked for,", () => {
  test("is made by those who may capture, and is of those who see the same stores", async () => {
    await keep("theirs", {});
    const path = "/v1/epcis/queries/theirs";
    const of = "SecurityException";
    expect(await keep("other", {}, "lead")).toMatchObject(problem(403, of, "epcis.capture"));
    expect(await ask(path, { method: "DELETE", holder: "lead" })).toMatchObject(
      problem(403, of, "epcis.capture"),
    );
    for (const each of [path, `${path}/events`])
      expect(await ask(each, { holder: "shopErp" })).toMatchObject(
        problem(404, "NoSuchNameException", "theirs"),
      );
    // The same name is another's own query.
    expect((await keep("theirs", { EQ_bizStep: "receiving" }, "shopErp")).status).toBe(201);
    expect(told(await ask(`${path}/events`, { holder: "shopErp" }), "theirs")).toHaveLength(4);
    expect((await ask(path, { method: "DELETE", holder: "shopErp" })).status).toBe(204);
    expect(await ask(path)).toMatchObject({ status: 200, body: { name: "theirs", query: {} } });
  });

  test.each([
    [{ name: "a b", query: {} }, "QueryValidationException", "name: "],
    [{ name: "n".repeat(65), query: {} }, "QueryValidationException", "name: "],
    [{ name: "n" }, "QueryValidationException", "query: "],
    [{ name: "n", query: {}, colour: "red" }, "QueryValidationException", "colour"],
    [{ name: "n", query: { EQ_bizStep: { a: 1 } } }, "QueryValidationException", "EQ_bizStep"],
    [{ name: "n", query: { EQ_bizStep: ["a\0"] } }, "QueryValidationException", "EQ_bizStep"],
    [{ name: "n", query: { EQ_bizStep: 5 } }, "QueryParameterException", "EQ_bizStep"],
    [{ name: "n", query: { EQ_bizStep: null } }, "QueryParameterException", "EQ_bizStep"],
    [{ name: "n", query: { colour: "red" } }, "QueryParameterException", "colour"],
    [{ name: "n", query: { perPage: "3" } }, "QueryParameterException", "perPage"],
    [{ name: "n", query: { maxEventCount: "3" } }, "QueryParameterException", "maxEventCount"],
    [{ name: "n", query: { orderBy: "quantity" } }, "QueryParameterException", "orderBy"],
    [[], "QueryValidationException", "(body)"],
  ])("is refused: %j", async (body, kind, detail) => {
    const answer = await ask("/v1/epcis/queries", { method: "POST", body: JSON.stringify(body) });
    expect(answer).toMatchObject(problem(400, kind, detail));
    expect((await ask("/v1/epcis/queries/n")).status).toBe(404);
  });

  test("takes no parameters besides its own, and no body of 70 KB", async () => {
    await keep("whole", {});
    expect(await ask("/v1/epcis/queries/whole/events?EQ_bizStep=shipping")).toMatchObject(
      problem(400, "QueryParameterException", "EQ_bizStep"),
    );
    const large = { EQ_bizStep: "x".repeat(70_000) };
    expect(await keep("large", large)).toMatchObject(problem(413, "QueryTooComplexException", ""));
    const headers = { "content-type": "application/xml" };
    expect(await ask("/v1/epcis/queries", { method: "POST", body: "<a/>", headers })).toMatchObject(
      problem(415, "UnsupportedMediaTypeException", "a query is JSON"),
    );
  });
});

test("units and places are Digital Links, or as they were captured where that is asked for", async () => {
  const urn = "urn:epc:id:sscc:9506000.0134352001";
  const event = {
    ...{ type: "AggregationEvent", action: "ADD", bizStep: "packing", parentID: urn },
    ...{ eventTime: "2026-03-05T11:00:00.000Z", eventTimeZoneOffset: "+00:00" },
    childEPCs: ["urn:epc:id:sgtin:9506000.013435.U1", `https://id.gs1.org/01/${gtin}/21/U1`],
    childQuantityList: [{ epcClass: "urn:epc:class:lgtin:9506000.013435.L1", quantity: 2 }],
    readPoint: { id: "urn:epc:id:sgln:9506000.13436.0" },
    destinationList: [{ type: "location", destination: "urn:epc:id:sgln:9506000.13436.0" }],
  };
  const sent = await ask("/v1/epcis/events", { method: "POST", body: JSON.stringify(event) });
  expect(sent.status, JSON.stringify(sent.body)).toBe(201);
  const gln = "https://id.gs1.org/414/9506000134369";
  const linked = {
    parentID: expect.stringMatching(/^https:\/\/id\.gs1\.org\/00\/\d{18}$/),
    childEPCs: [`https://id.gs1.org/01/${gtin}/21/U1`],
    childQuantityList: [{ epcClass: `https://id.gs1.org/01/${gtin}/10/L1`, quantity: 2 }],
    ...{ readPoint: { id: gln }, destinationList: [{ type: "location", destination: gln }] },
  };
  const query = "/v1/epcis/eventTypes/AggregationEvent/events";
  for (const path of [query, sent.headers.get("location")!]) {
    for (const [format, expected] of [
      ["No_Preference", linked],
      ["Always_GS1_Digital_Link", linked],
      ["Never_Translates", event],
    ] as const) {
      const answer = await ask(path, { headers: { "GS1-EPC-Format": format } });
      const [one] = path === query ? told(answer) : [answer.body];
      expect(one).toMatchObject(expected);
      const said = format === "No_Preference" ? "Always_GS1_Digital_Link" : format;
      expect(answer.headers.get("gs1-epc-format")).toBe(said);
    }
  }
});

describe("before asking", () => {
  const standard = {
    ...{ "gs1-epcis-version": "2.0.0", "gs1-epcis-min": "2.0.0", "gs1-epcis-max": "2.0.0" },
    ...{ "gs1-cbv-version": "2.0.0", "gs1-vendor-version": softwareVersion() },
    ...{ "gs1-epc-format": "Always_GS1_Digital_Link", "gs1-cbv-xml-format": "Never_Translates" },
  };

  test.each([
    ["", ["GET", "HEAD", "OPTIONS"]],
    ["/capture", ["GET", "HEAD", "OPTIONS", "POST"]],
    ["/capture/1", ["GET", "HEAD", "OPTIONS"]],
    ["/events", ["GET", "HEAD", "OPTIONS", "POST"]],
    ["/events/urn:x:1", ["GET", "HEAD", "OPTIONS"]],
    ["/bizSteps", ["GET", "HEAD", "OPTIONS"]],
    ["/epcs/urn:x:1/events", ["GET", "HEAD", "OPTIONS"]],
    ["/queries", ["GET", "HEAD", "OPTIONS", "POST"]],
    ["/queries/few", ["DELETE", "GET", "HEAD", "OPTIONS"]],
    ["/queries/few/events", ["GET", "HEAD", "OPTIONS"]],
  ])("OPTIONS of %s says what may be asked", async (path, methods) => {
    const answer = await ask(`/v1/epcis${path}`, { method: "OPTIONS" });
    expect(answer.status).toBe(204);
    expect(Object.fromEntries(answer.headers)).toMatchObject(standard);
    expect(answer.headers.get("allow")?.split(", ").sort()).toEqual(methods);
    const isCapture = path === "" || path === "/capture";
    const limits = ["gs1-epcis-capture-limit", "gs1-epcis-capture-file-size-limit"];
    for (const name of [...limits, "gs1-capture-error-behaviour"])
      expect(answer.headers.has(name), name).toBe(isCapture);
  });

  test("answers have the same headers, and the root names the resources", async () => {
    const answer = await ask("/v1/epcis");
    expect(Object.fromEntries(answer.headers)).toMatchObject(standard);
    for (const resource of answer.body)
      expect((await ask(`/v1/epcis/${resource}`)).status, resource).toBe(200);
    expect(answer.body).toEqual(expect.arrayContaining(["events", "queries", "eventTypes"]));
  });

  test.each([
    ["GS1-EPCIS-Min", "2.1.0"],
    ["GS1-EPCIS-Max", "1.2.0"],
    ["GS1-CBV-Min", "3.0"],
    ["GS1-EPC-Format", "Always_EPC_URN"],
    ["GS1-CBV-XML-Format", "Sometimes"],
    ["Accept", "text/html"],
  ])("%s: %s is not acceptable", async (name, value) => {
    for (const method of ["GET", "OPTIONS"])
      expect((await ask("/v1/epcis/events", { method, headers: { [name]: value } })).status).toBe(
        406,
      );
    expect(await ask("/v1/epcis/events", { headers: { [name]: value } })).toMatchObject(
      problem(406, "NotAcceptableException", name),
    );
  });

  test("what is not offered is said so", async () => {
    const subscriptions = "/v1/epcis/queries/few/subscriptions";
    for (const [method, path] of [
      ["GET", subscriptions],
      ["POST", subscriptions],
      ["GET", `${subscriptions}/1`],
      ["DELETE", `${subscriptions}/1`],
      ["DELETE", "/v1/epcis/nextPageToken/WyJzMSIsM10"],
    ] as const)
      expect(
        await ask(path, { method, ...(method === "POST" ? { body: "{}" } : {}) }),
      ).toMatchObject(problem(501, "ImplementationException", ""));
  });
});
