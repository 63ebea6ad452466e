import fc from "fast-check";
import { describe, expect, test } from "vitest";
import {
  encodeMessage,
  type Message,
  MessageDecoder,
  messageSizeBytesMax,
} from "../../../drivers/llrp/frame.ts";
import { messageTypes } from "../../../drivers/llrp/tables.ts";
import { bytesOf, everyFeeding, expectFoundInNoise, feed, hexOf, noisyPieces } from "../feeding.ts";

const keepalive = bytesOf("043e 0000000a 00000005");
const report = bytesOf(
  "043d 00000024 00000006 00f0001a 8d 3034257bf7194e4000001a85 8100018 6bf 820000",
);
const big = (sizeBytes: number): Message => ({
  version: 1,
  type: messageTypes.RO_ACCESS_REPORT,
  id: 1,
  content: new Uint8Array(sizeBytes).fill(0xf0),
});

describe("messages are found", () => {
  test("whole, byte by byte and in every two-way split", () => {
    const stream = Buffer.concat([keepalive, encodeMessage(big(30)), keepalive]);
    for (const pieces of everyFeeding(stream)) {
      const { frames, discardedByteCount } = feed(new MessageDecoder(), pieces);
      expect(discardedByteCount).toBe(0);
      expect(frames.map((each) => hexOf(encodeMessage(each))).join("")).toBe(hexOf(stream));
    }
  });

  test("between noise", () => {
    expectFoundInNoise(() => new MessageDecoder(), encodeMessage, keepalive);
  });

  test("random and changed bytes never throw, and none is lost from the account", () => {
    fc.assert(
      fc.property(noisyPieces(report), (pieces) => {
        const { frames, discardedByteCount } = feed(new MessageDecoder(), pieces);
        const total = pieces.reduce((sum, piece) => sum + piece.length, 0);
        const inFrames = frames.reduce((sum, each) => sum + encodeMessage(each).length, 0);
        expect(inFrames + discardedByteCount).toBe(total);
      }),
    );
  });
});

describe("large messages", () => {
  test("of 16 MiB in small pieces cost one copy, not a quadratic number", () => {
    const bytes = encodeMessage(big(messageSizeBytesMax - 10));
    const decoder = new MessageDecoder();
    let found = 0;
    // 1,460 bytes a piece: 11,500 pieces. Copied anew for each it would be 96 GB.
    for (let at = 0; at < bytes.length; at += 1460) {
      found += decoder.push(bytes.subarray(at, at + 1460)).length;
    }
    expect(found).toBe(1);
    expect(decoder.pendingByteCount).toBe(0);
  });

  test("one that is announced longer than the cap is no message", () => {
    const decoder = new MessageDecoder();
    const head = bytesOf("043d 01000001 00000001");
    expect(decoder.push(Buffer.concat([head, keepalive]))).toMatchObject([
      { kind: "discarded", reason: "noise", byteCount: 10 },
      { kind: "frame" },
    ]);
    // A keepalive of a megabyte neither.
    const long = bytesOf("043e 00100000 00000001");
    expect(decoder.push(Buffer.concat([long, keepalive]))).toHaveLength(2);
  });

  test("what was handed out stays as it was when more comes", () => {
    const decoder = new MessageDecoder();
    const whole = encodeMessage(big(50));
    decoder.push(whole.subarray(0, 20));
    const [first] = decoder.push(Buffer.concat([whole.subarray(20), keepalive.subarray(0, 4)]));
    decoder.push(keepalive.subarray(4));
    decoder.push(new Uint8Array(200));
    expect(first).toMatchObject({
      kind: "frame",
      frame: { content: new Uint8Array(50).fill(0xf0) },
    });
  });

  test("one that never ends is given up after a while, and what is behind it is found", () => {
    const decoder = new MessageDecoder();
    const cut = encodeMessage(big(5000)).subarray(0, 100);
    expect(decoder.push(Buffer.concat([cut, keepalive]))).toEqual([]);
    const { frames } = feed(decoder, []);
    expect(frames).toMatchObject([{ type: messageTypes.KEEPALIVE, id: 5 }]);
  });
});
