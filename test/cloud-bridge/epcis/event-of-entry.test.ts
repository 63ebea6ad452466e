import { describe, expect, test } from "vitest";
import { eventOfEntry } from "../../../cloud-bridge/epcis/event-of-entry.ts";
import { rules } from "../../../cloud-bridge/ledger/flow.ts";
import { epcisEventSchema } from "../../../contract/epcis/event.ts";
import { stepSchema } from "../../../contract/event.ts";
import { type Entry, entrySchema } from "../../../contract/stock.ts";

function entryOf(change: Partial<Entry> = {}): Entry {
  return entrySchema.parse({
    ...{ storeId: "s0042", entryNumber: 17, item: "09506000134352", quantity: 3 },
    from: { location: "s0042/@supplier", state: "sellable" },
    to: { location: "s0042/stockroom", state: "sellable" },
    ...{ reason: "receiving", occurredAtMs: 1_763_888_000_000, recordedAtMs: 1_763_888_100_000 },
    ...{ edgeId: "edge-1", deviceId: "portal-1", sequence: 5 },
    outboxId: "0123456789abcdef0123456789abcdef",
    ...{ previousHash: "0".repeat(64), hash: "1".repeat(64) },
    ...change,
  });
}

describe("the event of an entry", () => {
  test("says what, when, where and why", () => {
    expect(eventOfEntry(entryOf())).toEqual({
      type: "ObjectEvent",
      action: "OBSERVE",
      eventTime: "2025-11-23T08:53:20.000Z",
      eventTimeZoneOffset: "+00:00",
      recordTime: "2025-11-23T08:55:00.000Z",
      quantityList: [{ epcClass: "https://id.gs1.org/01/09506000134352", quantity: 3 }],
      bizStep: "receiving",
      disposition: "in_progress",
      readPoint: { id: "urn:gondola:location:s0042:stockroom" },
      bizLocation: { id: "urn:gondola:location:s0042:stockroom" },
      "gondola:entry": "s0042/17",
      eventID: expect.stringMatching(/^ni:\/\/\/sha-256;[0-9a-f]{64}\?ver=CBV2\.0$/),
    });
  });

  test.each([...stepSchema.options, "count_difference", "correction"])(
    "is one of the standard for %s",
    (reason) => {
      const { error } = epcisEventSchema.safeParse(eventOfEntry(entryOf({ reason })));
      expect(error?.message).toBeUndefined();
    },
  );

  test.each(Object.keys(rules))("has a meaning for %s, which the ledger concludes", (reason) => {
    const event = eventOfEntry(entryOf({ reason }));
    expect(epcisEventSchema.safeParse(event).success).toBe(true);
    expect([event.bizStep, event.disposition]).not.toEqual(["other", undefined]);
  });

  test.each([
    [{ serial: "A/1", quantity: 1 }, ["https://id.gs1.org/01/09506000134352/21/A%2F1"]],
    [{ item: "epc/E28011" }, ["urn:epc:raw:24.xE28011"]],
  ])("names a unit: %j", (change, epcList) => {
    const event = eventOfEntry(entryOf(change));
    expect(event).toMatchObject({ epcList });
    expect(epcisEventSchema.safeParse(event).success).toBe(true);
  });

  test("names a lot, and has no place behind the till", () => {
    const to = { location: "s0042/@customer", state: "sellable" as const };
    const from = { location: "s0042/floor/gondola-3", state: "sellable" as const };
    const event = eventOfEntry(entryOf({ lot: "L1", reason: "retail_selling", from, to }));
    expect(event).toMatchObject({
      quantityList: [{ epcClass: "https://id.gs1.org/01/09506000134352/10/L1", quantity: 3 }],
      readPoint: { id: "urn:gondola:location:s0042:floor:gondola-3" },
    });
    expect(event).not.toHaveProperty("bizLocation");
  });

  test.each([
    ["stockroom", "sellable", "storing", undefined],
    ["stockroom", "quality_hold", "holding", "non_sellable_other"],
    ["@loss", "damaged", "destroying", "destroyed"],
    ["@loss", "sellable", "other", "unknown"],
  ] as const)(
    "of what was moved to %s, %s, says where it went",
    (name, state, bizStep, disposition) => {
      const to = { location: `s0042/${name}`, state };
      const event = eventOfEntry(entryOf({ reason: "relocating", to }));
      expect([event.bizStep, event.disposition]).toEqual([bizStep, disposition]);
      expect(epcisEventSchema.safeParse(event).success).toBe(true);
    },
  );

  test("has an ID of its content: not of when it was recorded, but of which entry it is", () => {
    const { eventID } = eventOfEntry(entryOf());
    expect(eventOfEntry(entryOf({ recordedAtMs: entryOf().occurredAtMs })).eventID).toBe(eventID);
    expect(eventOfEntry(entryOf({ entryNumber: 18 })).eventID).not.toBe(eventID);
  });
});
