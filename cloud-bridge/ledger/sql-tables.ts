// The tables of the ledger. Every primary key has the store in it, so that a larger database can
// partition by it. Times are Unix ms, digests lower-case hex, flags 0 or 1; no REAL anywhere.

import { catalogueTables } from "./catalogue/sql-catalogue.ts";
import { countingTables } from "./counting/counting-tables.ts";
import { receivingTables } from "./receiving/receiving-tables.ts";
import { referenceTables } from "./reference-tables.ts";
import { returnTables } from "./returns/return-tables.ts";
import { alertMessageTables } from "./sql-alerts.ts";
import { auditTables } from "./sql-audit.ts";
import { epcisTables } from "./sql-capture-tables.ts";
import { claimAnswerTables } from "./sql-claim-answers.ts";
import { factTables } from "./sql-facts.ts";
import { followerTables } from "./sql-followers.ts";
import { lotQuantitiesUpgrade, lotTables, lotUnitsUpgrade } from "./sql-lot-quantities.ts";
import { planTables } from "./sql-plan.ts";
import { setBackTables } from "./sql-set-backs.ts";
import { tagNameTables } from "./sql-tag-names.ts";
import { treeTables } from "./sql-tree.ts";
import { unitPlacesUpgrade } from "./sql-unit-places.ts";
import { webhookTables } from "./sql-webhooks.ts";
import { withheldTables } from "./sql-withheld.ts";

/** The columns of a table that hold whole numbers; of values that come as JSON they have to be cast. */
export function integerColumnsOf(table: string): ReadonlySet<string> {
  const known = integerColumns.get(table);
  if (known !== undefined) return known;
  const definition = new RegExp(`CREATE TABLE (?:IF NOT EXISTS )?${table} \\(([^;]*)`);
  const [, body = ""] = definition.exec(tables) ?? definition.exec(additions) ?? [];
  const columns = new Set([...body.matchAll(/(\w+) INTEGER/g)].map(([, name]) => name!));
  integerColumns.set(table, columns);
  return columns;
}
const integerColumns = new Map<string, ReadonlySet<string>>();

/** What a ledger of an earlier day lacks; made at each start where it is missing. */
export const additions = `
${followerTables}${epcisTables}${webhookTables}${treeTables}${auditTables}${alertMessageTables}${setBackTables}
CREATE INDEX IF NOT EXISTS entries_item ON entries (store_id, item, placed_at_ms);
-- The way from a unit to all that happened to it.
CREATE INDEX IF NOT EXISTS entries_named ON entries (store_id, item, serial, entry_number)
  WHERE serial IS NOT NULL;
DROP INDEX IF EXISTS entries_serial;
DROP INDEX IF EXISTS entries_unit;
DROP INDEX IF EXISTS serials_key;
DROP INDEX IF EXISTS entries_sales;
CREATE INDEX IF NOT EXISTS entries_sold ON entries (store_id, placed_at_ms)
  WHERE reason IN ('retail_selling', 'returning', 'claim_hand_over');

-- Counts that anchor. at_ms is when it was complete, last_at_ms the latest time that it speaks of.
CREATE TABLE IF NOT EXISTS counts (
  store_id TEXT NOT NULL, edge_id TEXT NOT NULL, outbox_id TEXT NOT NULL, sequence INTEGER NOT NULL,
  location TEXT NOT NULL, state TEXT NOT NULL,
  complete INTEGER NOT NULL,
  at_ms INTEGER NOT NULL, last_at_ms INTEGER NOT NULL,
  PRIMARY KEY (store_id, edge_id, outbox_id, sequence)
) WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS counts_time ON counts (store_id, last_at_ms);
CREATE TABLE IF NOT EXISTS count_lines (
  store_id TEXT NOT NULL, edge_id TEXT NOT NULL, outbox_id TEXT NOT NULL, sequence INTEGER NOT NULL,
  item TEXT NOT NULL,
  quantity INTEGER NOT NULL,
  at_ms INTEGER NOT NULL,
  PRIMARY KEY (store_id, edge_id, outbox_id, sequence, item)
) WITHOUT ROWID;

-- Items with customers' goods to settle: from which time on, and when (in event time; 0: now).
CREATE TABLE IF NOT EXISTS unsettled (
  store_id TEXT NOT NULL, item TEXT NOT NULL,
  since_ms INTEGER NOT NULL,
  due_at_ms INTEGER NOT NULL,
  PRIMARY KEY (store_id, item)
) WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS unsettled_due ON unsettled (store_id, due_at_ms);

-- One open alert for what it is about, however often it is raised.
CREATE TABLE IF NOT EXISTS alerts (
  store_id TEXT NOT NULL, alert_id INTEGER NOT NULL,
  alert_key TEXT NOT NULL,
  code TEXT NOT NULL, severity TEXT NOT NULL, cause TEXT NOT NULL,
  edge_id TEXT,
  message TEXT NOT NULL, detail TEXT NOT NULL,
  first_at_ms INTEGER NOT NULL, at_ms INTEGER NOT NULL,
  raise_count INTEGER NOT NULL,
  expires_at_ms INTEGER NOT NULL,
  closed_at_ms INTEGER, acknowledged_by TEXT,
  muted_until_ms INTEGER, muted_by TEXT,
  PRIMARY KEY (store_id, alert_id)
);
CREATE UNIQUE INDEX IF NOT EXISTS alerts_open ON alerts (store_id, alert_key)
  WHERE closed_at_ms IS NULL;
CREATE INDEX IF NOT EXISTS alerts_key ON alerts (store_id, alert_key);

-- A claim is named without its store, which changes when it moves.
CREATE TABLE IF NOT EXISTS claims (
  store_id TEXT NOT NULL, claim_id TEXT NOT NULL,
  owner TEXT NOT NULL, channel TEXT NOT NULL,
  state TEXT NOT NULL,
  expires_at_ms INTEGER NOT NULL,
  created_at_ms INTEGER NOT NULL, changed_at_ms INTEGER NOT NULL, changed_by TEXT NOT NULL,
  PRIMARY KEY (store_id, claim_id)
) WITHOUT ROWID;
CREATE UNIQUE INDEX IF NOT EXISTS claims_id ON claims (claim_id);
CREATE INDEX IF NOT EXISTS claims_open ON claims (store_id, expires_at_ms) WHERE state = 'reserved';
CREATE INDEX IF NOT EXISTS claims_created ON claims (store_id, created_at_ms);
-- reserved_until_ms is set while the line keeps units from others; places says where the units were set aside.
CREATE TABLE IF NOT EXISTS claim_lines (
  store_id TEXT NOT NULL, claim_id TEXT NOT NULL, line INTEGER NOT NULL,
  gtin TEXT NOT NULL, quantity INTEGER NOT NULL CHECK (quantity > 0),
  places TEXT NOT NULL,
  reserved_until_ms INTEGER,
  PRIMARY KEY (store_id, claim_id, line)
) WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS claim_lines_reserved
  ON claim_lines (store_id, gtin, reserved_until_ms, quantity) WHERE reserved_until_ms IS NOT NULL;
CREATE INDEX IF NOT EXISTS claim_lines_until ON claim_lines (reserved_until_ms)
  WHERE reserved_until_ms IS NOT NULL;
${claimAnswerTables}${withheldTables}${planTables}${countingTables}${catalogueTables}${receivingTables}${returnTables}${referenceTables}
${factTables}${lotTables}${tagNameTables}`;

