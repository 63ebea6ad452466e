// Opens the file of an outbox, or begins a new one. A damaged file is set aside, never deleted and
// never used again; what it still tells goes into the new outbox's first event, `outbox_started`.

import { readProgress } from "../../contract/commit-progress.ts";
import { genesisDigest } from "../../contract/digest.ts";
import { errorCodeOf, errorMessageOf, GatewayError } from "../../contract/errors.ts";
import { type EventDraft, noticeCodes } from "../../contract/event.ts";
import { findWalLoss, type WalLoss } from "../../contract/wal-check.ts";
import { type CheckedEvent, checkDraft, type EventStamp } from "./draft.ts";
import { exists, type Identity, readIdentity, setFilesAside, writeIdentity } from "./identity.ts";
import { lostCommitCount, progressSchema } from "./progress.ts";
import { chainEvent, insertRows } from "./rows.ts";
import {
  applicationId,
  createTables,
  markFile,
  type OutboxRecord,
  type Predecessor,
  predecessorCountMax,
  tablesVersion,
} from "./schema.ts";
import { type Sql, SqliteFile, type SqliteOptions } from "./sqlite.ts";
import { checkState, readRecord, readState, recordText } from "./stored.ts";

/** Why an outbox began. */
export type StartReason = "new" | "corrupt" | "diverged";

/** What is lost of the run before although the outbox goes on. `gone`, `damaged`, `cut`: the end of its -wal. */
export interface SetBack {
  readonly cause: WalLoss["cause"] | "cut" | "state";
  /** Transactions that are lost; where that can be told. */
  readonly commitCount?: number;
  /** Values of sensing's state that were damaged, and are left out. */
  readonly stateCount?: number;
}

/** What an outbox needs to begin. */
export interface Beginning {
  readonly edgeId: string;
  readonly outboxId: string;
  readonly nowMs: number;
  readonly stamp: EventStamp;
}

/** An opened outbox. `started` only where a new one began. */
export interface OpenedFile {
  readonly sqlite: SqliteFile;
  readonly record: OutboxRecord;
  readonly state: Map<string, string>;
  readonly started?: {
    readonly reason: StartReason;
    readonly setAsideFile?: string;
    readonly cause?: string;
  };
  readonly setBack?: SetBack;
}

/** How the file is opened. */
export type FileOptions = Omit<SqliteOptions, "mode">;

/** Opens or begins; GatewayError OUTBOX_FAILED or OUTBOX_FULL when the disk does not let us. */
export async function openOutboxFile(
  options: FileOptions,
  beginning: Beginning,
): Promise<OpenedFile> {
  const { file } = options;
  const identity = await readIdentity(file);
  const damage = await tryExisting(options, identity, beginning.nowMs);
  if (damage !== undefined && "record" in damage) return damage;
  if (identity === undefined && damage === undefined) {
    return { ...(await begin(options, beginning, "new", {})), started: { reason: "new" } };
  }
  const { known, ...rest } = damage ?? { known: {}, cause: `${file} is gone` };
  const opened = await begin(options, beginning, "corrupt", { ...identity, ...known });
  return { ...opened, started: { reason: "corrupt", ...rest } };
}

interface Damage {
  readonly known: Partial<OutboxRecord>;
  readonly cause: string;
  readonly setAsideFile: string;
}

// Resolves to nothing where there is no outbox yet; sets a damaged one aside.
async function tryExisting(
  options: FileOptions,
  identity: Identity | undefined,
  nowMs: number,
): Promise<OpenedFile | Damage | undefined> {
  const { file } = options;
  try {
    if (await exists(file)) return await openExisting(options, identity);
    if (!(await exists(`${file}-wal`))) return undefined;
    throw new GatewayError("OUTBOX_CORRUPT", `${file} is gone, but not its -wal`);
  } catch (error) {
    if (errorCodeOf(error) !== "OUTBOX_CORRUPT") throw error;
    const known = await readDamaged(file);
    const setAsideFile = await setFilesAside(file, nowMs);
    return { known, cause: errorMessageOf(error), setAsideFile };
  }
}

/** The record of an outbox without events. `known`: what is carried over; `previous`: whose place it takes. */
export function emptyRecord(
  { outboxId, nowMs }: Pick<Beginning, "outboxId" | "nowMs">,
  known: Partial<OutboxRecord>,
  previous?: Predecessor,
): OutboxRecord {
  const digest = genesisDigest(outboxId);
  const predecessors = [
    ...(known.predecessors ?? []),
    ...(previous === undefined ? [] : [previous]),
  ];
  return {
    outboxId,
    createdAtMs: nowMs,
    lastSequence: 0,
    lastDigest: digest,
    acknowledgedSequence: 0,
    acknowledgedDigest: digest,
    ledgerEpoch: known.ledgerEpoch ?? 0,
    baseSequence: 0,
    baseDigest: digest,
    overflowSequence: 0,
    aliveAtMs: known.aliveAtMs ?? 0,
    wallAtMs: known.wallAtMs ?? nowMs,
    evidenceShedCount: known.evidenceShedCount ?? 0,
    trimmedCount: known.trimmedCount ?? 0,
    overflowedCount: known.overflowedCount ?? 0,
    setAsideCount: known.setAsideCount ?? 0,
    tablesVersion,
    commitSequence: known.commitSequence ?? 0,
    ...(predecessors.length === 0
      ? {}
      : { predecessors: predecessors.slice(-predecessorCountMax) }),
  };
}

