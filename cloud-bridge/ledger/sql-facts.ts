// Facts of tills and ERPs: what arrives together is one transaction, and the answer to each key is stored
// with what it answers, so that a request that comes again posts nothing.

import type { Rejection } from "../../contract/delivery.ts";
import { productKey } from "./changes.ts";
import type { LedgerDatabase, SqlConnection } from "./database.ts";
import { FactQueue } from "./fact-queue.ts";
import {
  type FactPosition,
  type FactRequest,
  factAnswerKeepMs,
  factBatch,
  feedEdgeId,
  feedOutboxId,
  isOwnSource,
} from "./facts.ts";
import { saveSenders } from "./sql-audit.ts";
import type { Committed, Incoming, Posted } from "./types.ts";

/** What the source gets to know, the same for every repetition. */
export interface FactReceipt {
  /** Names the outbox's events, `firstSequence..lastSequence`; the last is one less where there were no facts. */
  readonly edgeId: string;
  readonly outboxId: string;
  readonly firstSequence: number;
  readonly lastSequence: number;
  readonly recordedAtMs: number;
  /** Facts that the ledger could not post and keeps in quarantine. */
  readonly rejected: readonly Rejection[];
}
export type FactOutcome =
  | {
      readonly ok: true;
      readonly receipt: FactReceipt;
      readonly isRepeated: boolean;
      readonly posted?: Posted;
    }
  | { readonly ok: false; readonly code: "KEY_REUSED" | "FACTS_BUSY"; readonly message: string };

/** Posts a group through the rules for edges. */
export type PostGroup = (
  connection: SqlConnection,
  group: readonly Incoming[],
  recordedAtMs: number,
) => Promise<Committed[]>;

interface Answer {
  readonly digest: string;
  readonly receipt: FactReceipt;
}

/** The facts of a ledger. */
export class SqlFacts {
  readonly #queue: FactQueue;

  constructor(database: LedgerDatabase, post: PostGroup) {
    this.#queue = new FactQueue((requests, nowMs) =>
      database.write((connection) => takeFacts(connection, post, requests, nowMs)),
    );
  }

  /** Facts that wait for a transaction. */
  get waitingCount(): number {
    return this.#queue.waitingCount;
  }

  /** Posts facts, each key once; what became of them is known once it is committed. */
  take(request: FactRequest, nowMs: number): Promise<FactOutcome> {
    return this.#queue.take(request, nowMs);
  }
}

const requestKey = ({ storeId, sourceId, key }: FactRequest) => `${storeId}/${sourceId}/${key}`;

/** Posts facts in a transaction, each key once. */
export async function takeFacts(
  connection: SqlConnection,
  post: PostGroup,
  requests: readonly FactRequest[],
  recordedAtMs: number,
): Promise<FactOutcome[]> {
  const answers = await readAnswers(connection, requests);
  const positions = await readFeedPositions(connection, requests);
  const fresh = new Map<string, FactRequest>();
  for (const request of requests) {
    const key = requestKey(request);
    if (!answers.has(key) && !fresh.has(key)) fresh.set(key, request);
  }
  const group: Incoming[] = [];
  for (const request of fresh.values()) {
    const feed = productKey(request.storeId, feedEdgeId(request.sourceId));
    const { incoming, after } = factBatch(request, positions.get(feed), recordedAtMs);
    positions.set(feed, after);
    group.push(incoming);
  }
  const results = group.length === 0 ? [] : await post(connection, group, recordedAtMs);
  const posted = new Map<string, Committed>();
  for (const [index, [key, { digest }]] of [...fresh].entries()) {
    const { batch } = group[index]!;
    const { edgeId, outboxId, firstSequence, events } = batch;
    const lastSequence = firstSequence + events.length - 1;
    const { rejected } = results[index]!.answer;
    const place = { edgeId, outboxId, firstSequence, lastSequence };
    answers.set(key, { digest, receipt: { ...place, recordedAtMs, rejected } });
    posted.set(key, results[index]!);
  }
  await saveAnswers(connection, [...fresh.values()], answers, recordedAtMs);
  const senders = [...fresh.values()].flatMap(({ storeId, sourceId, by }) =>
    by === undefined || isOwnSource(sourceId) ? [] : [{ storeId, sourceId, by }],
  );
  if (senders.length > 0) await saveSenders(connection, senders, recordedAtMs);
  return requests.map((request) => outcomeOf(request, answers, posted));
}

