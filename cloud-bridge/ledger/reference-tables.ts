// The table of movements that name what they belong to.

export const referenceTables = `
-- store_id is where it was seen; reference_id names a delivery, a transfer, a till's receipt.
CREATE TABLE IF NOT EXISTS referenced_moves (
  store_id TEXT NOT NULL, reference_id TEXT NOT NULL,
  edge_id TEXT NOT NULL, outbox_id TEXT NOT NULL, sequence INTEGER NOT NULL,
  side TEXT NOT NULL, item TEXT NOT NULL, quantity INTEGER NOT NULL,
  occurred_at_ms INTEGER NOT NULL,
  PRIMARY KEY (store_id, reference_id, edge_id, outbox_id, sequence)
) WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS referenced_moves_name ON referenced_moves (reference_id);
-- Units that such movements named one by one.
CREATE TABLE IF NOT EXISTS referenced_units (
  store_id TEXT NOT NULL, reference_id TEXT NOT NULL,
  edge_id TEXT NOT NULL, outbox_id TEXT NOT NULL, sequence INTEGER NOT NULL,
  side TEXT NOT NULL, item TEXT NOT NULL, serial TEXT NOT NULL,
  PRIMARY KEY (store_id, reference_id, edge_id, outbox_id, sequence)
) WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS referenced_units_name ON referenced_units (reference_id);
-- Lots that they named.
CREATE TABLE IF NOT EXISTS referenced_lots (
  store_id TEXT NOT NULL, reference_id TEXT NOT NULL,
  edge_id TEXT NOT NULL, outbox_id TEXT NOT NULL, sequence INTEGER NOT NULL,
  side TEXT NOT NULL, item TEXT NOT NULL, lot TEXT NOT NULL, quantity INTEGER NOT NULL,
  PRIMARY KEY (store_id, reference_id, edge_id, outbox_id, sequence)
) WITHOUT ROWID;
`;
