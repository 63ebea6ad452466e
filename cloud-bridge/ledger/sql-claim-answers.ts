// First answers to the idempotency keys of claims, as the ledger's database keeps them: a key is of the store that its
// request names, as a fact's, a return's and a count's is.

import {
  type ClaimAnswer,
  type ClaimOutcome,
  type ClaimRequest,
  claimAnswerKeepMs,
  claimKeyOf,
  type ReserveRequest,
} from "./claims.ts";
import type { SqlConnection } from "./database.ts";

export const claimAnswerTables = `
-- The first answer to a claim's idempotency key: the store, a blank, which no key has, and the key. A key alone is of before.
CREATE TABLE IF NOT EXISTS claim_requests (
  request_key TEXT NOT NULL PRIMARY KEY,
  digest TEXT NOT NULL, answer TEXT NOT NULL,
  answered_at_ms INTEGER NOT NULL
) WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS claim_requests_time ON claim_requests (answered_at_ms);
`;

interface Answered {
  readonly key: string;
  readonly digest: string;
  readonly answer: string;
}

/** What requests were answered the first time, where they came before. */
export async function readClaimAnswers(
  connection: SqlConnection,
  requests: readonly ClaimRequest[],
): Promise<ClaimAnswer[]> {
  const asked = requests.filter((each) => each.step === "reserve");
  if (asked.length === 0) return [];
  const keys = asked.flatMap((each) => [[claimKeyOf(each)], [each.key]]);
  const rows = await connection.all<Answered>(
    `SELECT request_key AS key, digest, answer FROM claim_requests
     WHERE request_key IN (SELECT value->>0 FROM json_each(?))`,
    JSON.stringify(keys),
  );
  const byKey = new Map(rows.map((row) => [row.key, row]));
  return asked.flatMap((request) => {
    const { storeId, key } = request;
    const own = byKey.get(claimKeyOf(request));
    const row = own ?? ofStore(request, byKey.get(key));
    if (row === undefined) return [];
    const outcome = JSON.parse(row.answer) as ClaimOutcome;
    return [{ storeId, key, digest: row.digest, outcome }];
  });
}

/** An answer of the time when keys were of all stores, where it is this store's: a retry over the upgrade gets it. What was
    refused does not say of which store it was, but the body does. */
function ofStore({ storeId, digest }: ReserveRequest, row?: Answered): Answered | undefined {
  if (row === undefined) return undefined;
  const outcome = JSON.parse(row.answer) as ClaimOutcome;
  const isOfStore = outcome.ok ? outcome.claim.storeId === storeId : row.digest === digest;
  return isOfStore ? row : undefined;
}

/** Keeps first answers, and forgets those that were kept for long enough. */
export async function saveClaimAnswers(
  connection: SqlConnection,
  answers: readonly ClaimAnswer[],
  nowMs: number,
): Promise<void> {
  if (answers.length === 0) return;
  const forgottenMs = nowMs - claimAnswerKeepMs;
  await connection.run("DELETE FROM claim_requests WHERE answered_at_ms < ?", forgottenMs);
  await connection.run(
    `INSERT INTO claim_requests (request_key, digest, answer, answered_at_ms)
     SELECT value->>0, value->>1, value->>2, ? FROM json_each(?)`,
    nowMs,
    JSON.stringify(
      answers.map((each) => [claimKeyOf(each), each.digest, JSON.stringify(each.outcome)]),
    ),
  );
}
