// Every decoder of bytes from a device, as its driver makes it, with a few valid inputs to mutate.

import { PrintedLineDecoder } from "../../drivers/ascii-scale/line-decoder.ts";
import { decodeAnswer as chafonAnswer } from "../../drivers/chafon/codec.ts";
import {
  FrameDecoder as ChafonDecoder,
  type Frame as ChafonFrame,
} from "../../drivers/chafon/frame.ts";
import { EnvelopeDecoder } from "../../drivers/envelope-decoder.ts";
import { createScaleDecoder } from "../../drivers/hid-scale/codec.ts";
import { createScanReportDecoder } from "../../drivers/hid-scanner/codec.ts";
import { readEvent as readImpinjEvent } from "../../drivers/impinj-iot/codec.ts";
import { JsonDecoder } from "../../drivers/json-decoder.ts";
import { WedgeDecoder } from "../../drivers/keyboard-wedge/codec.ts";
import { keyboardWedgeOptionsSchema } from "../../drivers/keyboard-wedge/options.ts";
import { readCapabilities } from "../../drivers/llrp/capabilities.ts";
import { describeMessage } from "../../drivers/llrp/describe.ts";
import { readNotification } from "../../drivers/llrp/events.ts";
import { type Message, MessageDecoder } from "../../drivers/llrp/frame.ts";
import { readReport } from "../../drivers/llrp/report.ts";
import { readStatus } from "../../drivers/llrp/status.ts";
import { BoardLineDecoder } from "../../drivers/load-cell-board/line-decoder.ts";
import { decodeAnswer as m100Answer } from "../../drivers/m100/codec.ts";
import { FrameDecoder as M100Decoder, type Frame as M100Frame } from "../../drivers/m100/frame.ts";
import { decodeAnswer as mercuryAnswer } from "../../drivers/mercury/codec.ts";
import {
  AnswerDecoder as MercuryDecoder,
  type AnswerFrame as MercuryFrame,
} from "../../drivers/mercury/frame.ts";
import { answerEnvelope as modbusEnvelope } from "../../drivers/modbus-scale/frame.ts";
import { ScaleLineDecoder } from "../../drivers/mt-sics/line-decoder.ts";
import { decodeAnswer as r2000Answer } from "../../drivers/r2000/codec.ts";
import {
  FrameDecoder as R2000Decoder,
  type Frame as R2000Frame,
} from "../../drivers/r2000/frame.ts";
import { ScanDecoder } from "../../drivers/serial-scanner/codec.ts";
import { serialScannerOptionsSchema } from "../../drivers/serial-scanner/options.ts";
import { PacketDecoder } from "../../drivers/ssi-scanner/codec.ts";
import type { StreamDecoder } from "../../drivers/stream-decoder.ts";
import { answerEnvelope } from "../../drivers/toledo/codec.ts";
import { continuousEnvelope } from "../../drivers/toledo/continuous-codec.ts";
import {
  createChipRecordDecoder,
  createHostRecordDecoder,
} from "../../drivers/transport/gpio-record.ts";
import { readEvent as readZebraEvent } from "../../drivers/zebra-iot/codec.ts";

/** One decoder under fire. */
export interface Target {
  create(): StreamDecoder<unknown>;
  /** Reads a frame as the driver does. */
  read?(frame: unknown): void;
  readonly samples: readonly Uint8Array[];
  /** More than any serial device needs, where messages are long. */
  readonly pendingByteCountLimit?: number;
}

const hex = (text: string) => Uint8Array.from(Buffer.from(text, "hex"));
const text = (line: string) => Uint8Array.from(Buffer.from(line, "latin1"));