/** Version of the tables, in `PRAGMA user_version` and `ledger_version`. */
export const tablesVersion = 5;

interface Upgrade {
  readonly version: number;
  readonly sqlite: string;
  readonly postgres: string;
}

// Asked for without a store too (who has this unit?): one tree that serves both is written instead of two.
const serialsTable = (name: string) => `CREATE TABLE ${name} (
  serial_key TEXT NOT NULL, store_id TEXT NOT NULL,
  location TEXT NOT NULL, state TEXT NOT NULL,
  at_ms INTEGER NOT NULL,
  PRIMARY KEY (serial_key, store_id)
) WITHOUT ROWID;`;

const unitsUpgrade = `${unitPlacesUpgrade};${lotUnitsUpgrade}`;
const actorColumn = "ALTER TABLE entries ADD COLUMN actor TEXT";

/** What makes the tables of the version before into those of the next, in order; a new ledger has it all in `tables`. */
const upgrades: readonly Upgrade[] = [
  { version: 2, sqlite: actorColumn, postgres: actorColumn },
  {
    version: 3,
    sqlite: `${serialsTable("serials_by_key")}
INSERT INTO serials_by_key (serial_key, store_id, location, state, at_ms)
  SELECT serial_key, store_id, location, state, at_ms FROM serials ORDER BY serial_key, store_id;
DROP TABLE serials;
ALTER TABLE serials_by_key RENAME TO serials`,
    postgres:
      "ALTER TABLE serials DROP CONSTRAINT serials_pkey, ADD PRIMARY KEY (serial_key, store_id)",
  },
  { version: 4, sqlite: lotQuantitiesUpgrade, postgres: lotQuantitiesUpgrade },
  { version: 5, sqlite: unitsUpgrade, postgres: unitsUpgrade },
];

/** The scripts that tables of an older version lack. */
export function upgradesAfter(version: number, dialect: "sqlite" | "postgres"): string[] {
  return upgrades.filter((each) => each.version > version).map((each) => each[dialect]);
}

