// The table of returns.

export const returnTables = `
CREATE TABLE IF NOT EXISTS return_cases (
  store_id TEXT NOT NULL, return_id TEXT NOT NULL,
  digest TEXT NOT NULL,
  gtin TEXT NOT NULL, serial TEXT, receipt_id TEXT,
  state TEXT NOT NULL, disposition TEXT,
  received_at_ms INTEGER NOT NULL, disposed_at_ms INTEGER,
  body TEXT NOT NULL,
  PRIMARY KEY (store_id, return_id)
) WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS return_cases_time ON return_cases (store_id, received_at_ms);
CREATE INDEX IF NOT EXISTS return_cases_receipt ON return_cases (receipt_id, gtin);
CREATE INDEX IF NOT EXISTS return_cases_serial ON return_cases (gtin, serial);
`;
