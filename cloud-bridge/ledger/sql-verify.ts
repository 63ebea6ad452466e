// Checks a ledger from end to end, in one snapshot and in pages, and says where something does not fit.
// Whoever edits a row with other tools is found: by the chain, by the balances, or by the digests.

import { nextDigest } from "../../contract/digest.ts";
import type { Entry } from "../../contract/stock.ts";
import { countDifference } from "./anchors.ts";
import { claimEdgeId } from "./claims.ts";
import type { SqlConnection } from "./database.ts";
import { entryHash, genesisHash } from "./entry-hash.ts";
import { isFlowRule } from "./flow.ts";
import { writeOffReason } from "./receiving/write-off.ts";
import { readWrongLots } from "./sql-lot-quantities.ts";
import { readDeclaredLosses, readEntries } from "./sql-read.ts";
import { readSetBacks } from "./sql-set-backs.ts";
import { treeProblems } from "./sql-tree.ts";
import { newPosition } from "./stream.ts";
import {
  type DeclaredLoss,
  type VerifyProblem,
  type VerifyReport,
  verifyProblemCountMax,
} from "./types.ts";

const pageCount = 2000;

/** Checks everything `VerifyReport` names, in a snapshot; `damage` is what the database says of itself. */
export function verifyLedger(
  connection: SqlConnection,
  damage: readonly string[],
): Promise<VerifyReport> {
  return new Verification(connection).report(damage);
}

class Verification {
  readonly #connection: SqlConnection;
  readonly #problems: VerifyProblem[] = [];
  #problemCount = 0;
  #entryCount = 0;
  #eventCount = 0;

  constructor(connection: SqlConnection) {
    this.#connection = connection;
  }

