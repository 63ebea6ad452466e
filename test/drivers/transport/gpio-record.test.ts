import fc from "fast-check";
import { describe, expect, test } from "vitest";
import {
  ageUsMax,
  type ChipRecord,
  createChipRecordDecoder,
  createHostRecordDecoder,
  encodeChipRecord,
  encodeHostRecord,
  type HostRecord,
  parseChipRecord,
  parseHostRecord,
} from "../../../drivers/transport/gpio-record.ts";
import { biases, lineOffsetMax } from "../../../drivers/transport/gpio-settings.ts";
import { everyFeeding, feed, noisyPieces } from "../feeding.ts";

// Written by hand from the definition in the README of gpio-input.
const chipLines: [string, ChipRecord][] = [
  [
    "chip 58 gpiochip0 pinctrl-bcm2711",
    { type: "chip", lineCount: 58, name: "gpiochip0", label: "pinctrl-bcm2711" },
  ],
  [
    "chip 8 gpiochip2 USB relay 8",
    { type: "chip", lineCount: 8, name: "gpiochip2", label: "USB relay 8" },
  ],
  ["chip 4 gpiochip3", { type: "chip", lineCount: 4, name: "gpiochip3", label: "" }],
  ["found 17 GPIO17", { type: "found", offset: 17, lineName: "GPIO17" }],
  ["level 0 1", { type: "level", offset: 0, level: 1 }],
  ["driven 1023 0", { type: "driven", offset: 1023, level: 0 }],
  ["edge 17 1 1250", { type: "edge", offset: 17, level: 1, ageUs: 1250 }],
];
const hostLines: [string, HostRecord][] = [
  ["chip?", { type: "identify" }],
  ["find PIN 7", { type: "find", lineName: "PIN 7" }],
  ["watch 17 pull_up", { type: "watch", offset: 17, bias: "pull_up" }],
  ["drive 5 0", { type: "drive", offset: 5, level: 0 }],
];

describe("a chip's records", () => {
  test.each(chipLines)("%s", (line, record) => {
    expect(parseChipRecord(line)).toEqual(record);
    expect(Buffer.from(encodeChipRecord(record)).toString()).toBe(`${line}\n`);
  });

  test.each([
    "",
    "edge 17 1",
    "edge 17 2 0",
    `edge 17 1 ${ageUsMax + 1}`,
    "edge 1024 1 0",
    "edge -1 1 0",
    "level 17 1 5",
    "driven 17",
    "chip many gpiochip0 label",
    "found 17 ",
    "refused 3",
  ])("discarded: %j", (line) => {
    expect(parseChipRecord(line)).toEqual({ type: "discarded", reason: "malformed" });
  });

  test("however they are cut", () => {
    const stream = Buffer.concat(chipLines.map(([, record]) => encodeChipRecord(record)));
    const frames = chipLines.map(([, record]) => record);
    for (const pieces of everyFeeding(stream)) {
      const fed = feed(createChipRecordDecoder(), pieces);
      expect(fed).toEqual({ frames, discardedByteCount: 0 });
    }
  });

  test("noise and altered records never throw", () => {
    fc.assert(
      fc.property(noisyPieces(encodeChipRecord(chipLines[6]![1])), (pieces) => {
        for (const frame of feed(createChipRecordDecoder(), pieces).frames) {
          expect(parseChipRecord(Buffer.from(encodeChipRecord(frame)).toString())).toEqual(frame);
        }
      }),
    );
  });
});

describe("a driver's records", () => {
  test.each(hostLines)("%s", (line, record) => {
    expect(parseHostRecord(line)).toEqual(record);
    expect(Buffer.from(encodeHostRecord(record)).toString()).toBe(`${line}\n`);
  });

  test.each([
    "",
    "chip",
    "watch 17",
    "watch 17 up",
    "drive 5 2",
    "drive 5 high",
    "find ",
    "watch 9999 as_is",
  ])("discarded: %j", (line) => {
    expect(parseHostRecord(line)).toEqual({ type: "discarded", reason: "malformed" });
  });

  test("any that can be said are heard as they were said", () => {
    const offset = fc.integer({ min: 0, max: lineOffsetMax });
    const level = fc.constantFrom(0 as const, 1 as const);
    const record = fc.oneof(
      fc.record({ type: fc.constant("watch" as const), offset, bias: fc.constantFrom(...biases) }),
      fc.record({ type: fc.constant("drive" as const), offset, level }),
    );
    fc.assert(
      fc.property(fc.array(record), (records) => {
        const bytes = Buffer.concat(records.map(encodeHostRecord));
        expect(feed(createHostRecordDecoder(), [bytes]).frames).toEqual(records);
      }),
    );
  });
});