function outcomeOf(
  request: FactRequest,
  answers: ReadonlyMap<string, Answer>,
  posted: Map<string, Committed>,
): FactOutcome {
  const key = requestKey(request);
  const { digest, receipt } = answers.get(key)!;
  if (digest !== request.digest) {
    const message = `the key ${request.key} came with another body; a new request needs a new key`;
    return { ok: false, code: "KEY_REUSED", message };
  }
  // Only the first of those with one key tells what was posted.
  const committed = posted.get(key);
  posted.delete(key);
  return committed === undefined
    ? { ok: true, receipt, isRepeated: true }
    : { ok: true, receipt, isRepeated: false, posted: committed };
}

async function readAnswers(
  connection: SqlConnection,
  requests: readonly FactRequest[],
): Promise<Map<string, Answer>> {
  const rows = await connection.all<Record<"requestKey" | "digest" | "answer", string>>(
    `SELECT r.store_id || '/' || r.source_id || '/' || r.request_key AS requestKey, r.digest, r.answer
     FROM json_each(?) k JOIN fact_requests r ON r.store_id = k.value->>0
      AND r.source_id = k.value->>1 AND r.request_key = k.value->>2`,
    JSON.stringify(requests.map(({ storeId, sourceId, key }) => [storeId, sourceId, key])),
  );
  return new Map(
    rows.map(({ requestKey: key, digest, answer }) => [
      key,
      { digest, receipt: JSON.parse(answer) as FactReceipt },
    ]),
  );
}

async function readFeedPositions(
  connection: SqlConnection,
  requests: readonly FactRequest[],
): Promise<Map<string, FactPosition>> {
  const keys = requests.map(({ storeId, sourceId }) =>
    JSON.stringify([storeId, feedEdgeId(sourceId), feedOutboxId(storeId, sourceId)]),
  );
  const rows = await connection.all<FactPosition & { storeId: string; edgeId: string }>(
    `SELECT p.store_id AS storeId, p.edge_id AS edgeId, p.through_sequence AS throughSequence,
            p.through_digest AS throughDigest
     FROM json_each(?) k JOIN positions p ON p.store_id = k.value->>0 AND p.edge_id = k.value->>1
      AND p.outbox_id = k.value->>2`,
    `[${[...new Set(keys)].sort().join(",")}]`,
  );
  return new Map(rows.map(({ storeId, edgeId, ...at }) => [productKey(storeId, edgeId), at]));
}

async function saveAnswers(
  connection: SqlConnection,
  requests: readonly FactRequest[],
  answers: ReadonlyMap<string, Answer>,
  nowMs: number,
): Promise<void> {
  if (requests.length === 0) return;
  const forgottenMs = nowMs - factAnswerKeepMs;
  await connection.run("DELETE FROM fact_requests WHERE answered_at_ms < ?", forgottenMs);
  const rows = requests.map((request) => {
    const { storeId, sourceId, key, digest } = request;
    const { receipt } = answers.get(requestKey(request))!;
    return [storeId, sourceId, key, digest, JSON.stringify(receipt)];
  });
  await connection.run(
    `INSERT INTO fact_requests (store_id, source_id, request_key, digest, answer, answered_at_ms)
     SELECT value->>0, value->>1, value->>2, value->>3, value->>4, ? FROM json_each(?)`,
    nowMs,
    JSON.stringify(rows),
  );
}

/** The first answer to each idempotency key of a source. */
export const factTables = `
CREATE TABLE IF NOT EXISTS fact_requests (
  store_id TEXT NOT NULL, source_id TEXT NOT NULL, request_key TEXT NOT NULL,
  digest TEXT NOT NULL, answer TEXT NOT NULL,
  answered_at_ms INTEGER NOT NULL,
  PRIMARY KEY (store_id, source_id, request_key)
) WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS fact_requests_time ON fact_requests (answered_at_ms);
`;
