// How many claims a second the ledger takes from buyers who want the same items, on a disk that is synced,
// beside the bare inserts of as many claims in transactions of about the same size in the same run.

import { randomUUID } from "node:crypto";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { itemsOf } from "../../cloud-bridge/ledger/batch-items.ts";
import type { ReserveRequest } from "../../cloud-bridge/ledger/claims.ts";
import { additions, tables } from "../../cloud-bridge/ledger/sql-tables.ts";
import { SqliteConnection } from "../../cloud-bridge/ledger/sqlite.ts";
import { SqliteLedger } from "../../cloud-bridge/ledger/sqlite-ledger.ts";
import { batchEventCountMax } from "../../contract/delivery.ts";
import { canonicalEvent, genesisDigest, nextDigest } from "../../contract/digest.ts";
import { checkDigitOf } from "../../contract/gs1/check-digit.ts";

const storeId = "s0001";
const buyerCount = 100;
const itemCount = 1000;
const unitCount = 8;
/** More than there are units: the last ones are refused. */
const claimsPerBuyerCount = 100;
const startAtMs = 1_763_888_000_000;

/** 100 buyers make 10,000 claims on 8,000 units of 1,000 items, each the next one when it has its answer. */
export async function benchClaims(): Promise<object> {
  const folder = await mkdtemp(join(tmpdir(), "gondola-bench-"));
  const path = join(folder, "ledger.db");
  const ledger = await SqliteLedger.open({ path, nowMs: startAtMs });
  const bare = await SqliteConnection.open({ path: join(folder, "bare.db") });
  await bare.script(tables);
  await bare.script(additions);
  try {
    await receive(ledger);
    const latenciesMs: number[] = [];
    let wonCount = 0;
    const begunMs = performance.now();
    await Promise.all(
      Array.from({ length: buyerCount }, async (_, buyer) => {
        for (let index = 0; index < claimsPerBuyerCount; index += 1) {
          const askedMs = performance.now();
          const request = reserve(buyer * claimsPerBuyerCount + index);
          const outcome = await ledger.decideClaim(request, startAtMs);
          latenciesMs.push(performance.now() - askedMs);
          if (outcome.ok) wonCount += 1;
        }
      }),
    );
    const tookMs = performance.now() - begunMs;
    const bareMs = await insertBare(bare);
    latenciesMs.sort((a, b) => a - b);
    const claimCount = buyerCount * claimsPerBuyerCount;
    const oversoldCount = await oversold(ledger);
    // Whatever the machine can do, this must hold on it.
    if (oversoldCount > 0) throw new Error(`${oversoldCount} items were promised too often`);
    return {
      ...{ claimCount, wonCount, oversoldCount, buyerCount, itemCount },
      claimsPerS: Math.round((1000 * claimCount) / tookMs),
      barePerS: Math.round((1000 * claimCount) / bareMs),
      latencyP50Ms: Number(latenciesMs[Math.floor(claimCount / 2)]?.toFixed(1)),
      latencyP99Ms: Number(latenciesMs[Math.floor(claimCount * 0.99)]?.toFixed(1)),
      isVerified: (await ledger.verify()).ok,
    };
  } finally {
    await ledger.close();
    await bare.close();
    await rm(folder, { recursive: true, force: true });
  }
}

// A step that has no divisor in common with the number of items spreads the buyers over all of them.
function reserve(claim: number): ReserveRequest {
  const lines = [{ gtin: gtinOf((claim * 7919) % itemCount), quantity: 1 }];
  const claimId = randomUUID().replaceAll("-", "");
  return {
    ...{ step: "reserve", claimId, key: claimId, digest: claimId, storeId, owner: "buyer" },
    ...{ channel: "web", expiresAtMs: startAtMs + 3_600_000, lines },
  };
}

function gtinOf(index: number): string {
  const digits = `0950600${String(index).padStart(6, "0")}`;
  return `${digits}${checkDigitOf(digits)}`;
}

/** Items that were promised more often than there are units. */
async function oversold(ledger: SqliteLedger): Promise<number> {
  let count = 0;
  for (let index = 0; index < itemCount; index += 1) {
    const query = { gtin: gtinOf(index), channel: "web", storeIds: [storeId], nowMs: startAtMs };
    const [item] = await ledger.availability(query);
    if (item!.reserved > item!.onHand) count += 1;
  }
  return count;
}

/** Puts the units into the ledger, as an edge tells it. */
async function receive(ledger: SqliteLedger): Promise<void> {
  const outboxId = "0a0a0a0a-1111";
  let previousDigest = genesisDigest(outboxId);
  for (let first = 1; first <= itemCount; first += batchEventCountMax) {
    const events = [];
    let digest = previousDigest;
    const last = Math.min(itemCount, first + batchEventCountMax - 1);
    for (let sequence = first; sequence <= last; sequence += 1) {
      const event = {
        ...{ type: "moved", step: "receiving", item: { gtin: gtinOf(sequence - 1) } },
        ...{ quantity: unitCount, occurredAtMs: startAtMs - 1000, deviceId: "dock-1", sequence },
        ...{ bootId: outboxId, uptimeMs: 1000, clockSynced: true },
      };
      digest = nextDigest(digest, canonicalEvent(event));
      events.push(event);
    }
    const batch = {
      ...{ schemaVersion: 1 as const, storeId, edgeId: "edge-1", outboxId, firstSequence: first },
      ...{ previousDigest, completeThroughAtMs: startAtMs, sentAtMs: startAtMs, nonce: outboxId },
      events,
    };
    await ledger.post([{ storeId, edgeId: "edge-1", batch, items: itemsOf(batch) }], startAtMs);
    previousDigest = digest;
  }
}

/** As many claims without any question, a hundred a transaction. */
async function insertBare(bare: SqliteConnection): Promise<number> {
  const begunMs = performance.now();
  for (let turn = 0; turn < claimsPerBuyerCount; turn += 1) {
    const rows = Array.from({ length: buyerCount }, (_, index) => {
      const { claimId, lines } = reserve(turn * buyerCount + index);
      return [claimId, lines[0]!.gtin, JSON.stringify({ claimId, lines })];
    });
    const json = JSON.stringify(rows);
    const until = startAtMs + 3_600_000;
    const each = "FROM json_each(?)";
    await bare.run("BEGIN IMMEDIATE");
    await bare.run(
      `INSERT INTO claims SELECT '${storeId}', value->>0, 'buyer', 'web', 'reserved', ${until},
         ${startAtMs}, ${startAtMs}, 'buyer' ${each}`,
      json,
    );
    await bare.run(
      `INSERT INTO claim_lines SELECT '${storeId}', value->>0, 0, value->>1, 1, '[]', ${until} ${each}`,
      json,
    );
    await bare.run(
      `INSERT INTO claim_requests SELECT value->>0, value->>0, value->>2, ${startAtMs} ${each}`,
      json,
    );
    await bare.run("COMMIT");
  }
  return performance.now() - begunMs;
}
