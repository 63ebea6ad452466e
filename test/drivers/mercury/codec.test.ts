import fc from "fast-check";
import { describe, expect, test } from "vitest";
import {
  type Answer,
  type Command,
  decodeAnswer,
  decodeCommand,
  encodeAnswer,
  encodeCommand,
} from "../../../drivers/mercury/codec.ts";
import {
  AnswerDecoder,
  type AnswerFrame,
  CommandDecoder,
  checkOf,
  encodeAnswerFrame,
  LineDecoder,
} from "../../../drivers/mercury/frame.ts";
import { statusText } from "../../../drivers/mercury/tables.ts";
import { bytesOf, everyFeeding, expectFoundInNoise, feed, hexOf, noisyPieces } from "../feeding.ts";
import { hasVectors, type ProtocolVector, vectorsOf } from "../vectors.ts";

/** Closed by hand: the check is computed apart, by long division in the test. */
function withCheck(body: string): Uint8Array {
  const bytes = bytesOf(body);
  let crc = 0xffff;
  for (const nibble of hexOf(bytes.subarray(1))) {
    for (const bit of Number.parseInt(nibble, 16).toString(2).padStart(4, "0")) {
      crc = (crc << 1) | Number(bit);
      if (crc > 0xffff) crc = (crc & 0xffff) ^ 0x1021;
    }
  }
  return Uint8Array.of(...bytes, crc >> 8, crc & 0xff);
}

const answerOf = (bytes: Uint8Array): Answer | undefined => {
  const [frame] = feed(new AnswerDecoder(), [bytes]).frames;
  return frame && decodeAnswer(frame);
};

// Written by hand after the layout: option, search flags, metadata flags, one tag, then its record.
const record = "02 b5 33 0d3a94 00000421 005a 05 0000 00 0080 3000 3034257bf7194e4000001a85 beef";
const streamed = `ff 28 22 0000 10 001b 01ff 01 ${record}`;
const buffered = `ff 26 29 0000 01ff 00 01 ${record}`;
const tag = {
  epc: "3034257BF7194E4000001A85",
  readCount: 2,
  rssiDbm: -75,
  antenna: 3,
  frequencyKhz: 866_964,
  searchMs: 1057,
  phaseDeg: 90,
};

