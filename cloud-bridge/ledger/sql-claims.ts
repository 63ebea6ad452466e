// Claims: a group of requests is one transaction. What they are about is read in order of its keys,
// decided in memory, and written with one statement a table; nobody else writes meanwhile.

import { GatewayError } from "../../contract/errors.ts";
import {
  type Availability,
  anyWord,
  availabilityOf,
  type InHand,
  type SellableStock,
  type StockOnOffer,
  type Withheld,
} from "./availability.ts";
import { Book } from "./book.ts";
import {
  type Claim,
  ClaimDesk,
  type ClaimLine,
  type ClaimOutcome,
  type ClaimRequest,
  type ClaimState,
  type ClaimView,
  claimAt,
} from "./claims.ts";
import type { TrustGate } from "./counting/trust-gate.ts";
import { type SqlConnection, type SqlValue, StatementError } from "./database.ts";
import { flowWindows } from "./flow-units.ts";
import { type OrderPlace, webChannel } from "./place-roles.ts";
import { endNegatives } from "./sql-alert-ends.ts";
import { type AuditRecord, saveAudit } from "./sql-audit.ts";
import { readClaimAnswers, saveClaimAnswers } from "./sql-claim-answers.ts";
import { loadItemsView } from "./sql-load.ts";
import { saveBook } from "./sql-save.ts";

type StockKey = readonly [storeId: string, gtin: string];

/** Which claims of a store are asked for; `before` is the last one of the page before. */
export interface ClaimsQuery {
  readonly storeId: string;
  readonly states: readonly ClaimState[];
  readonly before?: readonly [createdAtMs: number, claimId: string] | undefined;
  readonly countMax: number;
  readonly nowMs: number;
}

/** Decides requests in order; call it in a transaction. LEDGER_RULE where the database refuses what was decided. */
export async function decideClaims(
  connection: SqlConnection,
  requests: readonly ClaimRequest[],
  nowMs: number,
): Promise<ClaimOutcome[]> {
  try {
    return await decideGroup(connection, requests, nowMs);
  } catch (error) {
    if (!(error instanceof StatementError)) throw error;
    throw new GatewayError("LEDGER_RULE", `a claim: ${error.message}`, { cause: error });
  }
}

async function decideGroup(
  connection: SqlConnection,
  requests: readonly ClaimRequest[],
  nowMs: number,
): Promise<ClaimOutcome[]> {
  const claimIds = requests.flatMap((each) => (each.step === "reserve" ? [] : [each.claimId]));
  const claims = await readClaims(connection, claimIds);
  const keys = stockKeysOf(requests, claims);
  const answers = await readClaimAnswers(connection, requests);
  const holds = await readHolds(connection, keys, nowMs);
  const isPick = requests.some(({ step }) => step === "pick");
  const inHand = isPick ? await readInHand(connection, keys, nowMs) : [];
  const view = { claims, answers, inHand, ...holds };
  const items = keys.map(([storeId, item]) => ({ storeId, item, sinceMs: nowMs }));
  const book = new Book(await loadItemsView(connection, items));
  const desk = new ClaimDesk(view, book, nowMs);
  const outcomes = requests.map((request) => desk.decide(request));
  const changes = desk.changes();
  await saveClaims(connection, changes.claims);
  await saveClaimAnswers(connection, changes.answers, nowMs);
  await saveAudit(connection, changes.steps.map(deedOf));
  if (outcomes.some((outcome) => outcome.ok && outcome.posted !== undefined)) {
    await saveBook(connection, book, nowMs);
    await endNegatives(connection, book.changes().taskClosings, nowMs);
  }
  return outcomes;
}

/** Who took a step: the claim itself has the last one's name alone. */
function deedOf({ storeId, claimId, state, changedBy, changedAtMs }: Claim) {
  const act = `claim_${state}` as AuditRecord["act"];
  return { storeId, atMs: changedAtMs, by: changedBy, act, subject: claimId };
}

/** Stores and GTINs that the requests are about, each once, in order: in this order rows are read. */
function stockKeysOf(requests: readonly ClaimRequest[], claims: readonly Claim[]): StockKey[] {
  const byId = new Map(claims.map((claim) => [claim.claimId, claim]));
  const keys = requests.flatMap((request): StockKey[] => {
    if (request.step === "reserve") return request.lines.map(({ gtin }) => [request.storeId, gtin]);
    const claim = byId.get(request.claimId);
    const storeIds = [claim?.storeId ?? "", ...(request.step === "move" ? [request.storeId] : [])];
    return (claim?.lines ?? []).flatMap(({ gtin }) => storeIds.map((id): StockKey => [id, gtin]));
  });
  const distinct = new Map(keys.map((key) => [key.join("/"), key]));
  return [...distinct.entries()].sort(([a], [b]) => (a < b ? -1 : 1)).map(([, key]) => key);
}