/** The first event of every outbox. `previous`: what is known of the one before. */
export function outboxStarted(
  { edgeId, nowMs, stamp }: Omit<Beginning, "outboxId">,
  reason: StartReason,
  previous: {
    outboxId?: string | undefined;
    lastSequence?: number | undefined;
    lostCount?: number;
  },
): CheckedEvent {
  const { outboxId, lastSequence, lostCount } = previous;
  return checkDraft({
    type: "noticed",
    code: noticeCodes.outboxStarted,
    severity: reason === "new" ? "info" : "alarm",
    deviceId: edgeId,
    occurredAtMs: nowMs,
    detail: {
      reason,
      ...(outboxId === undefined ? {} : { previousOutboxId: outboxId }),
      ...(lastSequence === undefined ? {} : { lastKnownSequence: lastSequence }),
      ...(lostCount === undefined ? {} : { lostCount }),
    },
    ...stamp,
  });
}

/** Says that something of the run before is lost. `record`: what is left. */
export function setBackNotice(
  { edgeId, nowMs, stamp }: Omit<Beginning, "outboxId">,
  { cause, commitCount, stateCount }: SetBack,
  { outboxId, lastSequence }: OutboxRecord,
): EventDraft {
  return {
    type: "noticed",
    code: noticeCodes.bufferSetBack,
    severity: "alarm",
    deviceId: edgeId,
    occurredAtMs: nowMs,
    detail: {
      ...{ cause, outboxId, lastSequence },
      ...(commitCount === undefined ? {} : { lostCommitCount: commitCount }),
      ...(stateCount === undefined ? {} : { lostStateCount: stateCount }),
    },
    ...stamp,
  };
}

// Resolves to nothing for a file without tables, as a crash leaves it before the first commit.
async function openExisting(
  options: FileOptions,
  identity: Identity | undefined,
): Promise<OpenedFile | undefined> {
  const { file } = options;
  const walLoss = await findWalLoss(file);
  const progress = await readProgress(file, progressSchema);
  const sqlite = await SqliteFile.open({ ...options, mode: "write" });
  try {
    const isNew = await sqlite.read(isEmpty);
    if (isNew && identity !== undefined) {
      throw new GatewayError("OUTBOX_CORRUPT", `${file} has lost its tables`);
    }
    if (isNew) {
      await sqlite.close();
      return undefined;
    }
    const record = await moveOn(sqlite, await sqlite.read((sql) => readChecked(sql, file)));
    const { state, damagedCount } = await sqlite.read(readState);
    await sqlite.read(shrink);
    if (record.outboxId !== identity?.outboxId) await writeIdentity(file, record);
    const setBack = setBackOf(walLoss, lostCommitCount(record, progress), damagedCount);
    return { sqlite, record, state, ...(setBack === undefined ? {} : { setBack }) };
  } catch (error) {
    await sqlite.close();
    throw error;
  }
}

function setBackOf(
  walLoss: WalLoss | undefined,
  lostCommitCount: number,
  damagedCount: number,
): SetBack | undefined {
  const cut = lostCommitCount === 0 ? undefined : { cause: "cut", commitCount: lostCommitCount };
  const end = walLoss ?? (cut as SetBack | undefined);
  if (damagedCount === 0) return end;
  return { ...(end ?? { cause: "state" }), stateCount: damagedCount };
}

// The record says that the file is ours and of which version; where it does not, the file's header may say why.
async function readChecked(sql: Sql, file: string): Promise<OutboxRecord> {
  let record: OutboxRecord;
  try {
    record = await readRecord(sql);
  } catch (error) {
    await checkHeader(sql, file);
    throw error;
  }
  checkVersion(record.tablesVersion, file);
  const check = await sql.all<{ quick_check: string }>("PRAGMA quick_check(1)");
  const verdict = check[0]?.quick_check;
  if (verdict !== "ok") throw new GatewayError("OUTBOX_CORRUPT", `quick_check: ${verdict}`);
  await checkEnds(sql, record);
  return record;
}
/** Free pages given back to the disk at a start: 16 MiB, so that a start stays quick. */
const shrinkPageCount = 4096;

