// How the frames of each kind of device are found and read, for `gondola-edge decode frame`.

import type { Frame } from "../../drivers/chafon/frame.ts";
import type { Message } from "../../drivers/llrp/frame.ts";
import type { AnswerFrame, CommandFrame } from "../../drivers/mercury/frame.ts";
import type { EventResult } from "../../drivers/reader-event.ts";
import type { StreamDecoder } from "../../drivers/stream-decoder.ts";

/** Finds and reads frames. */
export interface FrameReader {
  readonly decoder: StreamDecoder<unknown>;
  /** What a frame says, from the device and to it. */
  read(frame: unknown): object;
  /** What ends a message, where the device's bytes are text that can be typed. */
  readonly textEnd?: string;
}

/** By kind of device. Nothing is loaded before it is asked for. */
export const frameReaders: Readonly<Record<string, () => Promise<FrameReader>>> = {
  "ascii-scale": async () => {
    const { PrintedLineDecoder } = await import("../../drivers/ascii-scale/line-decoder.ts");
    return lines(new PrintedLineDecoder());
  },
  chafon: async () => {
    const codec = await import("../../drivers/chafon/codec.ts");
    const { FrameDecoder } = await import("../../drivers/chafon/frame.ts");
    const answerOf = (frame: Frame) =>
      codec.decodeAnswer(frame, "reader288") ?? codec.decodeAnswer(frame, "reader18");
    return frameReader(new FrameDecoder(), answerOf, codec.decodeCommand);
  },
  "gpio-input": gpioReader,
  "gpio-output": gpioReader,
  "hid-scale": async () => {
    const { createScaleDecoder, weigh } = await import("../../drivers/hid-scale/codec.ts");
    const decoder = createScaleDecoder();
    return { decoder, read: (report) => ({ says: weigh(report as Parameters<typeof weigh>[0]) }) };
  },
  "hid-scanner": async () => {
    const { createScanReportDecoder } = await import("../../drivers/hid-scanner/codec.ts");
    return asItIs(createScanReportDecoder());
  },
  "impinj-iot": async () =>
    eventReader((await import("../../drivers/impinj-iot/codec.ts")).readEvent),
  llrp: async () => {
    const { describeMessage } = await import("../../drivers/llrp/describe.ts");
    const { MessageDecoder } = await import("../../drivers/llrp/frame.ts");
    const { readReport } = await import("../../drivers/llrp/report.ts");
    const { messageTypes } = await import("../../drivers/llrp/tables.ts");
    return {
      decoder: new MessageDecoder(),
      read: (frame) => {
        const message = frame as Message;
        const described = describeMessage(message);
        if (described === undefined) {
          return { ok: false, reason: "a parameter's length runs past its end" };
        }
        if (message.type !== messageTypes.RO_ACCESS_REPORT) return described;
        return { ...described, reads: readReport(message.content) };
      },
    };
  },
  "load-cell-board": async () => {
    const { BoardLineDecoder } = await import("../../drivers/load-cell-board/line-decoder.ts");
    return lines(new BoardLineDecoder("optional"));
  },
  m100: async () => {
    const codec = await import("../../drivers/m100/codec.ts");
    const { FrameDecoder } = await import("../../drivers/m100/frame.ts");
    return frameReader(new FrameDecoder(), codec.decodeAnswer, codec.decodeCommand);
  },
  mercury: async () => {
    const codec = await import("../../drivers/mercury/codec.ts");
    const { LineDecoder } = await import("../../drivers/mercury/frame.ts");
    return {
      decoder: new LineDecoder(),
      read: (frame) => {
        const read = frame as CommandFrame | AnswerFrame;
        if ("status" in read) return { says: codec.decodeAnswer(read) };
        return { asks: codec.decodeCommand(read) };
      },
    };
  },
  "modbus-scale": async () => {
    const { EnvelopeDecoder } = await import("../../drivers/envelope-decoder.ts");
    const { answerEnvelope } = await import("../../drivers/modbus-scale/frame.ts");
    return asItIs(new EnvelopeDecoder(answerEnvelope(() => undefined)));
  },
  "mt-sics": async () => {
    const { ScaleLineDecoder } = await import("../../drivers/mt-sics/line-decoder.ts");
    return lines(new ScaleLineDecoder());
  },
  r2000: async () => {
    const codec = await import("../../drivers/r2000/codec.ts");
    const { FrameDecoder } = await import("../../drivers/r2000/frame.ts");
    return frameReader(new FrameDecoder(), codec.decodeAnswer, codec.decodeCommand);
  },
  "serial-scanner": async () => {
    const { ScanDecoder } = await import("../../drivers/serial-scanner/codec.ts");
    const { serialScannerOptionsSchema } = await import("../../drivers/serial-scanner/options.ts");
    return asItIs(new ScanDecoder(serialScannerOptionsSchema.parse({ prefix: "aim" })));
  },
  "ssi-scanner": async () => {
    const { PacketDecoder } = await import("../../drivers/ssi-scanner/codec.ts");
    return asItIs(new PacketDecoder("decoder"));
  },
  toledo: async () => {
    const { EnvelopeDecoder } = await import("../../drivers/envelope-decoder.ts");
    const { answerEnvelope } = await import("../../drivers/toledo/codec.ts");
    return asItIs(new EnvelopeDecoder(answerEnvelope));
  },
  "zebra-iot": async () =>
    eventReader((await import("../../drivers/zebra-iot/codec.ts")).readEvent),
};

async function eventReader(readEvent: (value: unknown) => EventResult): Promise<FrameReader> {
  const { JsonDecoder } = await import("../../drivers/json-decoder.ts");
  return {
    decoder: new JsonDecoder(),
    read: (frame) => {
      const result = readEvent(frame);
      return result.ok ? { says: result.events } : result;
    },
    textEnd: "",
  };
}

async function gpioReader(): Promise<FrameReader> {
  const { createChipRecordDecoder } = await import("../../drivers/transport/gpio-record.ts");
  return asItIs(createChipRecordDecoder());
}

/** Of frames that say what they mean. */
function asItIs(decoder: StreamDecoder<unknown>): FrameReader {
  return { decoder, read: (frame) => ({ says: plain(frame) }) };
}

function lines(decoder: StreamDecoder<unknown>): FrameReader {
  return { ...asItIs(decoder), textEnd: "\r\n" };
}

/** Kinds whose frames can be decoded. */
export const frameKinds: readonly string[] = Object.keys(frameReaders);

function frameReader<Frame>(
  decoder: StreamDecoder<Frame>,
  answerOf: (frame: Frame) => object | undefined,
  commandOf: (frame: Frame) => object | undefined,
): FrameReader {
  return {
    decoder,
    read: (frame) => {
      const [answer, asks] = [answerOf(frame as Frame), commandOf(frame as Frame)];
      return { ...(answer && { says: answer }), ...(asks && { asks }) };
    },
  };
}

/** Bytes as hex, as everything is printed as JSON. */
export function plain(value: unknown): unknown {
  if (value instanceof Uint8Array) return Buffer.from(value).toString("hex");
  if (value === null || typeof value !== "object") return value;
  return Object.fromEntries(Object.entries(value).map(([key, each]) => [key, plain(each)]));
}