interface ClaimRow extends Omit<Claim, "lines"> {
  readonly lines: string;
}

/** Claims as they are stored, those that ran out included; an unknown id has none. */
export async function readClaims(
  connection: SqlConnection,
  claimIds: readonly string[],
): Promise<Claim[]> {
  if (claimIds.length === 0) return [];
  return await claimsWhere(
    connection,
    "c.claim_id IN (SELECT value->>0 FROM json_each(?)) ORDER BY c.claim_id",
    JSON.stringify(claimIds.map((id) => [id])),
  );
}

/** Claims of a store, the newest first; those that ran out are expired. */
export async function readStoreClaims(
  connection: SqlConnection,
  { storeId, states, before, countMax, nowMs }: ClaimsQuery,
): Promise<Claim[]> {
  const [beforeMs, beforeId] = before ?? [Number.MAX_SAFE_INTEGER, ""];
  const claims = await claimsWhere(
    connection,
    `c.store_id = ? AND (c.created_at_ms < ? OR (c.created_at_ms = ? AND c.claim_id > ?))
      AND CASE WHEN c.state = 'reserved' AND c.expires_at_ms <= ? THEN 'expired' ELSE c.state END
        IN (SELECT value->>0 FROM json_each(?))
     ORDER BY c.created_at_ms DESC, c.claim_id LIMIT ?`,
    ...[storeId, beforeMs, beforeMs, beforeId, nowMs],
    ...[JSON.stringify(states.map((state) => [state])), countMax],
  );
  return claims.map((claim) => claimAt(claim, nowMs));
}

async function claimsWhere(
  connection: SqlConnection,
  where: string,
  ...values: SqlValue[]
): Promise<Claim[]> {
  const rows = await connection.all<ClaimRow>(
    `SELECT c.claim_id AS claimId, c.store_id AS storeId, c.owner, c.channel, c.state,
            c.expires_at_ms AS expiresAtMs, c.created_at_ms AS createdAtMs,
            c.changed_at_ms AS changedAtMs, c.changed_by AS changedBy,
            (SELECT json_group_array(json_object('gtin', l.gtin, 'quantity', l.quantity,
               'places', json(l.places)) ORDER BY l.line)
             FROM claim_lines l WHERE l.store_id = c.store_id AND l.claim_id = c.claim_id) AS lines
     FROM claims c WHERE ${where}`,
    ...values,
  );
  return rows.map(({ lines, ...row }) => ({ ...row, lines: JSON.parse(lines) as ClaimLine[] }));
}

/** What keeps units of these from being promised. */
async function readHolds(
  connection: SqlConnection,
  keys: readonly StockKey[],
  nowMs: number,
): Promise<Omit<ClaimView, "claims" | "answers" | "inHand">> {
  const storeIds = [...new Set(keys.map(([storeId]) => storeId))].sort();
  const reserved = await connection.all<ClaimView["reserved"][number]>(
    `SELECT k.value->>0 AS storeId, k.value->>1 AS gtin,
            (SELECT coalesce(sum(l.quantity), 0) FROM claim_lines l
             WHERE l.store_id = k.value->>0 AND l.gtin = k.value->>1
              AND l.reserved_until_ms > ?1) AS quantity,
            ${webReserved("k.value->>0", "k.value->>1", "?1")} AS webQuantity
     FROM json_each(?2) k`,
    ...[nowMs, JSON.stringify(keys)],
  );
  const named = [...keys, ...storeIds.map((storeId): StockKey => [storeId, anyWord])];
  const withheld = await connection.all<Withheld>(
    `SELECT w.store_id AS storeId, w.gtin, w.channel, w.quantity FROM json_each(?) k
     JOIN withheld w ON w.store_id = k.value->>0 AND w.gtin = k.value->>1`,
    JSON.stringify(named),
  );
  const openCounts = await connection.all<ClaimView["openCounts"][number]>(
    `SELECT k.value->>0 AS storeId, (SELECT count(*) FROM claims c WHERE c.store_id = k.value->>0
       AND c.state = 'reserved' AND c.expires_at_ms > ?) AS count
     FROM json_each(?) k`,
    ...[nowMs, JSON.stringify(storeIds.map((storeId) => [storeId]))],
  );
  const orderPlaces = await connection.all<ClaimView["orderPlaces"][number]>(
    `SELECT p.store_id AS storeId, p.location, p.promised_to AS promisedTo FROM json_each(?) k
     JOIN order_places p ON p.store_id = k.value->>0`,
    JSON.stringify(storeIds.map((storeId) => [storeId])),
  );
  const gates = await connection.all<TrustGate>(
    `SELECT g.store_id AS storeId, g.gtin, g.withheld_percent AS withheldPercent FROM json_each(?) k
     JOIN trust_gates g ON g.store_id = k.value->>0 AND g.gtin = k.value->>1`,
    JSON.stringify(keys),
  );
  return { reserved, withheld, openCounts, orderPlaces, gates };
}

