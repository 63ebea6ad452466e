import fc from "fast-check";
import { generate, type Packet } from "mqtt-packet";
import { expect, test } from "vitest";
import { controlCount, PacketBorders } from "../../cloud-bridge/broker-guard.ts";

const packets: Packet[] = [
  { cmd: "connect", clientId: "a", protocolId: "MQTT", protocolVersion: 4, clean: true },
  {
    cmd: "publish",
    topic: "t",
    payload: Buffer.alloc(200),
    qos: 1,
    messageId: 7,
    dup: false,
    retain: false,
  },
  { cmd: "pingreq" },
  { cmd: "publish", topic: "t", payload: Buffer.alloc(900), qos: 0, dup: false, retain: false },
  { cmd: "disconnect" },
];
const bytes = Buffer.concat(packets.map((packet) => generate(packet)));

/** Feeds chunks; the number of bytes taken before a refusal, or undefined when all were accepted. */
function refusedAt(borders: PacketBorders, chunks: Uint8Array[]): number | undefined {
  let taken = 0;
  for (const chunk of chunks) {
    if (!borders.accept(chunk)) return taken;
    taken += chunk.length;
  }
  return undefined;
}

test("packets within the size pass, whole, by the byte and in every two-way split", () => {
  const largest = 903;
  expect(refusedAt(new PacketBorders(largest), [bytes])).toBeUndefined();
  expect(
    refusedAt(
      new PacketBorders(largest),
      [...bytes].map((byte) => Uint8Array.of(byte)),
    ),
  ).toBeUndefined();
  for (let at = 1; at < bytes.length; at += 1) {
    const chunks = [bytes.subarray(0, at), bytes.subarray(at)];
    expect(refusedAt(new PacketBorders(largest), chunks)).toBeUndefined();
  }
});

test("a packet is refused at its length, before its content", () => {
  const start = bytes.length - generate(packets[4]!).length - generate(packets[3]!).length;
  const single = [...bytes].map((byte) => Uint8Array.of(byte));
  // Type byte, then the second byte of the length makes it 903.
  expect(refusedAt(new PacketBorders(902), single)).toBe(start + 2);
});

test("a length of five bytes is malformed", () => {
  const borders = new PacketBorders(2 ** 28);
  expect(borders.accept(Uint8Array.of(0x30, 0xff, 0xff, 0xff, 0xff))).toBe(false);
});

test("any cut of any packets is followed", () => {
  const sizes = fc.array(fc.nat(3000), { minLength: 1, maxLength: 20 });
  fc.assert(
    fc.property(sizes, fc.array(fc.nat(100_000), { maxLength: 30 }), (payloadSizes, cuts) => {
      const stream = Buffer.concat(
        payloadSizes.map((size) =>
          generate({
            cmd: "publish",
            topic: "t",
            payload: Buffer.alloc(size, 0xff),
            qos: 0,
            dup: false,
            retain: false,
          }),
        ),
      );
      const at = [0, ...cuts.map((cut) => cut % (stream.length + 1)), stream.length].sort(
        (a, b) => a - b,
      );
      const chunks = at.slice(1).map((end, index) => stream.subarray(at[index], end));
      expect(refusedAt(new PacketBorders(3003), chunks)).toBeUndefined();
      const isOver = payloadSizes.some((size) => size + 3 > 1000);
      expect(refusedAt(new PacketBorders(1000), chunks) !== undefined).toBe(isOver);
    }),
  );
});

test("each packet is asked for once, with its kind and length, however it is cut", () => {
  const asked: [number, number][] = [];
  const borders = new PacketBorders(903, (type, lengthBytes) => {
    asked.push([type, lengthBytes]);
    return type !== 14;
  });
  const single = [...bytes].map((byte) => Uint8Array.of(byte));
  expect(refusedAt(borders, single)).toBe(bytes.length - 1);
  expect(asked).toEqual([
    [1, 13],
    [3, 205],
    [12, 0],
    [3, 903],
    [14, 0],
  ]);
});

test("control costs by its size; messages and acknowledgements are counted elsewhere or not at all", () => {
  expect(controlCount(12, 0)).toBe(1);
  expect(controlCount(8, 25_600)).toBe(401);
  expect([3, 4, 5, 7, 14].map((type) => controlCount(type, 1000))).toEqual([0, 0, 0, 0, 0]);
});
