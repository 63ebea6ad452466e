// Messages as the document and readers in the field show them, written by hand.

import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { readEvent } from "../../../drivers/zebra-iot/codec.ts";

const timestamp = "2025-11-23T09:20:00.194+0000";
const readerAtMs = Date.UTC(2025, 10, 23, 9, 20, 0, 194);
const read = (type: string, data: unknown) => readEvent({ type, timestamp, data });

describe("tags", () => {
  test("all that a message can tell", () => {
    const data = {
      CRC: "2de3",
      MAC: "84:24:8D:EE:57:21",
      PC: "3000",
      TID: "e28011702000",
      antenna: 2,
      channel: 918.25,
      eventNum: 5059,
      format: "epc",
      hostName: "FX9600EE5721",
      idHex: "3034257bf7194e4000001a85",
      peakRssi: -37,
      phase: -90,
      reads: 3,
    };
    const tag = {
      antenna: 2,
      epc: "3034257BF7194E4000001A85",
      tid: "E28011702000",
      rssiDbm: -37,
      count: 3,
      phaseDeg: 270,
      channelMhz: 918.25,
      readerAtMs,
    };
    expect(read("INVENTORY", data)).toEqual({
      ok: true,
      events: [{ type: "tag", tag }],
      sequence: 5059,
    });
  });

  test.each(["SIMPLE", "CUSTOM", "CONVEYOR", "PORTAL"])(
    "as mode %s sends it by default",
    (mode) => {
      const data = { eventNum: 1, format: "epc", idHex: "e2806894000040017790e471" };
      const tag = { antenna: 1, epc: "E2806894000040017790E471", rssiDbm: -128, readerAtMs };
      expect(read(mode, data)).toMatchObject({ ok: true, events: [{ type: "tag", tag }] });
    },
  );

  test.each([
    [{ idHex: "xyz" }, "unreadable_tag"],
    [{ idHex: "" }, "unreadable_tag"],
    [{ idHex: "3034", antenna: 0 }, "malformed"],
    [{ idHex: 3034 }, "malformed"],
  ])("that cannot be: %j", (data, reason) => {
    expect(read("SIMPLE", data)).toEqual({ ok: false, reason });
  });
});

describe("what a reader says of itself", () => {
  const heartbeat = (radio: object) => read("heartbeat", { radio_control: radio, system: {} });

  test("a heartbeat: antennas, radio, activity in both spellings", () => {
    const antennas = { "1": "connected", "4": "disconnected" };
    expect(
      heartbeat({ antennas, radioConnection: "connected", radioActivity: "active" }),
    ).toMatchObject({
      events: [
        { type: "antenna", antenna: 1, isConnected: true },
        { type: "antenna", antenna: 4, isConnected: false },
        { type: "cleared", name: "radio" },
        { type: "cleared", name: "idle" },
      ],
    });
    expect(
      heartbeat({ radioConnection: "disconnected", radioActivitiy: "inactive" }),
    ).toMatchObject({
      events: [
        { type: "fault", name: "radio" },
        { type: "fault", name: "idle" },
      ],
    });
  });

  test("inputs, errors and warnings", () => {
    expect(read("gpi", { pin: 2, state: "LOW" })).toMatchObject({
      events: [{ type: "input", port: 2, isHigh: false }],
    });
    expect(read("error", { message: "PA overheated" })).toMatchObject({
      events: [{ type: "fault", text: "the reader's error: PA overheated", isPassing: true }],
    });
    expect(read("warning", {})).toMatchObject({ events: [{ name: "warning" }] });
  });

  test.each([
    ["gpo", { pin: 1, state: "HIGH" }, "unknown"],
    ["BLE_DATA", { Address: "CF:C7:E6:45:DE:F7", RSSI: -66 }, "unknown"],
    ["heartbeat", { reader_gateway: {} }, "malformed"],
    ["gpi", { pin: 1, state: "OPEN" }, "malformed"],
    ["gpi", null, "malformed"],
  ])("what is not understood: %s", (type, data, reason) => {
    expect(read(type, data)).toEqual({ ok: false, reason });
  });
});

test("no value makes it throw", () => {
  fc.assert(fc.property(fc.jsonValue(), (value) => void readEvent(value)));
  const keys = fc.constantFrom("type", "timestamp", "data", "idHex", "radio_control", "antennas");
  const nested = fc.letrec((tie) => ({
    value: fc.oneof(fc.jsonValue(), fc.dictionary(keys, tie("value"), { maxKeys: 4 })),
  })).value;
  fc.assert(fc.property(nested, (value) => void readEvent(value)));
});
