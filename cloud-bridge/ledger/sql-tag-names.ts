// What people said that tags are which do not say it themselves: from then on what is told of such a tag is told of the
// product, and a tag that lies in the unknown bin is moved out of it. A wrong name can be corrected: what stands under it
// because of the tag goes over with it (`sql-tag-corrections.ts`).

import type { MovedEvent, Place } from "../../contract/event.ts";
import type { Gtin, StockState } from "../../contract/units.ts";
import type { Author } from "./author.ts";
import type { Content, PreparedBatch } from "./batch-items.ts";
import type { LedgerDatabase, SqlConnection } from "./database.ts";
import { isFeed } from "./facts.ts";
import { saveAudit } from "./sql-audit.ts";
import { type PostGroup, takeFacts } from "./sql-facts.ts";
import {
  correctionFacts,
  type Named,
  readBalances,
  readTagUnits,
  requireStock,
  serialTaken,
  standingUnits,
  TagNotCorrectedError,
} from "./sql-tag-corrections.ts";
import type { Posted } from "./types.ts";

export const tagNameTables = `
-- Of the whole chain: a tag goes from store to store.
CREATE TABLE IF NOT EXISTS tag_names (
  epc TEXT NOT NULL PRIMARY KEY,
  gtin TEXT NOT NULL, serial TEXT,
  named_at_ms INTEGER NOT NULL, named_by TEXT NOT NULL
) WITHOUT ROWID;
-- Which tag has a serial: asked for with each name.
CREATE INDEX IF NOT EXISTS tag_names_unit ON tag_names (gtin, serial) WHERE serial IS NOT NULL;
`;

/** What a tag is. */
export interface TagName {
  readonly epc: string;
  readonly gtin: string;
  readonly serial?: string;
  readonly namedAtMs: number;
  readonly namedBy: string;
}

/** Units that still stand in the book under the tag itself. */
export interface BinnedTag {
  readonly storeId: string;
  readonly place: Place;
  readonly quantity: number;
  readonly entryNumber: number;
}

/** A name in the place of another. */
export interface TagCorrection {
  readonly epc: string;
  readonly to: Named;
  /** Of the name that is wrong: when it was given. */
  readonly namedAtMs: number;
}

/** What a tag is called now; or why it cannot have the name that is wanted, and which field of it is wrong. */
export type NamingOutcome =
  | { readonly ok: true; readonly name: TagName }
  | { readonly ok: false; readonly field: "serial"; readonly message: string };

/** `stale`: the tag has another name by now. `field`: what of the new name is wrong, where that is why. */
export type CorrectionOutcome =
  | {
      readonly ok: true;
      readonly name: TagName;
      readonly movedCount: number;
      readonly posted: readonly Posted[];
    }
  | {
      readonly ok: false;
      readonly reason: "stale" | "refused";
      readonly message: string;
      readonly field?: "serial";
    };

/** Names of tags. */
export class SqlTagNames {
  readonly #database: LedgerDatabase;
  readonly #post: PostGroup;

  /** `post` posts through the rules for edges. */
  constructor(database: LedgerDatabase, post: PostGroup) {
    this.#database = database;
    this.#post = post;
  }

  /** What a tag is; undefined where nobody said it. */
  async read(epc: string): Promise<TagName | undefined> {
    return (await readNames(this.#database.reader, [epc])).get(epc);
  }

  /** Gives a tag another name, and books what stands under the wrong one over to it; nothing of it where that cannot be right. */
  async correct(correction: TagCorrection, author: Author): Promise<CorrectionOutcome> {
    try {
      return await this.#database.write((connection) =>
        correctName(connection, this.#post, correction, author),
      );
    } catch (error) {
      if (!(error instanceof TagNotCorrectedError)) throw error;
      return { ok: false, reason: "refused", message: error.message };
    }
  }

  /** Names a tag that has no name; gives the name that it has then. A serial is one unit's: no other tag gets it. */
  name(
    { epc, gtin, serial }: Pick<TagName, "epc" | "gtin"> & { serial?: string | undefined },
    { by, nowMs }: Author,
  ): Promise<NamingOutcome> {
    return this.#database.write(async (connection) => {
      const known = (await readNames(connection, [epc])).get(epc);
      if (known !== undefined) return { ok: true, name: known };
      const taken = await serialTaken(connection, epc, { gtin, serial });
      if (taken !== undefined) return { ok: false, field: "serial", message: taken };
      await connection.run(
        "INSERT INTO tag_names (epc, gtin, serial, named_at_ms, named_by) VALUES (?, ?, ?, ?, ?)",
        ...[epc, gtin, serial ?? null, nowMs, by],
      );
      await saveAudit(connection, [{ act: "tag_named", subject: epc, by, atMs: nowMs }]);
      const told = serial === undefined ? {} : { serial };
      return { ok: true, name: { epc, gtin, ...told, namedAtMs: nowMs, namedBy: by } };
    });
  }