export const tables = `
CREATE TABLE meta (
  name TEXT NOT NULL PRIMARY KEY,
  value INTEGER NOT NULL
) WITHOUT ROWID;

CREATE TABLE positions (
  store_id TEXT NOT NULL, edge_id TEXT NOT NULL, outbox_id TEXT NOT NULL,
  through_sequence INTEGER NOT NULL,
  through_digest TEXT NOT NULL,
  frozen INTEGER NOT NULL,
  complete_through_at_ms INTEGER NOT NULL,
  placed_at_ms INTEGER NOT NULL,
  PRIMARY KEY (store_id, edge_id, outbox_id)
) WITHOUT ROWID;

-- What was posted: an event a row; a gap is one row from first_sequence to sequence.
CREATE TABLE event_log (
  store_id TEXT NOT NULL, edge_id TEXT NOT NULL, outbox_id TEXT NOT NULL,
  sequence INTEGER NOT NULL,
  first_sequence INTEGER NOT NULL,
  type TEXT NOT NULL,
  digest TEXT NOT NULL,
  body TEXT NOT NULL,
  evidence TEXT,
  recorded_at_ms INTEGER NOT NULL,
  PRIMARY KEY (store_id, edge_id, outbox_id, sequence)
);
CREATE INDEX event_log_noticed ON event_log (store_id, recorded_at_ms) WHERE type = 'noticed';
CREATE INDEX event_log_gap ON event_log (store_id) WHERE type = 'gap';

CREATE TABLE quarantine (
  store_id TEXT NOT NULL, edge_id TEXT NOT NULL, outbox_id TEXT NOT NULL,
  sequence INTEGER NOT NULL,
  code TEXT NOT NULL,
  message TEXT NOT NULL,
  body TEXT NOT NULL,
  quarantined_at_ms INTEGER NOT NULL,
  reposted_at_ms INTEGER,
  PRIMARY KEY (store_id, edge_id, outbox_id, sequence)
);

-- Append-only. actor did it by a call, where it is not null. placed_at_ms is derived and outside the hash: occurred_at_ms is what the edge reported.
CREATE TABLE entries (
  store_id TEXT NOT NULL, entry_number INTEGER NOT NULL,
  item TEXT NOT NULL, serial TEXT, lot TEXT,
  quantity INTEGER NOT NULL CHECK (quantity > 0),
  from_location TEXT NOT NULL, from_state TEXT NOT NULL,
  to_location TEXT NOT NULL, to_state TEXT NOT NULL,
  reason TEXT NOT NULL,
  occurred_at_ms INTEGER NOT NULL, placed_at_ms INTEGER NOT NULL, recorded_at_ms INTEGER NOT NULL,
  edge_id TEXT NOT NULL, outbox_id TEXT NOT NULL, sequence INTEGER NOT NULL,
  device_id TEXT NOT NULL, actor TEXT,
  unsynced_boot_id TEXT,
  hash TEXT NOT NULL,
  PRIMARY KEY (store_id, entry_number)
);
CREATE INDEX entries_unsynced ON entries (store_id, edge_id, unsynced_boot_id)
  WHERE unsynced_boot_id IS NOT NULL;

CREATE TABLE chain_heads (
  store_id TEXT NOT NULL PRIMARY KEY,
  entry_number INTEGER NOT NULL,
  hash TEXT NOT NULL
) WITHOUT ROWID;

-- entry_number is the last entry that touched the account.
CREATE TABLE balances (
  store_id TEXT NOT NULL, item TEXT NOT NULL, location TEXT NOT NULL, state TEXT NOT NULL,
  quantity INTEGER NOT NULL,
  entry_number INTEGER NOT NULL,
  PRIMARY KEY (store_id, item, location, state)
) WITHOUT ROWID;
CREATE INDEX balances_place ON balances (store_id, location);

${serialsTable("serials")}

CREATE TABLE tasks (
  store_id TEXT NOT NULL, task_id INTEGER NOT NULL,
  task_key TEXT NOT NULL,
  code TEXT NOT NULL,
  location TEXT NOT NULL, state TEXT, item TEXT,
  message TEXT NOT NULL,
  opened_at_ms INTEGER NOT NULL, closed_at_ms INTEGER,
  PRIMARY KEY (store_id, task_id)
);
CREATE UNIQUE INDEX tasks_open ON tasks (store_id, task_key) WHERE closed_at_ms IS NULL;

CREATE TABLE plans (
  store_id TEXT NOT NULL PRIMARY KEY,
  version INTEGER NOT NULL,
  stockroom TEXT,
  body TEXT NOT NULL
);
CREATE TABLE facings (
  store_id TEXT NOT NULL, gtin TEXT NOT NULL, ordinal INTEGER NOT NULL,
  location TEXT NOT NULL,
  picks_sensed INTEGER NOT NULL,
  PRIMARY KEY (store_id, gtin, ordinal)
) WITHOUT ROWID;
`;