// After a long outage most of the file is free. Less than that is soon used again and stays.
async function shrink(sql: Sql): Promise<void> {
  const row = await sql.get<{ pages: number; free: number }>(
    `SELECT page_count AS pages, freelist_count AS free
     FROM pragma_page_count, pragma_freelist_count`,
  );
  if (row === undefined || row.free < shrinkPageCount || row.free < row.pages / 2) return;
  await sql.exec(`PRAGMA incremental_vacuum(${shrinkPageCount})`);
}

async function isEmpty(sql: Sql): Promise<boolean> {
  return (await sql.get("SELECT 1 FROM sqlite_schema LIMIT 1")) === undefined;
}

// Why a record cannot be read: the file is none of ours, or of a version that is to come.
async function checkHeader(sql: Sql, file: string): Promise<void> {
  const header = await readHeader(sql);
  if (header?.application_id !== applicationId) {
    const message = `${file} is another program's database; choose another data directory`;
    throw new GatewayError("OUTBOX_FAILED", message);
  }
  checkVersion(header.user_version, file);
}

function checkVersion(version: number, file: string): void {
  if (version <= tablesVersion) return;
  const message = `${file} was written by a newer version; install that one or a newer one`;
  throw new GatewayError("OUTBOX_FAILED", message);
}

function readHeader(sql: Sql) {
  return sql.get<{ application_id: number; user_version: number }>(
    "SELECT application_id, user_version FROM pragma_application_id, pragma_user_version",
  );
}

// Tables of an older version become those of this one; a header in which bits have flipped is written anew.
async function moveOn(sqlite: SqliteFile, record: OutboxRecord): Promise<OutboxRecord> {
  const header = await sqlite.read(readHeader);
  const isOurs = header?.application_id === applicationId && header.user_version === tablesVersion;
  if (isOurs && record.tablesVersion === tablesVersion) return record;
  const moved = { ...record, tablesVersion };
  await sqlite.write(async (sql) => {
    await sql.exec(markFile);
    if (record.tablesVersion < 2) await checkState(sql);
    await sql.run("UPDATE outbox SET record = ?", recordText(moved));
  });
  return moved;
}

// The tables and the record are committed together; where they differ, the file lost something.
async function checkEnds(sql: Sql, record: OutboxRecord): Promise<void> {
  const row = await sql.get<{ count: number; first: number | null; digest: string | null }>(
    `SELECT count(*) AS count, min(sequence) AS first,
       (SELECT digest FROM event ORDER BY sequence DESC LIMIT 1) AS digest FROM event`,
  );
  const keptCount = record.lastSequence - record.baseSequence;
  const fits =
    row?.count === keptCount &&
    (keptCount === 0 || row.first === record.baseSequence + 1) &&
    (row.digest ?? record.baseDigest) === record.lastDigest;
  if (!fits) throw new GatewayError("OUTBOX_CORRUPT", "events and counter do not fit together");
}

// What a damaged file still tells of itself.
async function readDamaged(file: string): Promise<Partial<OutboxRecord>> {
  try {
    const sqlite = await SqliteFile.open({ file, mode: "read" });
    try {
      return await sqlite.read((sql) => readRecord(sql));
    } finally {
      await sqlite.close();
    }
  } catch {
    // Too damaged to tell: the identity file is all that is left.
    return {};
  }
}

// Of a damaged outbox the ledger has what it acknowledged; the rest can be read from the file set aside alone.
function damagedOf(known: Partial<OutboxRecord>): Predecessor | undefined {
  const { outboxId, acknowledgedSequence = 0, lastSequence = acknowledgedSequence } = known;
  if (outboxId === undefined) return undefined;
  const lostCount = lastSequence - acknowledgedSequence;
  return { outboxId, reason: "corrupt", leftThroughSequence: acknowledgedSequence, lostCount };
}

async function begin(
  options: FileOptions,
  beginning: Beginning,
  reason: StartReason,
  known: Partial<OutboxRecord>,
): Promise<OpenedFile> {
  const sqlite = await SqliteFile.open({ ...options, mode: "create" });
  try {
    const record = emptyRecord(beginning, known, damagedOf(known));
    const row = chainEvent(record, outboxStarted(beginning, reason, known));
    await sqlite.write(async (sql) => {
      await sql.exec(createTables);
      await insertRows(sql, [row]);
      await sql.run("INSERT INTO outbox (id, record) VALUES (1, ?)", recordText(record));
    });
    // So that the file alone, without its -wal, is already an outbox.
    await sqlite.read((sql) => sql.exec("PRAGMA wal_checkpoint(TRUNCATE)"));
    await writeIdentity(options.file, record);
    return { sqlite, record, state: new Map() };
  } catch (error) {
    await sqlite.close();
    throw error;
  }
}