  async report(damage: readonly string[]): Promise<VerifyReport> {
    for (const message of damage) this.#found("file", "", "file", message);
    const stores = await this.#connection.all<{ storeId: string }>(
      `SELECT store_id AS storeId FROM entries UNION SELECT store_id FROM chain_heads
       UNION SELECT store_id FROM positions ORDER BY 1`,
    );
    for (const { storeId } of stores) {
      await this.#checkChain(storeId);
      for (const { where, message } of await treeProblems(this.#connection, storeId)) {
        this.#found("tree", storeId, where, message);
      }
    }
    await this.#checkBalances();
    await this.#checkLots();
    await this.#checkClaims();
    await this.#checkStocktakes();
    await this.#checkStreams();
    const losses = await readDeclaredLosses(this.#connection);
    return {
      ok: this.#problemCount === 0,
      storeCount: stores.length,
      entryCount: this.#entryCount,
      eventCount: this.#eventCount,
      problems: this.#problems,
      problemCount: this.#problemCount,
      setBacks: await readSetBacks(this.#connection),
      lostEventCount: losses.reduce((sum, loss) => sum + eventCountOf(loss), 0),
      declaredLosses: losses.slice(0, verifyProblemCountMax),
    };
  }

  #found(check: VerifyProblem["check"], storeId: string, where: string, message: string): void {
    this.#problemCount += 1;
    if (this.#problems.length >= verifyProblemCountMax) return;
    this.#problems.push({ storeId, check, where, message });
  }

  async #checkChain(storeId: string): Promise<void> {
    let entryNumber = 0;
    let hash = genesisHash(storeId);
    const order = new PostingOrder(await this.#reposted(storeId));
    for (;;) {
      const query = { storeId, afterEntryNumber: entryNumber, countMax: pageCount };
      const entries = await readEntries(this.#connection, query);
      for (const entry of entries) {
        const where = `entry ${entry.entryNumber}`;
        if (entry.entryNumber !== entryNumber + 1) {
          this.#found("chain", storeId, where, `follows entry ${entryNumber}`);
        } else if (entry.hash !== entryHash(hash, entry)) {
          this.#found("chain", storeId, where, "its content does not have its hash");
        }
        const disorder = order.next(entry);
        if (disorder !== undefined) this.#found("posting_order", storeId, where, disorder);
        ({ entryNumber, hash } = entry);
      }
      this.#entryCount += entries.length;
      if (entries.length < pageCount) break;
    }
    await this.#checkHead(storeId, entryNumber, hash);
  }

  async #checkHead(storeId: string, entryNumber: number, hash: string): Promise<void> {
    const [head] = await this.#connection.all<{ entryNumber: number; hash: string }>(
      "SELECT entry_number AS entryNumber, hash FROM chain_heads WHERE store_id = ?",
      storeId,
    );
    const expected = head?.entryNumber ?? 0;
    if (expected !== entryNumber) {
      const message = `the chain ends here, its head says ${expected}`;
      this.#found("chain", storeId, `entry ${entryNumber}`, message);
    } else if (head !== undefined && head.hash !== hash) {
      this.#found("chain", storeId, "chain head", "differs from the last entry's hash");
    }
  }

  async #reposted(storeId: string): Promise<ReadonlySet<string>> {
    const rows = await this.#connection.all<{ outboxId: string; sequence: number }>(
      `SELECT outbox_id AS outboxId, sequence FROM quarantine
       WHERE store_id = ? AND reposted_at_ms IS NOT NULL`,
      storeId,
    );
    return new Set(rows.map(({ outboxId, sequence }) => `${outboxId}/${sequence}`));
  }

  async #checkBalances(): Promise<void> {
    const sums = await this.#connection.all<{ storeId: string; item: string; sum: number }>(
      `SELECT store_id AS storeId, item, sum(quantity) AS sum FROM balances
       GROUP BY store_id, item HAVING sum(quantity) <> 0`,
    );
    for (const { storeId, item, sum } of sums) {
      this.#found("sum_zero", storeId, `item ${item}`, `the sum of its balances is ${sum}`);
    }
    const rows = await this.#connection.all<Record<string, string> & { difference: number }>(
      `SELECT store_id AS storeId, item, location, state, sum(quantity) AS difference FROM (
         SELECT store_id, item, location, state, quantity FROM balances
         UNION ALL SELECT store_id, item, to_location, to_state, -quantity FROM entries
         UNION ALL SELECT store_id, item, from_location, from_state, quantity FROM entries)
       GROUP BY store_id, item, location, state HAVING sum(quantity) <> 0`,
    );
    for (const { storeId, item, location, state, difference } of rows) {
      const message = `its balance exceeds its entries by ${difference}`;
      this.#found("balances", storeId!, `account ${location} ${state} ${item}`, message);
    }
  }

  async #checkLots(): Promise<void> {
    for (const { storeId, item, lot, kept, counted } of await readWrongLots(this.#connection)) {
      const message = `its quantity is ${kept}, its entries say ${counted}`;
      this.#found("lots", storeId, `lot ${lot} of ${item}`, message);
    }
  }

  /** What a claim says it took, gave back or handed over is what its entries moved. */
  async #checkClaims(): Promise<void> {
    const rows = await this.#connection.all<Record<string, string> & { difference: number }>(
      `SELECT store_id AS storeId, claim_id AS claimId, gtin, reason, sum(quantity) AS difference FROM (
         SELECT c.store_id, c.claim_id, l.gtin, r.value->>0 AS reason,
           CAST(p.value->>'quantity' AS INTEGER) AS quantity
         FROM claims c JOIN claim_lines l ON l.store_id = c.store_id AND l.claim_id = c.claim_id
         CROSS JOIN json_each(l.places) p
         CROSS JOIN json_each(CASE c.state WHEN 'picked' THEN '[["claim_pick"]]'
           WHEN 'handed_over' THEN '[["claim_pick"],["claim_hand_over"]]'
           ELSE '[["claim_pick"],["claim_release"]]' END) r
         UNION ALL SELECT store_id, outbox_id, item, reason, -quantity FROM entries
         WHERE edge_id = '${claimEdgeId}' AND reason IN ('claim_pick','claim_hand_over','claim_release'))
       GROUP BY store_id, claim_id, gtin, reason HAVING sum(quantity) <> 0`,
    );
    for (const { storeId, claimId, gtin, reason, difference } of rows) {
      const message = `its lines exceed its entries of ${reason} by ${difference}`;
      this.#found("claims", storeId!, `claim ${claimId} ${gtin}`, message);
    }
  }

  /** What a stocktake says that it posted stands among the counts, as it was last counted. */
  async #checkStocktakes(): Promise<void> {
    const rows = await this.#connection.all<Record<string, string>>(
      `SELECT s.store_id AS storeId, s.count_id AS countId, s.gtin, s.location FROM stocktake_lines s
       WHERE s.status = 'posted' AND NOT EXISTS (
         SELECT 1 FROM counts c JOIN count_lines l ON l.store_id = c.store_id AND l.edge_id = c.edge_id
          AND l.outbox_id = c.outbox_id AND l.sequence = c.sequence
         WHERE c.store_id = s.store_id AND c.edge_id = '${claimEdgeId}' AND c.outbox_id = s.count_id
          AND c.location = s.location AND l.item = s.gtin
          AND l.quantity = s.posted_quantity)`,
    );
    for (const { storeId, countId, gtin, location } of rows) {
      const message = "is posted, but no count says so";
      this.#found("counts", storeId!, `count ${countId} ${gtin} ${location}`, message);
    }
  }

  async #checkStreams(): Promise<void> {
    interface Row {
      storeId: string;
      edgeId: string;
      outboxId: string;
      throughSequence: number;
      throughDigest: string;
    }
    const rows = await this.#connection.all<Row>(
      `SELECT store_id AS storeId, edge_id AS edgeId, outbox_id AS outboxId,
              through_sequence AS throughSequence, through_digest AS throughDigest
       FROM positions ORDER BY store_id, edge_id, outbox_id`,
    );
    for (const row of rows) await this.#checkStream(row);
    const orphans = await this.#connection.all<Row>(
      `SELECT store_id AS storeId, edge_id AS edgeId, outbox_id AS outboxId FROM event_log
       UNION SELECT store_id, edge_id, outbox_id FROM entries WHERE reason <> '${writeOffReason}'
       EXCEPT SELECT store_id, edge_id, outbox_id FROM positions
       EXCEPT SELECT store_id, '${claimEdgeId}', claim_id FROM claims
       EXCEPT SELECT store_id, '${claimEdgeId}', count_id FROM stocktakes`,
    );
    for (const { storeId, edgeId, outboxId } of orphans) {
      this.#found("sequences", storeId, `outbox ${edgeId}/${outboxId}`, "has no position");
    }
  }

  async #checkStream(position: {
    storeId: string;
    edgeId: string;
    outboxId: string;
    throughSequence: number;
    throughDigest: string;
  }): Promise<void> {
    const { storeId, edgeId, outboxId } = position;
    let { throughSequence: sequence, throughDigest: digest } = newPosition(position);
    for (;;) {
      const rows = await this.#connection.all<{
        firstSequence: number;
        sequence: number;
        type: string;
        digest: string;
        body: string;
      }>(
        `SELECT first_sequence AS firstSequence, sequence, type, digest, body FROM event_log
         WHERE store_id = ? AND edge_id = ? AND outbox_id = ? AND sequence > ?
         ORDER BY sequence LIMIT ?`,
        ...[storeId, edgeId, outboxId, sequence, pageCount],
      );
      for (const row of rows) {
        const where = `event ${edgeId}/${outboxId}/${row.sequence}`;
        if (row.firstSequence !== sequence + 1) {
          this.#found(
            "sequences",
            storeId,
            where,
            `begins at ${row.firstSequence} after ${sequence}`,
          );
        }
        if (row.type !== "gap" && row.digest !== nextDigest(digest, row.body)) {
          this.#found("digests", storeId, where, "its content does not have its digest");
        }
        ({ sequence, digest } = row);
      }
      this.#eventCount += rows.length;
      if (rows.length < pageCount) break;
    }
    const where = `outbox ${edgeId}/${outboxId}`;
    if (sequence !== position.throughSequence) {
      const message = `its events end at ${sequence}, its position is ${position.throughSequence}`;
      this.#found("sequences", storeId, where, message);
    } else if (digest !== position.throughDigest) {
      this.#found("digests", storeId, where, "its position has another digest than its last event");
    }
  }
}

function eventCountOf({ firstSequence, lastSequence }: DeclaredLoss): number {
  return lastSequence - firstSequence + 1;
}

/** Entries of one outbox are posted in the order of its sequences; only reposted ones come later. */
class PostingOrder {
  readonly #reposted: ReadonlySet<string>;
  readonly #last = new Map<string, number>();

  constructor(reposted: ReadonlySet<string>) {
    this.#reposted = reposted;
  }

  next({ edgeId, outboxId, sequence, reason }: Entry): string | undefined {
    // What the ledger posts by itself names the fact that it belongs to, whenever that came.
    if (isFlowRule(reason) || reason === countDifference) return undefined;
    if (this.#reposted.has(`${outboxId}/${sequence}`)) return undefined;
    const stream = `${edgeId}/${outboxId}`;
    const last = this.#last.get(stream) ?? 0;
    this.#last.set(stream, Math.max(last, sequence));
    return sequence >= last ? undefined : `posts sequence ${sequence} of ${stream} after ${last}`;
  }
}
