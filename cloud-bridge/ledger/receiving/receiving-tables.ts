// The tables of consignments, and of the movements that name one.

export const receivingTables = `
-- store_id is where it goes; body has the rest as JSON. overdue_told: that it should have come was told.
CREATE TABLE IF NOT EXISTS consignments (
  store_id TEXT NOT NULL, consignment_id TEXT NOT NULL,
  kind TEXT NOT NULL, from_name TEXT NOT NULL, state TEXT NOT NULL,
  opened_at_ms INTEGER NOT NULL, expected_at_ms INTEGER,
  overdue_told INTEGER NOT NULL,
  body TEXT NOT NULL,
  PRIMARY KEY (store_id, consignment_id)
) WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS consignments_time ON consignments (store_id, opened_at_ms);
CREATE INDEX IF NOT EXISTS consignments_from ON consignments (from_name, opened_at_ms);
CREATE INDEX IF NOT EXISTS consignments_due ON consignments (expected_at_ms) WHERE state = 'open' AND overdue_told = 0;
-- Units that an announced delivery names. since_ms: from then on one that comes without naming the delivery is taken for it.
CREATE TABLE IF NOT EXISTS consignment_units (
  store_id TEXT NOT NULL, consignment_id TEXT NOT NULL,
  item TEXT NOT NULL, serial TEXT NOT NULL,
  since_ms INTEGER NOT NULL,
  PRIMARY KEY (store_id, consignment_id, item, serial)
) WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS consignment_units_unit ON consignment_units (store_id, item, serial);
`;
