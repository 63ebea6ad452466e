// The tables of counting: what people count, what a store demands of it, and what follows for promises.

export const countingTables = `
-- What a store demands ('*': every other one), as JSON of countPolicySchema.
CREATE TABLE IF NOT EXISTS count_policies (
  store_id TEXT NOT NULL PRIMARY KEY,
  body TEXT NOT NULL
) WITHOUT ROWID;
-- Class and price of a product in a store ('*': in every other one), as a catalogue says it; abc is the ledger's own.
CREATE TABLE IF NOT EXISTS count_items (
  store_id TEXT NOT NULL, gtin TEXT NOT NULL,
  class TEXT, price_minor INTEGER, abc TEXT,
  PRIMARY KEY (store_id, gtin)
) WITHOUT ROWID;
-- Counts that people carry out.
CREATE TABLE IF NOT EXISTS stocktakes (
  store_id TEXT NOT NULL, count_id TEXT NOT NULL,
  digest TEXT NOT NULL, kind TEXT NOT NULL,
  location TEXT NOT NULL, state TEXT NOT NULL,
  phase TEXT NOT NULL,
  opened_at_ms INTEGER NOT NULL, opened_by TEXT NOT NULL,
  changed_at_ms INTEGER NOT NULL, changed_by TEXT NOT NULL,
  submitted_at_ms INTEGER,
  posting_count INTEGER NOT NULL, population_count INTEGER NOT NULL,
  PRIMARY KEY (store_id, count_id)
) WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS stocktakes_time ON stocktakes (store_id, opened_at_ms);
CREATE INDEX IF NOT EXISTS stocktakes_open ON stocktakes (store_id) WHERE phase IN ('counting', 'review');
CREATE TABLE IF NOT EXISTS stocktake_lines (
  store_id TEXT NOT NULL, count_id TEXT NOT NULL, gtin TEXT NOT NULL, location TEXT NOT NULL,
  status TEXT NOT NULL,
  observations TEXT NOT NULL,
  value_minor INTEGER NOT NULL, is_outdated INTEGER NOT NULL,
  reason TEXT, cause TEXT, approved_by TEXT,
  posted_quantity INTEGER,
  PRIMARY KEY (store_id, count_id, gtin, location)
) WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS count_lines_item ON count_lines (store_id, item, at_ms);
-- What a count of tags found, beside what was expected.
CREATE TABLE IF NOT EXISTS rfid_counts (
  store_id TEXT NOT NULL, edge_id TEXT NOT NULL, outbox_id TEXT NOT NULL, sequence INTEGER NOT NULL,
  location TEXT NOT NULL, state TEXT NOT NULL, at_ms INTEGER NOT NULL,
  completeness_ppm INTEGER NOT NULL,
  body TEXT NOT NULL,
  PRIMARY KEY (store_id, edge_id, outbox_id, sequence)
) WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS rfid_counts_time ON rfid_counts (store_id, at_ms);
CREATE INDEX IF NOT EXISTS serials_place ON serials (store_id, location);
-- Shares of what is on hand that are not promised, because the book is not trusted.
CREATE TABLE IF NOT EXISTS trust_gates (
  store_id TEXT NOT NULL, gtin TEXT NOT NULL,
  score_percent INTEGER NOT NULL,
  withheld_percent INTEGER NOT NULL CHECK (withheld_percent BETWEEN 0 AND 100),
  PRIMARY KEY (store_id, gtin)
) WITHOUT ROWID;
-- When a store was last looked at in whole.
CREATE TABLE IF NOT EXISTS count_sweeps (
  store_id TEXT NOT NULL PRIMARY KEY,
  at_ms INTEGER NOT NULL, classes_at_ms INTEGER NOT NULL
) WITHOUT ROWID;
`;
