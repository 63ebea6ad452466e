// A group of batches in one transaction: the rules between reading and writing. What fails in it is retried batch by batch, then
// event by event, under savepoints. And one quarantined event again.

import { errorMessageOf, GatewayError } from "../../contract/errors.ts";
import type { Author } from "./author.ts";
import { contentOf, type PreparedBatch, partsOf } from "./batch-items.ts";
import { changedItemsOf } from "./changed-items.ts";
import type { LoggedEvent } from "./changes.ts";
import { compareEvents } from "./counting/sql-rfid.ts";
import {
  endingWithoutTables,
  endsWriting,
  type SqlConnection,
  StatementError,
  savepoint,
} from "./database.ts";
import { postAgain, postGroup } from "./ledger.ts";
import {
  type Followed,
  followConsignments,
  type PostedAt,
  StoreNotHeldError,
} from "./receiving/sql-followed.ts";
import { endNegatives, unpaidSinceReturns } from "./sql-alert-ends.ts";
import { saveAlerts } from "./sql-alerts.ts";
import { saveAudit } from "./sql-audit.ts";
import { loadEventView, loadGroupView } from "./sql-load.ts";
import { readQuarantine } from "./sql-read.ts";
import type { PostedEvent } from "./sql-references.ts";
import { saveChanges, saveRepost } from "./sql-save.ts";
import { withTagName, withTagNames } from "./sql-tag-names.ts";
import type { Committed, Posted, RepostResult } from "./types.ts";

/** When, under which locks, and of which state of the ledger a group is posted. */
export interface GroupAt extends PostedAt {
  readonly ledgerEpoch: number;
}

/** Posts a group under a savepoint; what the database refuses is tried batch by batch, then event by event. */
export async function postPrepared(
  connection: SqlConnection,
  group: readonly PreparedBatch[],
  at: GroupAt,
): Promise<Committed[]> {
  try {
    return await savepoint(connection, async () => {
      const named = await withTagNames(connection, group);
      const view = await loadGroupView(connection, named);
      const { ledgerEpoch, nowMs: recordedAtMs } = at;
      const options = { ledgerEpoch, recordedAtMs };
      const { results, changes } = postGroup(view, named, options);
      const found = await compareEvents(connection, changes.events, recordedAtMs);
      results.at(-1)?.alerts.push(...found);
      await saveChanges(connection, changes);
      const told = await followConsignments(connection, postedOf(changes.events), at);
      add(results.at(-1), told);
      const again = await unpaidSinceReturns(connection, changes.entries, recordedAtMs);
      results.at(-1)?.alerts.push(...again);
      const raised = results.flatMap(({ alerts }) => alerts);
      const loud = await saveAlerts(connection, raised, recordedAtMs);
      await endNegatives(connection, changes.taskClosings, recordedAtMs);
      return results.map((each) => ({
        ...each,
        alerts: each.alerts.filter((alert) => loud.has(alert)),
      }));
    });
  } catch (error) {
    if (endsWriting(error) || error instanceof StoreNotHeldError) throw error;
    return await retry(connection, group, at, error);
  }
}

/** A group batch by batch, a batch event by event, an event into quarantine. */
async function retry(
  connection: SqlConnection,
  group: readonly PreparedBatch[],
  at: GroupAt,
  cause: unknown,
): Promise<Committed[]> {
  const [prepared, ...rest] = group;
  const [item, ...others] = prepared?.items ?? [];
  const parts = rest.length > 0 ? group : others.length > 0 ? partsOf(prepared!) : [];
  const results: Committed[] = [];
  for (const part of parts) results.push(...(await postPrepared(connection, [part], at)));
  if (parts.length > 0) return rest.length > 0 ? results : [merge(results)];
  if (prepared === undefined || item === undefined) throw cause;
  if (item.content.kind === "rejected") throw endingWithoutTables(cause);
  const code = "LEDGER_RULE";
  const content = { kind: "rejected", code, message: errorMessageOf(cause) } as const;
  const unpostable = { ...prepared, items: [{ ...item, content }] };
  return await postPrepared(connection, [unpostable], at);
}

/** The logged events that obey the rules. */
function postedOf(events: readonly LoggedEvent[]): PostedEvent[] {
  const posted: PostedEvent[] = [];
  for (const { type, item, storeId, edgeId, outboxId } of events) {
    if (type === "rejected" || item.content.kind !== "event") continue;
    posted.push({ storeId, edgeId, outboxId, event: item.content.event });
  }
  return posted;
}

/** Posts one quarantined event through the same rules, where it was. */
export async function postQuarantined(
  connection: SqlConnection,
  id: string,
  author: Author,
): Promise<RepostResult> {
  const [row] = await readQuarantine(connection, { id });
  if (row?.id !== id) {
    const message = `${id} is not in quarantine, or was reposted`;
    return { ok: false, code: "QUARANTINE_UNKNOWN", message };
  }
  const { by, nowMs } = author;
  const { storeId, edgeId, outboxId, sequence, text } = row;
  const told = contentOf(JSON.parse(text), Buffer.byteLength(text));
  const content = await withTagName(connection, edgeId, told);
  if (content.kind === "gap") throw new GatewayError("LEDGER_CORRUPT", `${id} is a gap`);
  if (content.kind === "rejected") return { ok: false, ...content };
  const { event } = content;
  const view = await loadEventView(connection, storeId, event);
  const outbox = { storeId, edgeId, outboxId };
  const { problem, posted, changes } = postAgain(view, outbox, event, author);
  if (problem !== undefined) return { ok: false, code: "LEDGER_RULE", message: problem };
  try {
    await savepoint(connection, async () => {
      await saveChanges(connection, changes);
      add(posted, await followConsignments(connection, [{ ...outbox, event }], { nowMs }));
      posted.alerts.push(...(await unpaidSinceReturns(connection, changes.entries, nowMs)));
      const loud = await saveAlerts(connection, posted.alerts, nowMs);
      await endNegatives(connection, changes.taskClosings, nowMs);
      posted.alerts = [...loud];
      await saveRepost(connection, { ...outbox, sequence, type: event.type, recordedAtMs: nowMs });
      const deed = { act: "quarantine_reposted", subject: id, by, atMs: nowMs } as const;
      await saveAudit(connection, [{ storeId, ...deed }]);
    });
  } catch (error) {
    if (!(error instanceof StatementError)) throw error;
    return { ok: false, code: "LEDGER_RULE", message: error.message };
  }
  return { ok: true, ...posted };
}

/** Adds what followed for consignments to what was posted. */
function add(posted: Posted | undefined, { alerts, entries }: Followed): void {
  posted?.alerts.push(...alerts);
  posted?.entries.push(...entries);
  posted?.changedItems.push(...changedItemsOf(entries));
}

/** One result of a batch that was posted event by event. */
function merge(parts: readonly Committed[]): Committed {
  const last = parts.at(-1)!;
  const items = parts.flatMap((part) => part.changedItems);
  return {
    answer: { ...last.answer, rejected: parts.flatMap((part) => part.answer.rejected) },
    entries: parts.flatMap((part) => part.entries),
    alerts: parts.flatMap((part) => part.alerts),
    changedItems: [...new Map(items.map((item) => [item.gtin, item])).values()],
    postedEventCount: parts.reduce((sum, part) => sum + part.postedEventCount, 0),
    skippedEventCount: parts.reduce((sum, part) => sum + part.skippedEventCount, 0),
  };
}
