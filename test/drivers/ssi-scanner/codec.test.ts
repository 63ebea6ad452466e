import fc from "fast-check";
import { describe, expect, test } from "vitest";
import {
  encodeCommand,
  encodeDecodeData,
  encodePacket,
  encodePacketedMode,
  encodeResendRequest,
  PacketDecoder,
} from "../../../drivers/ssi-scanner/codec.ts";
import { MessageJoiner } from "../../../drivers/ssi-scanner/message-joiner.ts";
import { bytesOf, everyFeeding, feed, hexOf } from "../feeding.ts";
import { hasVectors, vectorsOf } from "../vectors.ts";

const scans = () => new MessageJoiner({ dataLengthMax: 600, prefix: "none" });

// By hand: length, opcode, source, status, data; the sums are 10000 hex less all bytes.
const fixtures = [
  ["an acknowledgement", "04 d0 00 00 ff2c", { opcode: 0xd0, data: new Uint8Array() }],
  ["EAN-8 12345670", "0d f3 00 00 0a 3132333435363730 fd5a", { opcode: 0xf3 }],
  ["sent again", "06 f3 00 01 03 41 fec2", { isRetransmission: true }],
  ["more follows", "06 f3 00 02 03 41 fec1", { isContinued: true }],
] as const;

test.each(fixtures)("%s", (_, text, packet) => {
  const bytes = bytesOf(text);
  for (const pieces of everyFeeding(bytes)) {
    const fed = feed(new PacketDecoder("decoder"), pieces);
    expect(fed.frames).toMatchObject([packet]);
    expect(fed.discardedByteCount).toBe(0);
    expect(hexOf(encodePacket(fed.frames[0]!))).toBe(hexOf(bytes));
  }
  // Neither noise before and after nor an echo of the host's own packets matters.
  const noisy = [bytesOf("00 ff 03"), encodeCommand("scan_enable"), bytes, bytesOf("02 01"), bytes];
  const fed = feed(new PacketDecoder("decoder"), noisy);
  expect(fed.frames).toHaveLength(2);
  const total = Buffer.concat(noisy).length;
  expect(fed.discardedByteCount).toBe(total - 2 * bytes.length);
});

test("a damaged scan is told of, other damage is not", () => {
  let damagedCount = 0;
  const decoder = new PacketDecoder("decoder", () => {
    damagedCount += 1;
  });
  expect(feed(decoder, [bytesOf("04 d0 00 00 ff2d")]).frames).toEqual([]);
  expect(damagedCount).toBe(0);
  expect(feed(decoder, [bytesOf("06 f3 00 00 03 42 fec3")]).frames).toEqual([]);
  expect(damagedCount).toBe(1);
});

test("any scan comes back; mutated and random bytes never throw and are accounted for", () => {
  const text = fc.string({ unit: fc.constantFrom(..."01AZ\x1dö€"), minLength: 1, maxLength: 550 });
  fc.assert(
    fc.property(fc.array(text, { maxLength: 5 }), (texts) => {
      const packets = texts.flatMap((data) => encodeDecodeData(0x1c, data));
      const bytes = Buffer.concat(packets.map((packet) => encodePacket(packet)));
      const { frames } = feed(new PacketDecoder("decoder"), [bytes]);
      const joiner = new MessageJoiner({ dataLengthMax: 4096, prefix: "none" });
      const joined = frames
        .map((packet) => joiner.take(packet, 0))
        .filter(({ type }) => type === "scan");
      const expected = texts.map((data) => ({ type: "scan", scan: { symbology: "]Q1", data } }));
      expect(joined).toEqual(expected);
    }),
  );
  const good = encodePacket(encodeDecodeData(0x0b, "4006381333931")[0]!);
  const mutated = fc
    .tuple(fc.nat(good.length - 1), fc.nat(255))
    .map(([at, byte]) => good.map((each, index) => (index === at ? byte : each)));
  fc.assert(
    fc.property(fc.array(fc.oneof(mutated, fc.uint8Array())), (pieces) => {
      const { frames, discardedByteCount } = feed(new PacketDecoder("decoder"), pieces);
      const byteCount = pieces.reduce((sum, piece) => sum + piece.length, 0);
      const taken = frames.reduce((sum, { data }) => sum + data.length + 6, 0);
      expect(taken + discardedByteCount).toBe(byteCount);
    }),
  );
});