describe("frames of our own", () => {
  test("the check is long division with the bits shifted in at the low end", () => {
    const bytes = withCheck(streamed);
    expect(checkOf(bytes.subarray(1, -2))).toBe((bytes.at(-2)! << 8) | bytes.at(-1)!);
  });

  test("a tag of the stream, and the same one from the buffer", () => {
    expect(answerOf(withCheck(streamed))).toEqual({ type: "tags", opcode: 0x22, tags: [tag] });
    expect(answerOf(withCheck(buffered))).toEqual({ type: "tags", opcode: 0x29, tags: [tag] });
  });

  test("records with less metadata, and two in a frame", () => {
    const record = "11 0080 3000 3034257bf7194e4000001a85 beef";
    // Four bytes, then 1 + 2 + 16 each: antennas, the EPC's length, PC, EPC and CRC.
    const answer = answerOf(withCheck(`ff 2a 29 0000 0004 00 02 ${record} ${record}`));
    const short = { epc: tag.epc, antenna: 1, readCount: 1 };
    expect(answer).toMatchObject({ tags: [short, short] });
  });

  test.each([
    ["its length runs beyond the end", streamed.replace("0080", "0180")],
    ["it has no EPC", streamed.replace("0080", "0010")],
    ["two are promised and one is there", streamed.replace("01ff 01", "01ff 02")],
  ])("a record is no tag where %s", (_, hex) => {
    expect(answerOf(withCheck(hex))).toBeUndefined();
  });

  test("the count of a search, in one byte or in four", () => {
    expect(answerOf(withCheck("ff 04 22 0000 00 0003 07"))).toEqual({ type: "read", tagCount: 7 });
    expect(answerOf(withCheck("ff 07 22 0000 00 0003 00000107"))).toEqual({
      type: "read",
      tagCount: 263,
    });
  });

  test("a tag of Silion's stream: no phase, and its EPC counted in bytes", () => {
    const record = "02 b5 33 0d3a94 00000421 05 10 3000 3034257bf7194e4000001a85 beef";
    const hex = `ff 1e aa 0000 005f ${record}`;
    const tags = [{ ...tag, phaseDeg: undefined }];
    const answer = { type: "tags", opcode: 0xaa, tags } as const;
    expect(answerOf(withCheck(hex))).toEqual(answer);
    expect(answerOf(encodeAnswer(answer))).toEqual(answer);
    expect(answerOf(withCheck(hex.replace("05 10", "05 11")))).toBeUndefined();
    // From the buffer it is counted in the same way.
    expect(answerOf(withCheck(`ff 20 29 0000 005f 00 01 ${record}`))).toMatchObject({ tags });
  });

  test("Silion's stream begins, beats and ends", () => {
    const word = "4d6f64756c6574656368";
    const start = withCheck(`ff 13 aa ${word} aa48 005f 00 8000 d1 bb`);
    expect(hexOf(encodeCommand({ type: "start_silion" }))).toBe(hexOf(start));
    expect(hexOf(encodeCommand({ type: "stop_silion" }))).toBe(
      "ff0eaa4d6f64756c6574656368aa49f3bb0391",
    );
    const started = withCheck(`ff 0e aa 0000 ${word} aa48 f2 bb`);
    expect(answerOf(started)).toEqual({ type: "started", opcode: 0xaa });
    const stopped = withCheck(`ff 0e aa 0000 ${word} aa49 f3 bb`);
    expect(answerOf(stopped)).toEqual({ type: "stopped", opcode: 0xaa });
    expect(answerOf(withCheck("ff 07 aa 0000 5854534a 8000 00"))).toEqual({ type: "heartbeat" });
  });

  test("which antennas are plugged in", () => {
    expect(answerOf(withCheck("ff 05 61 0000 05 01 01 02 00"))).toEqual({
      type: "antennas",
      connected: [1],
    });
  });

  test("statuses in words", () => {
    expect(answerOf(withCheck("ff 00 22 0504"))).toMatchObject({ status: 0x0504 });
    expect(statusText(0x0504)).toBe("too hot, it rests (0x0504)");
    expect(statusText(0x0999)).toBe("error (0x0999)");
  });

  test("the start of a stream, as the API's own tool sends it", () => {
    const hex = "ff 10 2f 0000 01 22 0000 05 07 22 10 001b 03e8 01ff";
    expect(hexOf(encodeCommand({ type: "start" }))).toBe(hexOf(withCheck(hex)));
    expect(hexOf(encodeCommand({ type: "stop" }))).toBe(hexOf(withCheck("ff 03 2f 0000 02")));
    const antennas = encodeCommand({ type: "set_antennas", antennas: [1, 4] });
    expect(hexOf(antennas)).toBe(hexOf(withCheck("ff 05 91 02 0101 0404")));
  });
});

describe("what is written is read", () => {
  const commands: Command[] = [
    ...(["get_version", "boot", "get_program", "get_region", "get_antennas", "start"] as const),
    ...(["stop", "get_tags", "clear_tags", "disable_read_filter", "set_protocol"] as const),
  ].map((type) => ({ type }));
  commands.push(
    { type: "set_region", region: 8 },
    { type: "set_power", powerDbm: 27.5 },
    { type: "set_session", session: 2 },
    { type: "set_antennas", antennas: [1, 3] },
    { type: "read", durationMs: 500 },
  );
  test.each(commands)("$type", (command) => {
    const [frame] = feed(new CommandDecoder(), [encodeCommand(command)]).frames;
    expect(frame && decodeCommand(frame)).toEqual(command);
  });

  const answers: Answer[] = [
    {
      type: "version",
      bootLoader: "01020304",
      hardware: "05060708",
      firmwareDate: "20240913",
      firmware: "0A0B0C0D",
    },
    { type: "program", isBootLoader: true },
    { type: "program", isBootLoader: false },
    { type: "region", region: 2 },
    { type: "antennas", connected: [1, 4] },
    { type: "read", tagCount: 9 },
    { type: "tags", opcode: 0x22, tags: [tag] },
    { type: "tags", opcode: 0x29, tags: [tag, { ...tag, antenna: 16 }] },
    { type: "started" },
    { type: "stopped" },
    { type: "result", opcode: 0x92, status: 0x0103 },
  ];
  test.each(answers)("$type", (answer) => {
    expect(answerOf(encodeAnswer(answer))).toEqual(answer);
  });
});

