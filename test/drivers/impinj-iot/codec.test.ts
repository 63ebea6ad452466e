// Events as the document shows them, written by hand.

import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { readEvent, readStatus } from "../../../drivers/impinj-iot/codec.ts";

const timestamp = "2025-11-23T09:20:00.123456789Z";
const read = (event: object) => readEvent({ timestamp, hostname: "impinj-14-46-36", ...event });

describe("tags", () => {
  test("all that an event can tell", () => {
    const tagInventoryEvent = {
      epc: "MDQle_cZTkAAABqF",
      epcHex: "3034257BF7194E4000001A85",
      tidHex: "e28011702000",
      pc: "3000",
      antennaPort: 2,
      antennaName: "Antenna 2",
      peakRssiCdbm: -5150,
      frequency: 866_900,
      transmitPowerCdbm: 3000,
      lastSeenTime: "2025-11-23T09:19:59.9Z",
      phaseAngle: 181.41,
    };
    expect(read({ eventType: "tagInventory", tagInventoryEvent })).toEqual({
      ok: true,
      events: [
        {
          type: "tag",
          tag: {
            antenna: 2,
            epc: "3034257BF7194E4000001A85",
            tid: "E28011702000",
            rssiDbm: -51.5,
            phaseDeg: 181.41,
            channelMhz: 866.9,
            readerAtMs: Date.UTC(2025, 10, 23, 9, 19, 59, 900),
          },
        },
      ],
    });
  });

  test.each(["MDQle/cZTkAAABqF", "MDQle_cZTkAAABqF"])("as it comes by default: %s", (epc) => {
    const result = read({ tagInventoryEvent: { epc, antennaPort: 1, peakRssiCdbm: -6000 } });
    expect(result).toMatchObject({
      events: [
        {
          tag: {
            epc: "3034257BF7194E4000001A85",
            rssiDbm: -60,
            readerAtMs: Date.UTC(2025, 10, 23, 9, 20, 0, 123),
          },
        },
      ],
    });
  });

  test.each([{}, { epcHex: "" }, { epcHex: "xyz" }, { epcHex: "30".repeat(80) }])(
    "no EPC: %j",
    (tag) => {
      expect(read({ tagInventoryEvent: tag })).toEqual({ ok: false, reason: "unreadable_tag" });
    },
  );
});

test.each([
  [
    { gpiTransitionEvent: { gpi: 1, transition: "low-to-high" } },
    { type: "input", port: 1, isHigh: true },
  ],
  [{ gpiTransitionEvent: { gpi: 2, transition: "high-to-low" } }, { port: 2, isHigh: false }],
  [{ inventoryStatusEvent: { inventoryStatus: "idle" } }, { type: "fault", name: "idle" }],
  [{ inventoryStatusEvent: { inventoryStatus: "armed" } }, { type: "cleared", name: "idle" }],
  [{ antennaDisconnectedEvent: { antennaPort: 3 } }, { type: "fault", name: "antenna 3" }],
  [{ antennaConnectedEvent: { antennaPort: 3 } }, { type: "cleared", name: "antenna 3" }],
  [
    { overflowEvent: { eventsPurged: 7, eventsRemaining: 2 } },
    { text: expect.stringContaining("7") },
  ],
])("%j", (event, expected) => {
  expect(read(event)).toMatchObject({ ok: true, events: [expected] });
});

test.each([
  [read({ antennaActivationEvent: {} }), "unknown"],
  [read({ gpiTransitionEvent: { gpi: "1" } }), "malformed"],
  [readEvent({ tagInventoryEvent: {} }), "malformed"],
  [readEvent(null), "malformed"],
])("no event: %j", (result, reason) => {
  expect(result).toEqual({ ok: false, reason });
});

test("anything at all is a value", () => {
  const value = fc.oneof(
    fc.anything(),
    fc.record({ timestamp: fc.string(), tagInventoryEvent: fc.object() }),
  );
  fc.assert(fc.property(value, (each) => typeof readEvent(each).ok === "boolean"));
});

test("the reader's state", () => {
  const status = { status: "running", serialNumber: "370-1", activePreset: { id: "floor" } };
  expect(readStatus(status)).toEqual({
    description: "Impinj reader 370-1, running with preset floor",
    isReading: true,
  });
  expect(readStatus({ status: "idle" })?.isReading).toBe(false);
  expect(readStatus("<html>")).toBeUndefined();
});
