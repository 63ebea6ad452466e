import fc from "fast-check";
import { describe, expect, test } from "vitest";
import {
  type Answer,
  decodeAnswer,
  decodeCommand,
  encodeAnswer,
  encodeCommand,
  type Family,
} from "../../../drivers/chafon/codec.ts";
import { checkOf, encodeFrame, type Frame, FrameDecoder } from "../../../drivers/chafon/frame.ts";
import { bandOf } from "../../../drivers/chafon/tables.ts";
import { bytesOf, everyFeeding, expectFoundInNoise, feed, hexOf, noisyPieces } from "../feeding.ts";
import { hasVectors, type ProtocolVector, vectorsOf } from "../vectors.ts";

const frameOf = (hex: string): Frame => {
  const [frame] = feed(new FrameDecoder(), [bytesOf(hex)]).frames;
  return frame!;
};

// Written by hand after the layout; the checks were computed apart.
const twoTags = "15 00 01 03 02 02 04 e2001122 50 06 300833b2ddd9 61";
const withCheck = (hex: string): Uint8Array => {
  const body = bytesOf(hex);
  const check = checkOf(body);
  return Uint8Array.from([...body, check & 0xff, check >> 8]);
};

describe("frames of our own", () => {
  test("the check of the catalogue of CRCs", () => {
    // CRC-16/MCRF4XX of "123456789".
    expect(checkOf(Buffer.from("123456789"))).toBe(0x6f91);
  });

  test("two tags on antenna 2", () => {
    const bytes = withCheck(twoTags);
    const [frame] = feed(new FrameDecoder(), [bytes]).frames;
    expect(frame && decodeAnswer(frame, "reader288")).toEqual({
      type: "tags",
      status: 3,
      antenna: 2,
      tags: [
        { epc: "E2001122", rawRssi: 0x50 },
        { epc: "300833B2DDD9", rawRssi: 0x61 },
      ],
    });
    // Of the other family these bytes are no answer: the lengths do not fit.
    expect(frame && decodeAnswer(frame, "reader18")).toBeUndefined();
  });

  test("commands and answers survive their own writing", () => {
    const inventory = { antenna: 3, q: 4, session: 1, scanTimeMs: 500 } as const;
    const command = { type: "inventory", family: "reader288", ...inventory } as const;
    const found = feed(new FrameDecoder(), [encodeCommand(0, command)]).frames[0]!;
    expect(decodeCommand(found)).toEqual(command);
    const answers: [Answer, Family][] = [
      [{ type: "result", command: 0x2f, status: 0 }, "reader288"],
      [{ type: "work_mode", isAnswering: false }, "reader18"],
      [{ type: "tags", status: 1, antenna: 8, tags: [] }, "reader288"],
      [
        {
          type: "tags",
          status: 3,
          antenna: undefined,
          tags: [{ epc: "E200", rawRssi: undefined }],
        },
        "reader18",
      ],
    ];
    for (const [answer, family] of answers) {
      const frame = feed(new FrameDecoder(), [encodeAnswer(5, answer)]).frames[0]!;
      expect(frame.address).toBe(5);
      expect(decodeAnswer(frame, family)).toEqual(answer);
    }
  });

  test("however the bytes come, and between noise", () => {
    const frame = bytesOf("050001fbf23d");
    for (const pieces of everyFeeding(Buffer.concat([frame, frame]))) {
      expect(feed(new FrameDecoder(), pieces)).toMatchObject({ discardedByteCount: 0 });
    }
    expectFoundInNoise(() => new FrameDecoder(), encodeFrame, frame);
    fc.assert(
      fc.property(noisyPieces(withCheck(twoTags)), (pieces) => {
        for (const each of feed(new FrameDecoder(), pieces).frames) {
          decodeCommand(each);
          decodeAnswer(each, "reader18");
          decodeAnswer(each, "reader288");
        }
      }),
    );
  });
});

describe.skipIf(!hasVectors)("shared vectors: uhf-chafon-reader18-288.json", () => {
  const vectors = vectorsOf("uhf-chafon-reader18-288.json");

  test.each(vectors.map((vector) => [vector.name, vector] as const))("%s", (_, vector) => {
    const { frames } = feed(new FrameDecoder(), [bytesOf(vector.hex)]);
    if (!vector.valid) {
      expect(frames).toEqual([]);
      return;
    }
    expect(hexOf(encodeFrame(frames[0]!))).toBe(vector.hex);
    expect(frames[0]!.address).toBe(Number(vector.expected.addr));
    expect(frames[0]!.command).toBe(Number(vector.expected.cmd));
    if (vector.direction === "reader->host") expectAnswer(vector);
    else expectCommand(vector);
  });
});

function expectAnswer({ name, hex, expected }: ProtocolVector): void {
  const family = /Reader18|single-tag|no tags in field/.test(name) ? "reader18" : "reader288";
  const frame = frameOf(hex);
  // A single-tag inventory answers as the other one does.
  const answer = decodeAnswer(
    { ...frame, command: frame.command === 0x0f ? 1 : frame.command },
    family,
  );
  expect(frame.data[0]).toBe(Number(expected.status));
  if (expected.tags !== undefined) {
    expect(answer).toMatchObject({ type: "tags" });
    const found = answer?.type === "tags" ? answer : undefined;
    expect(found?.tags.map(({ epc }) => epc)).toEqual(
      expected.tags.map((tag: { epc: string }) => tag.epc),
    );
    expected.tags.forEach(({ rssi }: { rssi?: number | null }, index: number) => {
      if (typeof rssi === "number") expect(found?.tags[index]?.rawRssi).toBe(rssi);
    });
    if (family === "reader288") expect(found?.antenna).toBe(expected.antenna);
  }
  if (expected.firmware !== undefined) {
    const info = answer?.type === "info" ? answer : undefined;
    expect(Number(info?.firmware)).toBe(Number(expected.firmware));
    if (expected.fMaxMHz !== undefined) {
      const band = { name: "EU", maxMhz: expected.fMaxMHz, minMhz: expected.fMinMHz };
      expect(info && bandOf(info.bandMax, info.bandMin)).toEqual(band);
    }
    if (expected.powerDbm !== undefined) expect(info?.powerDbm).toBe(expected.powerDbm);
    if (expected.scanTime100ms !== undefined) {
      expect(info?.scanTimeMs).toBe(100 * expected.scanTime100ms);
    }
  }
  if (expected.readMode !== undefined) {
    expect(answer).toEqual({ type: "work_mode", isAnswering: expected.readMode === 0 });
  }
}

function expectCommand({ hex, expected }: ProtocolVector): void {
  const frame = frameOf(hex);
  const command = decodeCommand(frame);
  // Not of our subset: baud rate, address, single-tag inventory.
  if ([0x28, 0x24, 0x0f].includes(frame.command)) expect(command).toBeUndefined();
  else if (frame.command !== 0x36) expect(hexOf(encodeCommand(frame.address, command!))).toBe(hex);
  if (expected.powerDbm !== undefined)
    expect(command).toMatchObject({ powerDbm: expected.powerDbm });
  if (expected.scanTime100ms !== undefined) {
    expect(command).toMatchObject({ scanTimeMs: 100 * expected.scanTime100ms });
  }
}