describe("a stream", () => {
  const wire = withCheck(streamed);

  test("byte by byte and in every two pieces", () => {
    const three = Buffer.concat([wire, withCheck("ff 00 22 0400"), withCheck(buffered)]);
    for (const pieces of everyFeeding(three)) {
      const { frames, discardedByteCount } = feed(new AnswerDecoder(), pieces);
      expect(frames.map(({ opcode }) => opcode)).toEqual([0x22, 0x22, 0x29]);
      expect(discardedByteCount).toBe(0);
    }
  });

  test("a frame between noise is found, each byte accounted for", () => {
    expectFoundInNoise(() => new AnswerDecoder(), encodeAnswerFrame, wire);
  });

  test("mutated frames and noise are never thrown at", () => {
    const property = fc.property(noisyPieces(wire), (pieces) => {
      for (const frame of feed(new AnswerDecoder(), pieces).frames) decodeAnswer(frame);
      feed(new LineDecoder(), pieces);
    });
    fc.assert(property);
  });

  test("both directions on one line", () => {
    const line = [encodeCommand({ type: "get_program" }), withCheck("ff 01 0c 0000 12")];
    const { frames } = feed(new LineDecoder(), line);
    expect(frames).toMatchObject([{ opcode: 0x0c }, { opcode: 0x0c, status: 0 }]);
    expect(frames[0]).not.toHaveProperty("status");
  });

  test("any frame is read or refused, never thrown at", () => {
    const frame = fc.record({
      opcode: fc.constantFrom(0x03, 0x0c, 0x22, 0x29, 0x2f, 0x61, 0x67),
      status: fc.constantFrom(0, 0, 0, 0x400),
      data: fc.uint8Array({ maxLength: 60 }),
    });
    fc.assert(fc.property(frame, (each: AnswerFrame) => void decodeAnswer(each)));
    fc.assert(fc.property(frame, (each) => void decodeCommand(each)));
  });
});

describe.skipIf(!hasVectors)("shared vectors (skipped where the folder is absent)", () => {
  test.each(vectorsOf("uhf-thingmagic-mercury.json"))("$name $hex", (vector: ProtocolVector) => {
    const { expected, hex } = vector;
    const isCommand = vector.direction === "host->reader";
    const decoder = isCommand ? new CommandDecoder() : new AnswerDecoder();
    const { frames, discardedByteCount } = feed<{ opcode: number; data: Uint8Array }>(decoder, [
      bytesOf(hex),
    ]);
    expect(discardedByteCount).toBe(0);
    expect(frames).toHaveLength(1);
    const [frame] = frames;
    expect(frame!.opcode).toBe(Number(expected.opcode));
    if (expected.dataHex !== undefined)
      expect(hexOf(frame!.data)).toBe(hexOf(bytesOf(expected.dataHex)));
    if (expected.length !== undefined) expect(frame!.data.length).toBe(expected.length);
    if (isCommand) {
      // What we send ourselves is sent as they do; the rest is of other tools.
      const command = decodeCommand(frame!);
      if (command !== undefined) expect(hexOf(encodeCommand(command))).toBe(hexOf(bytesOf(hex)));
      return;
    }
    const answer = frame as AnswerFrame;
    if (expected.status !== undefined) expect(answer.status).toBe(Number(expected.status));
    const said = decodeAnswer(answer);
    if (expected.bootloader !== undefined) {
      const { bootloader: bootLoader, hardware, firmwareDate, firmware } = expected;
      expect(said).toEqual({ type: "version", bootLoader, hardware, firmwareDate, firmware });
    }
    if (expected.antennaTx !== undefined) {
      expect(said).toMatchObject({
        type: "tags",
        tags: [
          {
            epc: expected.epc,
            rssiDbm: expected.rssiDbm,
            antenna: expected.antennaTx,
            frequencyKhz: expected.frequencyKHz,
            searchMs: expected.timestampMs,
            phaseDeg: expected.phase,
          },
        ],
      });
    }
  });
});
