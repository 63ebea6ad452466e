// The standard's query parameters: what they ask for, and what is wrong with them.

import { expect, test } from "vitest";
import { readQuery } from "../../../cloud-bridge/epcis/event-filter.ts";

test("an order is descending where nobody says otherwise, and is none without orderBy", () => {
  const orderOf = (parameters: Record<string, unknown>) => {
    const query = readQuery(parameters);
    return query.ok ? query.order : query;
  };
  expect(orderOf({ orderBy: "recordTime" })).toEqual({ by: "recordTime", isDescending: true });
  const ascending = { orderDirection: "ASC", orderBy: "eventTime" };
  expect(orderOf(ascending)).toEqual({ by: "eventTime", isDescending: false });
  expect(orderOf({ orderDirection: "ASC" })).toBeUndefined();
});

test("types of transactions, sources and destinations are words or URIs, and one is as the other", () => {
  const referenceOf = (name: string) => {
    const query = readQuery({ [name]: "urn:epc:id:sgln:9506000.13436.0" });
    return query.ok ? query.filter.references : query;
  };
  const names = ["https://id.gs1.org/414/9506000134369"];
  const role = "destination https://ref.gs1.org/cbv/SDT-location";
  for (const type of ["location", "urn:epcglobal:cbv:sdt:location", "cbv:SDT-location"])
    expect(referenceOf(`EQ_destination_${type}`)).toEqual([{ role, names }]);
  expect(referenceOf("EQ_bizTransaction_order")).toMatchObject({
    ...{ ok: false, parameter: "EQ_bizTransaction_order" },
    message: expect.stringContaining("bol, cert"),
  });
  expect(referenceOf("EQ_bizTransaction_")).toMatchObject({ ok: false });
});

test("a larger page becomes the largest; a larger limit is refused", () => {
  expect(readQuery({ perPage: "5000" })).toMatchObject({ ok: true, perPage: 1000 });
  const many = { orderBy: "eventTime", eventCountLimit: "5000000" };
  expect(readQuery(many)).toMatchObject({ ok: true, eventCountLimit: 5_000_000 });
  expect(readQuery({ maxEventCount: "1001" })).toMatchObject({
    ...{ ok: false, parameter: "maxEventCount", message: "must be 1..1000" },
  });
});

const wrong = "https://id.gs1.org/01/09506000134353";

test.each([
  [{ eventCountLimit: "3" }, "eventCountLimit", "needs orderBy"],
  [{ orderBy: "eventTime", eventCountLimit: "3", maxEventCount: "3" }, "maxEventCount", "together"],
  [{ orderBy: "quantity" }, "orderBy", "eventTime, recordTime"],
  [{ orderBy: ["eventTime", "recordTime"] }, "orderBy", "one value"],
  [{ orderBy: "eventTime", orderDirection: "desc" }, "orderDirection", "ASC, DESC"],
  [{ orderBy: "eventTime", eventCountLimit: "0" }, "eventCountLimit", "1.."],
  [{ orderBy: "eventTime", eventCountLimit: "1e3" }, "eventCountLimit", "1.."],
  [{ perPage: "1.5" }, "perPage", "1..1000"],
  [{ GE_errorDeclarationTime: "now" }, "GE_errorDeclarationTime", "a time with a zone"],
  [{ LT_eventTime: "2026-03-04T11:00:30Z|2026-03-05T11:00:30Z" }, "LT_eventTime", "one value"],
  [{ GE_toString: "2026-03-04T11:00:30Z" }, "GE_toString", "no parameter"],
  [{ EQ_toString: "x" }, "EQ_toString", "no parameter"],
  [{ constructor: "x" }, "constructor", "no parameter"],
  [{ EXISTS_errorDeclaration: "maybe" }, "EXISTS_errorDeclaration", "must be of true, false"],
  [{ EXISTS_errorDeclaration: ["true", "false"] }, "EXISTS_errorDeclaration", "one value"],
  [{ MATCH_colour: "red" }, "MATCH_colour", "no parameter"],
  [{ MATCH_epc: `${wrong}/21/A1` }, "MATCH_epc", "(01) has a wrong check digit"],
  [{ MATCH_anyEPCClass: ["urn:x:1", wrong] }, "MATCH_anyEPCClass", "(01) has a wrong check digit"],
  [{ MATCH_parentID: "09506000134352" }, "MATCH_parentID", "must be a URI"],
  [{ MATCH_epcClass: "urn:x:1|" }, "MATCH_epcClass", "must be a URI"],
  [{ EQ_readPoint: "s1/stockroom" }, "EQ_readPoint", "must be a URI"],
  [
    ...([{ WD_bizLocation: "https://id.gs1.org/414/9506000134368" }, "WD_bizLocation"] as const),
    "(414) has a wrong check digit",
  ],
  [{ EQ_eventID: "17" }, "EQ_eventID", "must be a URI"],
  [{ EQ_transformationID: "urn:epc:id:gdti:1.1.1" }, "EQ_transformationID", "gdti"],
  [{ EQ_destination_location: "urn:epc:id:sgln:95.1.0" }, "EQ_destination_location", "sgln"],
])("%j is refused by the name of the parameter", (parameters, parameter, message) => {
  expect(readQuery(parameters)).toEqual({
    ...{ ok: false, parameter, message: expect.stringContaining(message) },
  });
});