  /** Where units stand in the book under the tag itself, in whichever store. */
  async binned(epc: string): Promise<BinnedTag[]> {
    const rows = await this.#database.reader.all<{
      storeId: string;
      location: string;
      state: StockState;
      quantity: number;
      entryNumber: number;
    }>(
      `SELECT b.store_id AS storeId, b.location, b.state, b.quantity, b.entry_number AS entryNumber
       FROM chain_heads h JOIN balances b ON b.store_id = h.store_id
       WHERE b.item = ? AND b.quantity > 0 AND instr(b.location, '/@') = 0
       ORDER BY b.store_id, b.location, b.state`,
      `epc/${epc}`,
    );
    return rows.map(({ location, state, ...row }) => ({ ...row, place: { location, state } }));
  }
}

async function correctName(
  connection: SqlConnection,
  post: PostGroup,
  { epc, to, namedAtMs }: TagCorrection,
  { by, nowMs }: Author,
): Promise<CorrectionOutcome> {
  const from = (await readNames(connection, [epc])).get(epc);
  if (from?.namedAtMs !== namedAtMs) {
    const message = from === undefined ? "has no name" : `${from.namedBy} named it anew`;
    return { ok: false, reason: "stale", message };
  }
  const taken = await serialTaken(connection, epc, to, from);
  if (taken !== undefined) return { ok: false, reason: "refused", field: "serial", message: taken };
  const units = await readTagUnits(connection, epc, from);
  const gtins = [from.gtin, to.gtin];
  const before = await readBalances(connection, units, gtins);
  const standing = standingUnits(units, from, before);
  const key = `${epc}/corrected/${namedAtMs}`;
  const requests = correctionFacts(epc, standing, [from, to], { by, key });
  const outcomes = await takeFacts(connection, post, requests, nowMs);
  const posted = outcomes.flatMap((outcome): Posted[] => {
    const refused = outcome.ok ? outcome.receipt.rejected[0] : outcome;
    if (refused !== undefined) throw new TagNotCorrectedError(refused.message);
    return outcome.ok && outcome.posted !== undefined ? [outcome.posted] : [];
  });
  requireStock(before, await readBalances(connection, standing, gtins));
  const name: TagName = {
    ...{ epc, gtin: to.gtin, ...(to.serial === undefined ? {} : { serial: to.serial }) },
    ...{ namedAtMs: Math.max(nowMs, namedAtMs + 1), namedBy: by },
  };
  await connection.run(
    "UPDATE tag_names SET gtin = ?, serial = ?, named_at_ms = ?, named_by = ? WHERE epc = ?",
    ...[name.gtin, name.serial ?? null, name.namedAtMs, by, epc],
  );
  await saveAudit(connection, [{ act: "tag_renamed", subject: epc, by, atMs: nowMs }]);
  const movedCount = standing.reduce((sum, { quantity }) => sum + quantity, 0);
  return { ok: true, name, movedCount, posted };
}

/** The group with what its tags are called, where they have a name. */
export async function withTagNames(
  connection: SqlConnection,
  group: readonly PreparedBatch[],
): Promise<readonly PreparedBatch[]> {
  // What the ledger itself posts, when it empties the bin, is of the tag.
  const told = group.filter(({ edgeId }) => !isFeed(edgeId));
  const epcs = told.flatMap(({ items }) => items.flatMap(({ content }) => tagOf(content) ?? []));
  if (epcs.length === 0) return group;
  const names = await readNames(connection, epcs);
  if (names.size === 0) return group;
  return group.map((batch) => {
    if (isFeed(batch.edgeId)) return batch;
    const items = batch.items.map((item) => ({ ...item, content: named(item.content, names) }));
    return { ...batch, items };
  });
}

/** The same for what one event of an edge says. */
export async function withTagName(
  connection: SqlConnection,
  edgeId: string,
  content: Content,
): Promise<Content> {
  const epc = isFeed(edgeId) ? undefined : tagOf(content);
  return epc === undefined ? content : named(content, await readNames(connection, [epc]));
}

function tagOf(content: Content): string | undefined {
  if (content.kind !== "event" || content.event.type !== "moved") return undefined;
  const { gtin, epc } = content.event.item;
  return gtin === undefined ? epc : undefined;
}

function named(content: Content, names: ReadonlyMap<string, TagName>): Content {
  const name = names.get(tagOf(content) ?? "");
  if (name === undefined || content.kind !== "event") return content;
  const event = content.event as MovedEvent;
  // A serial is of one unit.
  const serial = event.quantity === 1 && name.serial !== undefined ? { serial: name.serial } : {};
  const item = { ...event.item, gtin: name.gtin as Gtin, ...serial };
  return { ...content, event: { ...event, item } as typeof content.event };
}

async function readNames(
  connection: SqlConnection,
  epcs: readonly string[],
): Promise<Map<string, TagName>> {
  const rows = await connection.all<Omit<TagName, "serial"> & { serial: string | null }>(
    `SELECT epc, gtin, serial, named_at_ms AS namedAtMs, named_by AS namedBy FROM tag_names
     WHERE epc IN (SELECT value->>0 FROM json_each(?))`,
    JSON.stringify([...new Set(epcs)].map((epc) => [epc])),
  );
  return new Map(
    rows.map(({ serial, ...row }) => [row.epc, { ...row, ...(serial === null ? {} : { serial }) }]),
  );
}
