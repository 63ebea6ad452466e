import { expect, test } from "vitest";
import { parsePcWord, pcWordOf } from "../../../contract/gs1/epc-pc-word.ts";

test.each([
  [0x3000, { epcWordCount: 6, hasUserMemory: false, hasExtension: false }],
  [0x3400, { epcWordCount: 6, hasUserMemory: true, hasExtension: false }],
  [0x6a01, { epcWordCount: 13, hasUserMemory: false, hasExtension: true }],
  // An ISO 17367 tag: toggle bit, then its application family.
  [0x31a2, { epcWordCount: 6, hasUserMemory: false, hasExtension: false, afi: 0xa2 }],
])("PC word %i", (word, expected) => {
  expect(parsePcWord(word)).toEqual(expected);
});

test("the length of an EPC is the length in its PC word", () => {
  for (let count = 0; count < 32; count += 1) {
    expect(parsePcWord(pcWordOf(count))).toMatchObject({ epcWordCount: count });
  }
});
