// What may lose its power: the buffer of an edge, and a ledger. How each is run, and what is wrong with what is left of it.

import { fileURLToPath } from "node:url";
import { SqliteLedger } from "../../cloud-bridge/ledger/sqlite-ledger.ts";
import type { Incoming } from "../../cloud-bridge/ledger/types.ts";
import { coffee, FakeEdge, moved, place, startAtMs } from "../cloud-bridge/ledger/fake-edge.ts";
import { reopenBuffer } from "./reopen-buffer.ts";

/** A program that writes a file and tells what is safe in it, and how to look at the file afterwards. */
export interface PowerSubject {
  readonly child: string;
  readonly file: string;
  /** What is wrong; undefined where all that was accepted is there. */
  problemOf(file: string, acceptedSequence: number): Promise<string | undefined>;
}

const childOf = (name: string) => fileURLToPath(new URL(name, import.meta.url));

export const bufferSubject: PowerSubject = {
  child: childOf("power-child.ts"),
  file: "outbox.db",
  problemOf: async (file, acceptedSequence) => {
    const found = await reopenBuffer(file);
    if (acceptedSequence === 0) return undefined;
    if (found.startedAs === "corrupt") return "the buffer was set aside";
    if (found.isSetBack) return "the buffer says that it was set back";
    if (found.serials.length < acceptedSequence) {
      return `${acceptedSequence} were accepted, ${found.serials.length} are there`;
    }
    const wrong = found.serials.findIndex((serial, index) => index > 0 && serial !== `S${index}`);
    return wrong < 0 ? undefined : `event ${wrong + 1} is ${found.serials[wrong]}`;
  },
};

/** Events in a batch of the ledger's program. */
const batchEventCount = 3;

/** Has all the events that were asked for yet: their chain is made once. */
const receipts = new FakeEdge();

/** The batch of a turn, the same whoever makes it. */
export function receiptsBatch(turn: number): Incoming {
  const to = place("s0042/stockroom");
  const lastSequence = turn * batchEventCount;
  while (receipts.lastSequence < lastSequence) {
    receipts.append(moved("receiving", coffee, { to }));
  }
  return receipts.clone().batch(lastSequence - batchEventCount + 1, lastSequence);
}

export const ledgerSubject: PowerSubject = {
  child: childOf("power-ledger-child.ts"),
  file: "ledger.db",
  problemOf: async (file, acceptedSequence) => {
    const ledger = await SqliteLedger.open({ path: file, nowMs: startAtMs, synchronous: "OFF" });
    try {
      const [position] = await ledger.positions();
      const through = position?.throughSequence ?? 0;
      if (through < acceptedSequence)
        return `${acceptedSequence} were answered, ${through} is there`;
      const { ok, entryCount, problems, setBacks } = await ledger.verify();
      if (!ok) return JSON.stringify(problems);
      const [setBack] = setBacks;
      if (setBack !== undefined) return `it says that it went back: ${JSON.stringify(setBack)}`;
      if (entryCount !== through) return `${through} events, ${entryCount} entries`;
      // It goes on where it is.
      const next = receiptsBatch(through / batchEventCount + 1);
      const [committed] = await ledger.post([next], startAtMs);
      const after = committed!.answer.throughSequence;
      return after === through + batchEventCount ? undefined : `went on to ${after}`;
    } finally {
      await ledger.close();
    }
  },
};

/** By their names. */
export const powerSubjects = { buffer: bufferSubject, ledger: ledgerSubject } as const;
