import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { encodeCapabilities, readCapabilities } from "../../../drivers/llrp/capabilities.ts";
import { encodeRequest } from "../../../drivers/llrp/codec.ts";
import { describeMessage } from "../../../drivers/llrp/describe.ts";
import { readNotification } from "../../../drivers/llrp/events.ts";
import { encodeMessage, type Message, MessageDecoder } from "../../../drivers/llrp/frame.ts";
import { findParameter, parametersOf } from "../../../drivers/llrp/parameter.ts";
import { readSettings, readState } from "../../../drivers/llrp/reader-config.ts";
import { encodeTagRead, readReport } from "../../../drivers/llrp/report.ts";
import { encodeRoSpec, readRoSpec, storedRoSpecs } from "../../../drivers/llrp/ro-spec.ts";
import { readStatus, refusalText } from "../../../drivers/llrp/status.ts";
import { messageName, messageTypes } from "../../../drivers/llrp/tables.ts";
import { bytesOf, feed, hexOf } from "../feeding.ts";
import { hasVectors, type ProtocolVector, vectorsOf } from "../vectors.ts";

const messagesIn = (hex: string): Message[] => feed(new MessageDecoder(), [bytesOf(hex)]).frames;
const messageIn = (hex: string): Message => messagesIn(hex)[0]!;

function expectMessage(message: Message, { expected, hex }: ProtocolVector): void {
  expect(message).toMatchObject({ version: 1, type: expected.type, id: expected.id });
  expect(messageName(message.type)).toBe(expected.message);
  expect(hex.length / 2).toBe(expected.length);
  expect(describeMessage(message)).toMatchObject({ message: expected.message, id: expected.id });
  if (expected.tags !== undefined) expectTags(message, expected.tags);
  if (expected.utcMicroseconds !== undefined) expectNotification(message, expected);
  if (expected.status !== undefined) {
    const status = readStatus(message.content);
    expect(status?.code).toBe(expected.status);
    expect(status?.text).toBe(expected.errorDescription ?? "");
    expect(status?.fieldError).toEqual(expected.fieldError);
  }
}

// biome-ignore lint/suspicious/noExplicitAny: as in vectors.ts.
function expectTags(message: Message, tags: any[]): void {
  const reads = readReport(message.content);
  expect(reads).toHaveLength(tags.length);
  tags.forEach((tag, index) => {
    expect(reads?.[index]).toMatchObject({
      epc: tag.epc,
      epcBitCount: tag.epcBits ?? 96,
      antenna: tag.antennaID,
      rssiDbm: tag.peakRssiDbm,
      firstSeenUtcUs: tag.firstSeenTimestampUTC,
      count: tag.tagSeenCount,
    });
    const [node] = parametersOf(message.content) ?? [];
    const inner = parametersOf(node!.content) ?? [];
    for (const other of tag.otherParams ?? []) {
      expect(hexOf(findParameter(inner, other.type)!)).toBe(other.hex);
    }
  });
}

// biome-ignore lint/suspicious/noExplicitAny: as in vectors.ts.
function expectNotification(message: Message, expected: any): void {
  const notification = readNotification(message.content);
  expect(notification?.utcUs).toBe(expected.utcMicroseconds);
  expect(notification?.events).toEqual([
    expected.connectionClose === true
      ? { type: "connection_close" }
      : { type: "connection_attempt", status: expected.connectionAttempt },
  ]);
}