/** By kind of device; a second protocol of a kind has a name after it. */
export const targets: Readonly<Record<string, Target>> = {
  "ascii-scale": {
    create: () => new PrintedLineDecoder(),
    samples: [text("ST,GS,+  1.234kg\r\n"), text("-  1.640 kg   ?N\r\n")],
  },
  "gpio-input": {
    create: createChipRecordDecoder,
    samples: [text("chip 54 gpiochip0 pinctrl-bcm2711\n"), text("edge 17 1 1250\n")],
  },
  "gpio-output": { create: createChipRecordDecoder, samples: [text("driven 5 1\n")] },
  "gpio-output host": {
    create: createHostRecordDecoder,
    samples: [text("watch 17 pull_up\n"), text("drive 5 1\n"), text("find GPIO17\n")],
  },
  chafon: {
    create: () => new ChafonDecoder(),
    read: (frame) => {
      chafonAnswer(frame as ChafonFrame, "reader18");
      chafonAnswer(frame as ChafonFrame, "reader288");
    },
    samples: [hex("0d000103010104003230386da3d2"), hex("050001fbf23d")],
  },
  "hid-scanner": {
    create: createScanReportDecoder,
    samples: [text("\u0002\u0004]E01234".padEnd(64, "\0"))],
  },
  "hid-scale": { create: createScaleDecoder, samples: [hex("030402004104")] },
  "impinj-iot": {
    create: () => new JsonDecoder(),
    read: (frame) => void readImpinjEvent(frame),
    samples: [
      text('{"timestamp":"2025-11-23T09:20:00Z","tagInventoryEvent":{"epcHex":"3034"}}\r\n'),
      text('{"timestamp":"2025-11-23T09:20:00Z","gpiTransitionEvent":{"gpi":1}}\r\n'),
    ],
    pendingByteCountLimit: 256 * 1024,
  },
  "keyboard-wedge": {
    create: () => new WedgeDecoder(keyboardWedgeOptionsSchema.parse({})),
    samples: [hex("00001e0000000000"), hex("0000280000000000"), hex("0000000000000000")],
  },
  llrp: {
    // A length that is changed may promise megabytes, until the line is quiet.
    pendingByteCountLimit: 256 * 1024,
    create: () => new MessageDecoder(),
    read: (message) => {
      const { content } = message as Message;
      describeMessage(message as Message);
      readReport(content);
      readNotification(content);
      readCapabilities(content);
      readStatus(content);
    },
    samples: [
      hex(
        "043d0000002c4095892f00f000228d3005fb63ac1f3841ec88046781000186ce820004ec2ea8354c09880001",
      ),
      hex("043f000000200ab288c900f600160080000c0004f8535baadaff010000060000"),
      hex("043e0000000a00000000"),
    ],
  },
  "load-cell-board": {
    create: () => new BoardLineDecoder("optional"),
    samples: [text("#7 100 OVER 5.5\n"), text("GONDOLA-LC 1 cells=8 hz=10\n")],
  },
  m100: {
    create: () => new M100Decoder(),
    read: (frame) => void m100Answer(frame as M100Frame),
    samples: [hex("bb02220011c9340030751feb705c5904e3d50d703a76ef7e"), hex("bb01ff000115167e")],
  },
  mercury: {
    create: () => new MercuryDecoder(),
    read: (frame) => void mercuryAnswer(frame as MercuryFrame),
    samples: [
      hex(
        "ff2822000010001b01ff0101c4110e16400000012700000500000f00803000000000000000000000001545e94a561d",
      ),
      hex("ff010c0000126343"),
    ],
  },
  "modbus-scale": {
    create: () => new EnvelopeDecoder(modbusEnvelope(() => undefined)),
    samples: [hex("010304000004d278ae"), hex("018302c0f1")],
  },
  "mt-sics": {
    create: () => new ScaleLineDecoder(),
    samples: [text("S S     123.45 g\r\n"), text('I4 A "B02"\r\n')],
  },
  r2000: {
    create: () => new R2000Decoder(),
    read: (frame) => void r2000Answer(frame as R2000Frame),
    samples: [hex("a0130189043000e200301666130121155074ef45bf"), hex("a00501720109de")],
  },
  "serial-scanner": {
    create: () => new ScanDecoder(serialScannerOptionsSchema.parse({})),
    samples: [text("]E04006381333931\r\n"), text("]d20109506000134352\u001d21A\r")],
  },
  "ssi-scanner": {
    create: () => new PacketDecoder("decoder"),
    samples: [hex("04d00000ff2c"), hex("09f300000b31323334fe2f")],
  },
  toledo: {
    create: () => new EnvelopeDecoder(answerEnvelope),
    samples: [text("\u000201.234\r"), text("\u0002?A\r")],
  },
  "toledo continuous": {
    create: () => new EnvelopeDecoder(continuousEnvelope("required")),
    samples: [hex("022d30202020313233342020202020300d1a")],
  },
  "zebra-iot": {
    create: () => new JsonDecoder(),
    read: (frame) => void readZebraEvent(frame),
    samples: [
      text('{"type":"SIMPLE","timestamp":"2025-11-23T09:20:00.000+0000","data":{"idHex":"3034"}}'),
      text('{"type":"heartbeat","data":{"radio_control":{"antennas":{"1":"connected"}}}}'),
    ],
    pendingByteCountLimit: 256 * 1024,
  },
};
