// How many LLRP reads a second become readings, beside the package llrpjs on the same report frames and beside a
// bare walk over the same bytes, in turns in one run.

import { strict as assert } from "node:assert";
import { createRequire } from "node:module";
import { encodeMessage, MessageDecoder } from "../../drivers/llrp/frame.ts";
import { encodeTagRead, readReport } from "../../drivers/llrp/report.ts";
import { messageTypes } from "../../drivers/llrp/tables.ts";
import { tagReading } from "../../drivers/llrp/tag-readings.ts";

const messageCount = 2_000;
const readsPerMessage = 10;
const chunkSizeBytes = 16 * 1024;
const roundCount = 5;
const ratioMin = 10;

/** Each figure is that of the best round, the least disturbed. */
export async function benchLlrp(): Promise<object> {
  const messages = Array.from({ length: messageCount }, (_, index) => makeReport(index));
  const stream = Buffer.concat(messages);
  const ours: number[] = [];
  const theirs: number[] = [];
  const walks: number[] = [];
  for (let round = 0; round < roundCount; round += 1) {
    ours.push(rateOf(() => ourReads(stream)));
    theirs.push(rateOf(() => theirReads(messages)));
    walks.push(rateOf(() => bareWalk(stream)));
  }
  assert.equal(ourReads(messages[7]!).join(), theirReads([messages[7]!]).join());
  const readsPerSecond = Math.max(...ours);
  const llrpjsReadsPerSecond = Math.max(...theirs);
  const bareWalkReadsPerSecond = Math.max(...walks);
  const ratio = Number((readsPerSecond / llrpjsReadsPerSecond).toFixed(1));
  const bareWalkRatio = Number((readsPerSecond / bareWalkReadsPerSecond).toFixed(3));
  return {
    readCount: messageCount * readsPerMessage,
    readsPerSecond,
    llrpjsReadsPerSecond,
    ratio,
    ratioMin,
    bareWalkReadsPerSecond,
    bareWalkRatio,
  };
}

function makeReport(index: number): Buffer {
  const reads = Array.from({ length: readsPerMessage }, (_, at) => {
    const number = index * readsPerMessage + at;
    const seenUs = 1_763_888_000_000_000 + number * 1000;
    return encodeTagRead({
      epc: `3034257BF7194E40${number.toString(16).toUpperCase().padStart(8, "0")}`,
      antenna: 1 + (number % 4),
      rssiDbm: -40 - (number % 30),
      channelIndex: 1 + (number % 4),
      firstSeenUtcUs: seenUs,
      lastSeenUtcUs: seenUs,
      count: 1,
    });
  });
  const content = Buffer.concat(reads);
  const type = messageTypes.RO_ACCESS_REPORT;
  return Buffer.from(encodeMessage({ version: 1, type, id: index, content }));
}

/** From bytes in pieces to readings, as the driver does it. */
function ourReads(stream: Uint8Array): string[] {
  const decoder = new MessageDecoder();
  const channelsMhz = [865.7, 866.3, 866.9, 867.5];
  const context = { deviceId: "p-1", receivedAtMs: 1, channelsMhz, bootAtMs: undefined };
  const found: string[] = [];
  for (let at = 0; at < stream.length; at += chunkSizeBytes) {
    for (const item of decoder.push(stream.subarray(at, at + chunkSizeBytes))) {
      if (item.kind !== "frame") continue;
      for (const read of readReport(item.frame.content) ?? []) {
        const reading = tagReading(read, context);
        if (reading !== undefined)
          found.push(`${reading.epc} ${reading.antenna} ${reading.rssiDbm}`);
      }
    }
  }
  return found;
}

/** What its own client does with a message. It is CommonJS, and its types do not fit its module. */
interface PeerTag {
  getEPCParameter(): { getEPC(): string };
  getAntennaID(): { getAntennaID(): number };
  getPeakRSSI(): { getPeakRSSI(): number };
}
const require = createRequire(import.meta.url);
const { LLRPCore } = require("llrpjs") as {
  LLRPCore: {
    RO_ACCESS_REPORT: new (message: unknown) => { getTagReportData(): PeerTag | PeerTag[] };
  };
};
const { LLRPProxyMessage } = require("llrpjs/dist/src/proxy/message.js") as {
  LLRPProxyMessage: new (bytes: Buffer) => { decode(): { readonly origin: unknown } };
};

function theirReads(messages: readonly Buffer[]): string[] {
  return messages.flatMap((bytes) => {
    const report = new LLRPCore.RO_ACCESS_REPORT(new LLRPProxyMessage(bytes).decode().origin);
    return [report.getTagReportData()].flat().map((tag) => {
      const [antenna, rssi] = [tag.getAntennaID().getAntennaID(), tag.getPeakRSSI().getPeakRSSI()];
      return `${tag.getEPCParameter().getEPC().toUpperCase()} ${antenna} ${rssi}`;
    });
  });
}

/** Every byte once. */
function bareWalk(stream: Uint8Array): number[] {
  let sum = 0;
  for (let at = 0; at < stream.length; at += 1) sum += stream[at]!;
  assert.ok(sum > 0);
  return new Array(messageCount * readsPerMessage);
}

function rateOf(work: () => readonly unknown[]): number {
  const begunAtMs = performance.now();
  const count = work().length;
  return Math.round((1000 * count) / (performance.now() - begunAtMs));
}