describe.skipIf(!hasVectors)("shared vectors: llrp.json", () => {
  const vectors = vectorsOf("llrp.json");
  const valid = vectors.filter(({ valid: isValid }) => isValid);

  test.each(valid.map((vector) => [vector.name, vector] as const))("%s", (_, vector) => {
    const { expected } = vector;
    const messages = messagesIn(vector.hex);
    expect(messages).toHaveLength(expected.messages ?? 1);
    // What is read is written again byte for byte.
    expect(messages.map((each) => hexOf(encodeMessage(each))).join("")).toBe(vector.hex);
    if (expected.messages === undefined) expectMessage(messages[0]!, vector);
    else {
      const reads = messages.flatMap(({ content }) => readReport(content) ?? []);
      expect(reads).toHaveLength(expected.tags);
      expect([...new Set(reads.map(({ epc }) => epc))].sort()).toEqual(expected.distinctEpcs);
    }
  });

  test.each(
    vectors.filter((vector) => !vector.valid).map((vector) => [vector.name, vector] as const),
  )("refused: %s", (_, { hex, expected }) => {
    const decoder = new MessageDecoder();
    const found = decoder.push(bytesOf(hex));
    if (expected.reject.startsWith("incomplete")) {
      expect(found).toEqual([]);
      expect(decoder.pendingByteCount).toBe(hex.length / 2);
      expect(decoder.idle()[0]).toMatchObject({ kind: "discarded", reason: "incomplete" });
    } else {
      expect(found).toMatchObject([{ kind: "frame" }]);
      expect(readReport(messageIn(hex).content)).toBeUndefined();
      expect(describeMessage(messageIn(hex))).toBeUndefined();
    }
  });

  test("recorded capabilities and configurations are understood", () => {
    const named = (name: string) =>
      messageIn(vectors.find((each) => each.name.includes(name))!.hex);
    const old = readCapabilities(named("firmware 4.8.3.240").content);
    expect(old).toMatchObject({
      manufacturerId: 25_882,
      firmware: "4.8.3.240",
      antennaCount: 2,
      gpiCount: 4,
      isHoldingSupported: true,
      isHopping: true,
    });
    expect(old?.powersDbm.get(1)).toBe(10);
    expect(old?.powersDbm.get(91)).toBe(32.5);
    expect(old?.channelsMhz).toHaveLength(50);
    expect(old?.channelsMhz[0]).toBe(912.75);
    expect(old?.modeIds).toEqual([0, 2, 3, 4, 1000].filter((id) => old?.modeIds.includes(id)));
    const state = readState(parametersOf(named("EdgeX recorded GET_READER_CONFIG").content) ?? []);
    expect([...state.antennas.keys()]).toEqual([1, 2, 3, 4]);
    expect(state.antennas.get(1)).toEqual({ isConnected: true });
    expect(state.transmitter).toEqual({ hopTableId: 1, channelIndex: 0 });
  });

  test("a recorded ADD_ROSPEC is understood", () => {
    const { content } = messageIn(
      vectors.find((each) => each.name.endsWith("test add_ro_spec"))!.hex,
    );
    const [stored] = storedRoSpecs(parametersOf(content) ?? []);
    expect(stored).toMatchObject({ roSpecId: 1, state: "disabled" });
    expect(readRoSpec(stored!.bytes)).toMatchObject({ antennas: [1] });
  });
});

// Written by hand after the layouts of LLRP 1.0.1 clause 17, not by the encoder.
describe("messages of our own", () => {
  test("a report with Impinj's phase, RSSI and TID beside parameters nobody knows", () => {
    const tag =
      "8d 3034257bf7194e4000001a85" + // EPC-96
      "81 0003" +
      "86 bf" + // -65 dBm
      "87 0002" +
      "82 0004ec2ea8354c09 84 0004ec2ea8354c0a" +
      "88 0007" +
      "03ff 000e 0000651a 00000038 0800" + // phase 2048 of 4096
      "03ff 000e 0000651a 00000039 e6d4" + // -6444 / 100 dBm
      "03ff 0014 0000651a 00000037 0003 e28011052000" +
      "03ff 000d 00001234 00000001 aa" +
      "0159 0006 0000";
    const length = bytesOf(tag).length;
    const u16 = (value: number) => value.toString(16).padStart(4, "0");
    const hex = `043d 0000 ${u16(length + 14)} 00000001 00f0 ${u16(length + 4)} ${tag}`;
    expect(readReport(messageIn(hex).content)).toEqual([
      {
        epc: "3034257BF7194E4000001A85",
        epcBitCount: 96,
        antenna: 3,
        rssiDbm: -64.44,
        channelIndex: 2,
        count: 7,
        firstSeenUtcUs: 1_385_585_041_558_537,
        lastSeenUtcUs: 1_385_585_041_558_538,
        firstSeenUptimeUs: undefined,
        lastSeenUptimeUs: undefined,
        phaseDeg: 180,
        tid: "E28011052000",
      },
    ]);
  });

  test("requests", () => {
    const hexOfRequest = (request: Parameters<typeof encodeRequest>[0]) =>
      hexOf(encodeMessage(encodeRequest(request, 7, 1)));
    const is = (hex: string) => hex.replaceAll(" ", "");
    expect(hexOfRequest({ type: "GET_READER_CAPABILITIES" })).toBe(is("0401 0000000b 00000007 00"));
    expect(hexOfRequest({ type: "DELETE_ROSPEC", roSpecId: 0 })).toBe(
      is("0415 0000000e 00000007 00000000"),
    );
    expect(hexOfRequest({ type: "IMPINJ_ENABLE_EXTENSIONS" })).toBe(
      is("07ff 00000013 00000007 0000651a 15 00000000"),
    );
    const settings = { keepaliveMs: 5000, isHolding: true };
    expect(hexOfRequest({ type: "SET_READER_CONFIG", settings })).toBe(
      is(
        "0403 00000040 00000007 00" +
          "00f4 0027 00f5 0007 0001 80 00f5 0007 0002 80 00f5 0007 0003 80 00f5 0007 0004 80 00f5 0007 0008 80" +
          "00dc 0009 01 00001388 00e2 0005 80",
      ),
    );
    const enabled = messageIn(hexOfRequest({ type: "SET_READER_CONFIG", settings }));
    expect(readSettings(enabled.content)).toEqual(settings);
  });
});