/** What shelves saw taken, less what went back there, and no more of each than baskets hold. */
async function readInHand(
  connection: SqlConnection,
  keys: readonly StockKey[],
  nowMs: number,
): Promise<InHand[]> {
  return await connection.all<InHand>(
    `SELECT store_id AS storeId, item AS gtin, location, min(quantity, basket) AS quantity FROM (
       SELECT b.store_id, b.item, b.quantity AS basket,
         CASE WHEN e.to_location = b.location THEN e.from_location ELSE e.to_location END AS location,
         sum(CASE WHEN e.to_location = b.location THEN e.quantity ELSE -e.quantity END) AS quantity
       FROM json_each(?) k JOIN balances b ON b.store_id = k.value->>0 AND b.item = k.value->>1
        AND b.location = b.store_id || '/@basket' AND b.state = 'sellable' AND b.quantity > 0
       JOIN entries e ON e.store_id = b.store_id AND e.item = b.item AND e.placed_at_ms >= ?
        AND ((e.to_location = b.location AND e.reason = 'customer_pick') OR e.from_location = b.location)
       GROUP BY 1, 2, 3, 4) taken
     WHERE quantity > 0 AND instr(location, '/@') = 0`,
    ...[JSON.stringify(keys), nowMs - flowWindows.claimMs],
  );
}

/** Units of a store's GTIN that web orders wait for: asked for where there are places for these alone. */
function webReserved(storeId: string, gtin: string, nowMs: string): string {
  return `CASE WHEN EXISTS (SELECT 1 FROM order_places p WHERE p.store_id = ${storeId})
    THEN (SELECT coalesce(sum(l.quantity), 0) FROM claim_lines l
      JOIN claims c ON c.store_id = l.store_id AND c.claim_id = l.claim_id
      WHERE l.store_id = ${storeId} AND l.gtin = ${gtin} AND l.reserved_until_ms > ${nowMs}
        AND c.channel = '${webChannel}') ELSE 0 END`;
}

async function saveClaims(connection: SqlConnection, claims: readonly Claim[]): Promise<void> {
  if (claims.length === 0) return;
  // A claim that moved has another store, and with it another key.
  const ids = JSON.stringify(claims.map(({ claimId }) => [claimId]));
  const stored =
    "(SELECT store_id, claim_id FROM claims WHERE claim_id IN (SELECT value->>0 FROM json_each(?)))";
  await connection.run(`DELETE FROM claim_lines WHERE (store_id, claim_id) IN ${stored}`, ids);
  await connection.run(`DELETE FROM claims WHERE (store_id, claim_id) IN ${stored}`, ids);
  await connection.run(
    `INSERT INTO claims (store_id, claim_id, owner, channel, state, expires_at_ms, created_at_ms,
       changed_at_ms, changed_by)
     SELECT value->>0, value->>1, value->>2, value->>3, value->>4, CAST(value->>5 AS INTEGER),
       CAST(value->>6 AS INTEGER), CAST(value->>7 AS INTEGER), value->>8 FROM json_each(?)`,
    JSON.stringify(
      claims.map((claim) => [
        ...[claim.storeId, claim.claimId, claim.owner, claim.channel, claim.state],
        ...[claim.expiresAtMs, claim.createdAtMs, claim.changedAtMs, claim.changedBy],
      ]),
    ),
  );
  await connection.run(
    `INSERT INTO claim_lines (store_id, claim_id, line, gtin, quantity, places, reserved_until_ms)
     SELECT value->>0, value->>1, CAST(value->>2 AS INTEGER), value->>3, CAST(value->>4 AS INTEGER),
       value->>5, CAST(value->>6 AS INTEGER) FROM json_each(?)`,
    JSON.stringify(
      claims.flatMap(({ storeId, claimId, state, expiresAtMs, lines }) =>
        lines.map(({ gtin, quantity, places }, line) => [
          ...[storeId, claimId, line, gtin, quantity, JSON.stringify(places)],
          state === "reserved" ? expiresAtMs : null,
        ]),
      ),
    ),
  );
}

