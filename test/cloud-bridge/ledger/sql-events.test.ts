// Entries as events of EPCIS, out of a real ledger: what settlement takes back is declared wrong.

import { expect, test } from "vitest";
import { Places } from "../../../cloud-bridge/epcis/places.ts";
import { epcisEventSchema } from "../../../contract/epcis/event.ts";
import { openLedger, plan } from "./edge-fixture.ts";
import { coffee, FakeEdge, moved, place, startAtMs } from "./fake-edge.ts";

const storeId = "s0042";
const places = new Places();
const told = { completeThroughAtMs: startAtMs + 2 * 86_400_000 };

test("a loss that a late sale undoes is declared wrong, with what took its place", async () => {
  const ledger = await openLedger();
  await ledger.setPlan(plan);
  const leaving = { from: place("s0042/floor"), to: place("s0042/@exit") };
  const edge = new FakeEdge().append(moved("departing", coffee, leaving));
  await ledger.post([edge.batch(1, 1, told)], startAtMs);
  await ledger.settle(startAtMs);
  const till = new FakeEdge("0b0b0b0b-0001", "till").append(moved("retail_selling", coffee));
  await ledger.post([till.batch(1, 1, told)], startAtMs);
  await ledger.settle(startAtMs + 1000);

  const list = await ledger.epcis.eventsAfter({
    ...{ storeId, afterEntryNumber: 0, countMax: 100, places },
  });
  const entries = await ledger.entries({ storeId, afterEntryNumber: 0, countMax: 100 });
  const numbersOf = (reason: string) =>
    entries.filter((entry) => entry.reason === reason).map(({ entryNumber }) => entryNumber);
  const eventOf = (entryNumber: number) =>
    list.find((each) => each.entryNumber === entryNumber)!.event;
  const [loss, back] = numbersOf("exit_timeout").map(eventOf);
  const [instead] = numbersOf("exit_paid").map(eventOf);
  expect(loss!.errorDeclaration).toBeUndefined();
  const { errorDeclaration, recordTime: _time, ...declared } = back!;
  const { recordTime: _first, ...original } = loss!;
  expect(declared).toEqual(original);
  expect(errorDeclaration).toEqual({
    declarationTime: new Date(startAtMs + 1000).toISOString(),
    reason: "incorrect_data",
    correctiveEventIDs: [instead!.eventID],
    "gondola:entry": `${storeId}/${numbersOf("exit_timeout")[1]}`,
  });
  for (const { event } of list) expect(epcisEventSchema.safeParse(event).success).toBe(true);

  const filter = { isDeclaration: true };
  const found = await ledger.epcis.events({ filter, places, countMax: 10 });
  expect(found.events.map(({ eventID }) => eventID)).toEqual([loss!.eventID]);
  while ((await ledger.epcis.indexIds(places)) > 0);
  const byId = { eventIds: [loss!.eventID!] };
  const both = await ledger.epcis.events({ filter: byId, places, countMax: 10 });
  expect(both.events).toHaveLength(2);
});