describe("specifications, answers and events of our own", () => {
  test("a ROSpec", () => {
    const spec = {
      roSpecId: 1,
      antennas: [2],
      powerIndex: 81,
      hopTableId: 1,
      channelIndex: 0,
      modeIndex: 1000,
      session: 2,
      tagPopulation: 32,
      searchMode: undefined,
      reportEveryReadCount: 1,
      hasImpinjContent: false,
      hasTid: false,
    };
    const hex =
      "00b1 0069 00000001 00 00" +
      "00b2 0012 00b3 0005 01 00b6 0009 00 00000000" +
      "00b7 0040 0001 0002 00b8 0009 00 00000000" +
      "00ba 002f 0001 01" +
      "00de 0028 0002 00e0 000a 0001 0000 0051" +
      "014a 0018 00 014f 0008 03e8 0000 0150 000b 80 0020 00000000" +
      "00ed 000d 01 0001 00ee 0006 1f80";
    expect(hexOf(encodeRoSpec(spec))).toBe(hex.replaceAll(" ", ""));
    expect(readRoSpec(encodeRoSpec(spec))).toEqual(spec);
  });
  test("a refusal in one line", () => {
    const text = Buffer.from("no such thing").toString("hex");
    const hex = `041e 0000 002f 00000001 011f 0025 0064 000d ${text} 0121 0010 00b7 00c9 0120 0008 0001 012d`;
    const found = readStatus(messageIn(hex).content);
    expect(found && refusalText(found)).toBe(
      'a parameter is wrong (100), "no such thing", parameter 183: a field of a parameter is wrong (201)',
    );
    expect(readStatus(bytesOf("011f 0008 0000 0000"))).toEqual({ code: 0, text: "" });
  });

  test("events", () => {
    const hex =
      "043f 0000 0058 00000009 00f6 004e 0081 000c 00000000004c4b40" +
      "00f8 0007 0002 80" +
      "00f9 000d 01 00000001 00000000" +
      "00fa 0005 55 00fb 0004" +
      "00fc 000a 0004 6f6f7073" +
      "00ff 0007 00 0003" +
      "0100 0006 0002" +
      "0063 0006 0000 0101 0004";
    const notification = readNotification(messageIn(hex).content);
    expect(notification).toEqual({
      utcUs: undefined,
      uptimeUs: 5_000_000,
      events: [
        { type: "gpi", port: 2, isHigh: true },
        { type: "ro_spec", what: "ended", roSpecId: 1 },
        { type: "buffer_warning", percentFull: 85 },
        { type: "buffer_overflow" },
        { type: "exception", text: "oops" },
        { type: "antenna", antenna: 3, isConnected: false },
        { type: "connection_attempt", status: "client_initiated_exists" },
        { type: "connection_close" },
      ],
    });
  });
});

describe("any bytes", () => {
  test("as a message's content: never an exception", () => {
    fc.assert(
      fc.property(
        fc.constantFrom(...Object.values(messageTypes)),
        fc.uint8Array({ maxLength: 200 }),
        (type, content) => {
          const message: Message = { version: 1, type, id: 1, content };
          describeMessage(message);
          readReport(content);
          readNotification(content);
          readStatus(content);
          readCapabilities(content);
          readSettings(content);
          const parameters = parametersOf(content) ?? [];
          readState(parameters);
          storedRoSpecs(parameters).map(({ bytes }) => readRoSpec(bytes));
        },
      ),
      { numRuns: 2000 },
    );
  });

  test("capabilities and reads survive their own writing", () => {
    const capabilities = {
      manufacturerId: 161,
      modelId: 1,
      firmware: "é 1",
      antennaCount: 2,
      gpiCount: 1,
      gpoCount: 3,
      isHoldingSupported: true,
      powersDbm: new Map([[1, -10.25]]),
      channelsMhz: [865.7],
      isHopping: false,
      hopTableId: 0,
      modeIds: [7],
    };
    expect(readCapabilities(encodeCapabilities(capabilities))).toEqual(capabilities);
    const hex = fc
      .uint8Array({ minLength: 1, maxLength: 62 })
      .map((bytes) => hexOf(bytes).toUpperCase());
    fc.assert(
      fc.property(hex, fc.integer({ min: -12_800, max: 0 }), (epc, rssi) => {
        const read = { epc, rssiDbm: rssi / 100, antenna: 2, firstSeenUptimeUs: 5, tid: "E200" };
        const [found] = readReport(encodeTagRead(read, true)) ?? [];
        expect(found).toMatchObject({ ...read, epcBitCount: epc.length * 4 });
      }),
    );
  });
});
