// An edge's buffer held against the ledger: whether everything that the edge accepted is in the ledger or still waits in
// the buffer. As every digest covers all events before it, one that both know proves all of them.

import sqlite3 from "sqlite3";
import { z } from "zod";
import { errorMessageOf, GatewayError } from "../contract/errors.ts";
import { digestSchema, randomIdSchema } from "../contract/units.ts";
import type { OutboxStanding } from "./ledger/types.ts";

const countSchema = z.int().min(0);
/** What is read of the buffer's record (edge/buffer/schema.ts). */
const recordSchema = z.object({
  outboxId: randomIdSchema,
  lastSequence: countSchema,
  lastDigest: digestSchema,
  acknowledgedSequence: countSchema,
  baseSequence: countSchema,
  baseDigest: digestSchema,
  setAsideCount: countSchema,
  predecessors: z
    .array(
      z.object({
        outboxId: randomIdSchema,
        leftThroughSequence: countSchema,
        lostCount: countSchema,
      }),
    )
    .default([]),
});

/** A buffer as it is read. */
export interface EdgeBuffer extends z.infer<typeof recordSchema> {
  /** Digest after a sequence that the buffer still holds, or its ends. */
  digestAt(sequence: number): Promise<string | undefined>;
  close(): Promise<void>;
}

/** What a buffer came to. */
export interface BufferReport {
  readonly ok: boolean;
  readonly outboxId: string;
  /** Events that the edge has accepted in this outbox. */
  readonly acceptedCount: number;
  /** Of them, those that the ledger has; the rest waits. */
  readonly postedCount: number;
  readonly waitingCount: number;
  /** Events that cannot be posted any more, of this outbox and those before it; the edge has said so to the ledger. */
  readonly declaredCount: number;
  readonly problems: readonly string[];
}

/** Opens a buffer file to read, also while its edge runs. CONFIG_UNREADABLE where there is none. */
export async function openEdgeBuffer(file: string): Promise<EdgeBuffer> {
  const unreadable = (cause: unknown) => {
    const message = `${file} is no buffer of an edge: ${errorMessageOf(cause)}`;
    return new GatewayError("CONFIG_UNREADABLE", message, { cause });
  };
  const database = await new Promise<sqlite3.Database>((resolve, reject) => {
    const opened = new sqlite3.Database(file, sqlite3.OPEN_READONLY, (error) =>
      error === null ? resolve(opened) : reject(unreadable(error)),
    );
  });
  const get = <Row>(sql: string, ...values: number[]) =>
    new Promise<Row | undefined>((resolve, reject) => {
      database.get<Row>(sql, values, (error, row) =>
        error === null ? resolve(row) : reject(unreadable(error)),
      );
    });
  const close = () => new Promise<void>((resolve) => database.close(() => resolve()));
  try {
    const row = await get<{ record: string }>("SELECT record FROM outbox WHERE id = 1");
    const record = recordSchema.parse(JSON.parse(row?.record ?? "null"));
    const digestAt = async (sequence: number) => {
      if (sequence === record.baseSequence) return record.baseDigest;
      if (sequence === record.lastSequence) return record.lastDigest;
      const sql = "SELECT digest FROM event WHERE sequence = ?";
      return (await get<{ digest: string }>(sql, sequence))?.digest;
    };
    return { ...record, digestAt, close };
  } catch (error) {
    await close();
    throw error instanceof GatewayError ? error : unreadable(error);
  }
}

/** Holds a buffer against what the ledger has of its outbox. */
export async function compareBuffer(
  buffer: EdgeBuffer,
  standings: readonly OutboxStanding[],
): Promise<BufferReport> {
  const { outboxId, lastSequence, acknowledgedSequence, baseSequence, setAsideCount } = buffer;
  const standing = standings.find((one) => one.outboxId === outboxId);
  const through = standing?.throughSequence ?? 0;
  const problems = predecessorProblems(buffer, standings);
  if (standing?.frozen)
    problems.push("the ledger has frozen this outbox: its history is another one");
  if (through < acknowledgedSequence) {
    problems.push(
      `the edge was told that the ledger has events through ${acknowledgedSequence}, it has them through ${through}`,
    );
  }
  if (through < baseSequence) {
    problems.push(
      `events ${through + 1} to ${baseSequence} are neither in the ledger nor in the buffer: the edge will declare them as a gap`,
    );
  }
  if (through > lastSequence) {
    problems.push(
      `the ledger has events through ${through}, the buffer gave out ${lastSequence}: it was set back`,
    );
  } else if (standing !== undefined && through >= baseSequence && through > 0) {
    const digest = await buffer.digestAt(through);
    if (digest !== standing.throughDigest) {
      problems.push(`event ${through} or one before it differs between buffer and ledger`);
    }
  }
  return {
    ok: problems.length === 0,
    outboxId,
    acceptedCount: lastSequence,
    postedCount: Math.min(through, lastSequence),
    waitingCount: Math.max(0, lastSequence - through),
    declaredCount: buffer.predecessors.reduce((sum, one) => sum + one.lostCount, setAsideCount),
    problems,
  };
}

/** What an outbox left behind for the next one because the ledger has it, must be there. */
function predecessorProblems(
  { predecessors }: EdgeBuffer,
  standings: readonly OutboxStanding[],
): string[] {
  return predecessors.flatMap(({ outboxId, leftThroughSequence }) => {
    const standing = standings.find((one) => one.outboxId === outboxId);
    const through = standing?.throughSequence ?? 0;
    if (through >= leftThroughSequence) return [];
    const range = `events ${through + 1} to ${leftThroughSequence}`;
    return [`${range} of the outbox before, ${outboxId}, are neither in the ledger nor here`];
  });
}

/** The report for people. */
export function bufferText(file: string, report: BufferReport): string {
  const { ok, acceptedCount, postedCount, waitingCount, declaredCount, problems } = report;
  const declared = declaredCount === 0 ? "" : `, ${declaredCount} declared as lost or unreadable`;
  const size = `${acceptedCount} accepted, ${postedCount} in the ledger, ${waitingCount} waiting${declared}`;
  if (ok) return `${file}: nothing is lost in silence: ${size}`;
  return [`${file}: WRONG: ${size}`, ...problems.map((problem) => `  ${problem}`)].join("\n");
}