/** What can be promised of a GTIN in each of the stores, in order of their ids. */
export async function readAvailability(
  connection: SqlConnection,
  query: { gtin: string; channel: string; storeIds?: readonly string[]; nowMs: number },
): Promise<({ storeId: string } & Availability)[]> {
  const { gtin, channel, storeIds, nowMs } = query;
  const offers = await readOffers(
    connection,
    storeIds === undefined ? gtin : storeIds.map((storeId) => [storeId, gtin]),
    nowMs,
  );
  return offers.map((offer) => {
    return { storeId: offer.storeId, ...availabilityOf(offer, { ...offer, channel }) };
  });
}

/** Products of stores with what their availability depends on; a GTIN alone is of every store. One statement, one snapshot. */
export async function readOffers(
  connection: SqlConnection,
  asked: string | readonly StockKey[],
  nowMs: number,
): Promise<({ storeId: string; gtin: string } & StockOnOffer)[]> {
  interface Row {
    storeId: string;
    gtin: string;
    accounts: string;
    inBasket: number;
    orderPlaces: string;
    quantity: number;
    webQuantity: number;
    withheld: string;
    gatePercent: number;
  }
  const keys =
    typeof asked === "string"
      ? "SELECT store_id, CAST(?2 AS TEXT) AS gtin FROM chain_heads"
      : "SELECT value->>0 AS store_id, value->>1 AS gtin FROM json_each(?2)";
  const rows = await connection.all<Row>(
    `SELECT k.store_id AS storeId, k.gtin,
       (SELECT json_group_array(json_object('location', b.location, 'quantity', b.quantity))
        FROM balances b WHERE b.store_id = k.store_id
         AND b.item = k.gtin AND b.state = 'sellable' AND instr(b.location, '/@') = 0) AS accounts,
       coalesce((SELECT b.quantity FROM balances b WHERE b.store_id = k.store_id AND b.item = k.gtin
         AND b.location = k.store_id || '/@basket' AND b.state = 'sellable'), 0) AS inBasket,
       (SELECT json_group_array(json_object('location', p.location, 'promisedTo', p.promised_to))
        FROM order_places p WHERE p.store_id = k.store_id) AS orderPlaces,
       (SELECT coalesce(sum(l.quantity), 0) FROM claim_lines l WHERE l.store_id = k.store_id
         AND l.gtin = k.gtin AND l.reserved_until_ms > ?1) AS quantity,
       ${webReserved("k.store_id", "k.gtin", "?1")} AS webQuantity,
       (SELECT json_group_array(json_object('storeId', w.store_id, 'gtin', w.gtin,
          'channel', w.channel, 'quantity', w.quantity)) FROM withheld w
        WHERE w.store_id = k.store_id AND w.gtin IN (k.gtin, '${anyWord}')) AS withheld,
       coalesce((SELECT g.withheld_percent FROM trust_gates g WHERE g.store_id = k.store_id
         AND g.gtin = k.gtin), 0) AS gatePercent
     FROM (${keys}) k ORDER BY k.store_id, k.gtin`,
    ...[nowMs, typeof asked === "string" ? asked : JSON.stringify(asked)],
  );
  return rows.map(({ quantity, webQuantity, ...row }) => ({
    ...row,
    accounts: JSON.parse(row.accounts) as SellableStock[],
    orderPlaces: JSON.parse(row.orderPlaces) as OrderPlace[],
    reserved: { quantity, webQuantity },
    withheld: JSON.parse(row.withheld) as Withheld[],
  }));
}

/** Products whose reservations ran out after a time, until another: nobody did anything, and more can be promised. */
export async function readExpired(
  connection: SqlConnection,
  { afterMs, throughMs }: { readonly afterMs: number; readonly throughMs: number },
): Promise<{ storeId: string; gtin: string }[]> {
  return await connection.all(
    `SELECT DISTINCT store_id AS storeId, gtin FROM claim_lines
     WHERE reserved_until_ms > ? AND reserved_until_ms <= ? ORDER BY store_id, gtin`,
    ...[afterMs, throughMs],
  );
}