describe("packets become scans", () => {
  const packet = (type: number, data: string, flags: object = {}) => ({
    ...encodeDecodeData(type, data)[0]!,
    ...flags,
  });

  test("identifiers by code type", () => {
    const aim = (type: number) => scans().take(packet(type, "1"), 0);
    expect(aim(0x0b)).toMatchObject({ scan: { symbology: "]E0" } });
    expect(aim(0x0f)).toMatchObject({ scan: { symbology: "]C1" } });
    expect(aim(0xc1)).toMatchObject({ scan: { symbology: "]d2" } });
    expect(aim(0x77)).toMatchObject({ scan: { symbology: "]X0" } });
    const own = new MessageJoiner({ dataLengthMax: 600, prefix: "aim" });
    expect(own.take(packet(0x1b, "]d201"), 0)).toMatchObject({
      scan: { symbology: "]d2", data: "01" },
    });
  });

  // GS1 General Specifications, rules for zero-suppressed numbers.
  test.each([
    ["04252614", "042100005264"],
    ["01234531", "012300000451"],
    ["01234543", "012340000053"],
    ["01234565", "012345000065"],
    ["1234565", "1234565"],
    // A wrong check digit is for the reader of the number to refuse.
    ["01234541", "01234541"],
  ])("UPC-E %s is %s", (short, long) => {
    expect(scans().take(packet(0x09, short), 0)).toMatchObject({ scan: { data: long } });
  });

  test("sent again: once; the same item twice: twice; after damage: new", () => {
    const joiner = scans();
    const again = packet(0x0b, "1", { isRetransmission: true });
    expect(joiner.take(packet(0x0b, "1"), 0).type).toBe("scan");
    expect(joiner.take(again, 0).type).toBe("duplicate");
    expect(joiner.take(packet(0x0b, "1"), 0).type).toBe("scan");
    expect(joiner.take(again, 6000).type).toBe("scan");
    expect(joiner.take(again, 8000).type).toBe("duplicate");
    joiner.damaged();
    expect(joiner.take(again, 0).type).toBe("scan");
  });

  test("a scan that is too long is discarded whole", () => {
    const joiner = scans();
    const part = packet(0x1c, "a".repeat(250), { isContinued: true });
    for (const _ of [1, 2, 3]) expect(joiner.take(part, 0).type).toBe("continued");
    expect(joiner.take(packet(0x1c, "end"), 0)).toEqual({ type: "discarded", reason: "too_long" });
    expect(joiner.take(packet(0x1c, "5"), 0)).toMatchObject({ scan: { data: "5" } });
    expect(joiner.take(packet(0x1c, "lost ", { isContinued: true }), 0).type).toBe("continued");
    expect(joiner.take(packet(0x1c, "6"), 9000)).toMatchObject({ scan: { data: "6" } });
    const empty = { ...packet(0x1c, ""), data: new Uint8Array() };
    expect(joiner.take(empty, 0)).toEqual({ type: "discarded", reason: "empty" });
  });
});

const commands: Record<string, Uint8Array> = {
  "SSI CMD_ACK host": encodeCommand("ack"),
  "SSI CMD_NAK resend": encodeResendRequest(),
  "SSI SCAN_ENABLE": encodeCommand("scan_enable"),
  "SSI START_SESSION": encodeCommand("start_session"),
  "SSI PARAM_SEND packeted decode (0xEE=1)": encodePacketedMode(),
};

describe.skipIf(!hasVectors)("shared vectors (skipped where ../shared/vectors is absent)", () => {
  const vectors = vectorsOf("barcode-serial-ssi.json").filter(({ name }) => name.startsWith("SSI"));

  test("all of SSI are there; the plain ones are serial-scanner's", () => {
    expect(vectors).toHaveLength(6);
  });

  test.each(vectors)("$name", ({ name, hex: text, expected }) => {
    const side = name in commands ? "host" : "decoder";
    const { frames } = feed(new PacketDecoder(side), [Buffer.from(text, "hex")]);
    expect(frames).toHaveLength(1);
    expect(hexOf(encodePacket(frames[0]!))).toBe(text);
    if (side === "host") expect(hexOf(commands[name]!)).toBe(text);
    else {
      const scan = { symbology: "]E0", data: expected.data };
      expect(scans().take(frames[0]!, 0)).toEqual({ type: "scan", scan });
    }
  });
});
