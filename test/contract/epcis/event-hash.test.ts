import { readFileSync } from "node:fs";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { contextOf } from "../../../contract/epcis/context.ts";
import { eventHash, preHashText } from "../../../contract/epcis/event-hash.ts";
import { describeVectors, vectorFolder } from "../gs1/vectors.ts";

interface HashDocument {
  readonly id: string;
  readonly expectedHashes: readonly string[];
  readonly expectedPrehashes?: readonly string[];
  readonly orderDiffersFromCanonicalTable?: readonly string[];
  readonly document: Readonly<Record<string, unknown>>;
}

type Event = Readonly<Record<string, unknown>>;

function eventsOf(document: Readonly<Record<string, unknown>>) {
  const body = document.epcisBody as {
    eventList?: Event[];
    event?: Event;
    queryResults?: { resultsBody: { eventList: Event[] } } & Event;
  };
  const results = body.queryResults;
  const holder: Event = results ?? document;
  const ignored = Object.entries(holder).find(([name]) => name.endsWith(":ignoreFields"))?.[1];
  return {
    events: body.eventList ?? results?.resultsBody.eventList ?? [body.event as Event],
    options: {
      namespaces: contextOf(document["@context"]),
      ignoredFields: (ignored as string[] | undefined) ?? [],
    },
  };
}

describeVectors("EPCIS event hashes of JSON documents", () => {
  const { documents, expectedEqual } = JSON.parse(
    readFileSync(`${vectorFolder}/epcis-event-hash.json`, "utf8"),
  ) as { documents: HashDocument[]; expectedEqual: Omit<HashDocument, "expectedHashes">[] };

  test.each(documents)("$id", ({ document, expectedHashes }) => {
    const { events, options } = eventsOf(document);
    expect(
      events.map((event) => eventHash(event, { ...options, order: "reference" })),
      events.map((event) => preHashText(event, { ...options, order: "reference" })).join("\n"),
    ).toEqual(expectedHashes);
  });

  test.each(expectedEqual)("all events of $id are one", ({ document }) => {
    const { events, options } = eventsOf(document);
    for (const order of ["published", "reference"] as const) {
      expect(new Set(events.map((event) => eventHash(event, { ...options, order }))).size).toBe(1);
    }
  });
});

const event = {
  type: "ObjectEvent",
  eventTime: "2026-03-04T11:00:30.0004+01:00",
  eventTimeZoneOffset: "+01:00",
  action: "OBSERVE",
  bizStep: "receiving",
  epcList: ["urn:epc:id:sgtin:4012345.011111.9876", "https://shop.example/01/04012345111118/21/1"],
  quantityList: [{ epcClass: "https://id.gs1.org/01/09506000134352", quantity: 3 }],
  sourceList: [{ type: "location", source: "https://id.gs1.org/414/4012345000115" }],
  sensorElementList: [{ sensorReport: [{ type: "Mass", value: 25, uom: "KGM" }] }],
};

describe("event hash", () => {
  test("writes the fields in the published order", () => {
    expect(preHashText(event)).toBe(
      "eventType=ObjectEventeventTime=2026-03-04T10:00:30.000ZeventTimeZoneOffset=+01:00" +
        "epcListepc=https://id.gs1.org/01/04012345111118/21/1" +
        "epc=https://id.gs1.org/01/04012345111118/21/9876" +
        "quantityListquantityElementepcClass=https://id.gs1.org/01/09506000134352quantity=3" +
        "action=OBSERVEbizStep=https://ref.gs1.org/cbv/BizStep-receiving" +
        "sourceListtype=https://ref.gs1.org/cbv/SDT-location" +
        "source=https://id.gs1.org/414/4012345000115" +
        "sensorElementListsensorElementsensorReporttype=https://gs1.org/voc/Mass" +
        "value=25uom=KGM",
    );
  });

  test("of the reference generator, sources stand behind sensors", () => {
    const text = preHashText(event, { order: "reference" });
    expect(text.indexOf("sourceList")).toBeGreaterThan(text.indexOf("sensorElementList"));
  });

  test("does not depend on who stored the event, nor on the order of keys and members", () => {
    fc.assert(
      fc.property(
        fc.shuffledSubarray(Object.keys(event), { minLength: Object.keys(event).length }),
        fc.boolean(),
        (names, isReversed) => {
          const shuffled = Object.fromEntries(
            names.map((name) => [name, event[name as keyof typeof event]]),
          );
          const epcList = isReversed ? event.epcList.toReversed() : event.epcList;
          const stored = { ...shuffled, epcList, eventID: "urn:uuid:1", recordTime: "now" };
          return eventHash(stored) === eventHash(event);
        },
      ),
    );
  });

  test.each([
    { eventTime: "2026-03-04T11:00:30.001+01:00" },
    { action: "ADD" },
    { bizStep: "shipping" },
    { epcList: [] },
    { "https://ns.example/a": "1" },
  ])("depends on the content: %j", (change) => {
    expect(eventHash({ ...event, ...change })).not.toBe(eventHash(event));
  });
});
