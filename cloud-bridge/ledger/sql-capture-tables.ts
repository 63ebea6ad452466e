// Tables of events that others sent, of the answers they got, and of what they let stores expect.

import { voidStep } from "../epcis/expected-lines.ts";
import { orderTables } from "./sql-events-in-order.ts";
import { namedQueryTables } from "./sql-named-queries.ts";

const captureTables = `
-- event_number counts the captured events of all stores; store_id is empty for an event of no store.
CREATE TABLE IF NOT EXISTS captured_events (
  store_id TEXT NOT NULL, event_number INTEGER NOT NULL,
  content_key TEXT NOT NULL, event_id TEXT NOT NULL, is_declaration INTEGER NOT NULL,
  type TEXT NOT NULL, action TEXT,
  event_time_ms INTEGER NOT NULL, record_time_ms INTEGER NOT NULL,
  biz_step TEXT, disposition TEXT, read_point TEXT, biz_location TEXT,
  body TEXT NOT NULL,
  PRIMARY KEY (store_id, event_number)
);
CREATE UNIQUE INDEX IF NOT EXISTS captured_events_number ON captured_events (event_number);
CREATE UNIQUE INDEX IF NOT EXISTS captured_events_content ON captured_events (content_key);
CREATE INDEX IF NOT EXISTS captured_events_id ON captured_events (event_id);
CREATE INDEX IF NOT EXISTS captured_events_event_time ON captured_events (event_time_ms, event_number);
CREATE INDEX IF NOT EXISTS captured_events_record_time ON captured_events (record_time_ms, event_number);
CREATE INDEX IF NOT EXISTS captured_events_void ON captured_events (store_id, event_time_ms) WHERE biz_step = '${voidStep}';
-- What an event is found by beside its own columns: units first, then what it refers to (\`../epcis/event-references.ts\`).
CREATE TABLE IF NOT EXISTS captured_epcs (
  store_id TEXT NOT NULL, event_number INTEGER NOT NULL, ordinal INTEGER NOT NULL,
  epc TEXT NOT NULL, role TEXT NOT NULL,
  PRIMARY KEY (store_id, event_number, ordinal)
) WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS captured_epcs_epc ON captured_epcs (epc, role);
-- Captured events whose senders may speak for some stores alone: what they say of another event, and of what is packed into
-- what, counts in their own store.
CREATE TABLE IF NOT EXISTS captured_limited (
  store_id TEXT NOT NULL, event_number INTEGER NOT NULL,
  PRIMARY KEY (store_id, event_number)
) WITHOUT ROWID;
-- Words and places of captured events, each once, by the name of their field.
CREATE TABLE IF NOT EXISTS captured_names (
  kind TEXT NOT NULL, name TEXT NOT NULL,
  PRIMARY KEY (kind, name)
) WITHOUT ROWID;
INSERT INTO captured_names
  SELECT 'bizStep', biz_step FROM captured_events WHERE biz_step IS NOT NULL
   AND NOT EXISTS (SELECT 1 FROM captured_names)
  UNION SELECT 'disposition', disposition FROM captured_events WHERE disposition IS NOT NULL
   AND NOT EXISTS (SELECT 1 FROM captured_names)
  UNION SELECT 'readPoint', read_point FROM captured_events WHERE read_point IS NOT NULL
   AND NOT EXISTS (SELECT 1 FROM captured_names)
  UNION SELECT 'bizLocation', biz_location FROM captured_events WHERE biz_location IS NOT NULL
   AND NOT EXISTS (SELECT 1 FROM captured_names);

CREATE TABLE IF NOT EXISTS capture_jobs (
  capture_id TEXT NOT NULL PRIMARY KEY,
  created_at_ms INTEGER NOT NULL,
  body TEXT NOT NULL
) WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS capture_jobs_time ON capture_jobs (created_at_ms);

-- Lines of shipments that are on their way, each with the event that said so. What has come is another's table.
CREATE TABLE IF NOT EXISTS expected_receipts (
  store_id TEXT NOT NULL, event_number INTEGER NOT NULL, line INTEGER NOT NULL,
  event_id TEXT NOT NULL, shipment TEXT, location TEXT NOT NULL,
  item TEXT NOT NULL, serial TEXT, lot TEXT, sscc TEXT,
  quantity INTEGER NOT NULL, measure TEXT,
  shipped_at_ms INTEGER NOT NULL,
  withdrawn_at_ms INTEGER,
  PRIMARY KEY (store_id, event_number, line)
) WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS expected_receipts_item ON expected_receipts (store_id, item, serial);
DROP INDEX IF EXISTS expected_receipts_shipment;
CREATE INDEX IF NOT EXISTS expected_receipts_named ON expected_receipts (store_id, shipment);
CREATE INDEX IF NOT EXISTS expected_receipts_unnamed ON expected_receipts (shipped_at_ms) WHERE shipment IS NULL;
DROP INDEX IF EXISTS expected_receipts_sscc;
CREATE INDEX IF NOT EXISTS expected_receipts_unit ON expected_receipts (item, serial);
CREATE INDEX IF NOT EXISTS expected_receipts_packed ON expected_receipts (sscc) WHERE sscc IS NOT NULL;
-- Each shipment with a name, when the last event of it says that it was sent, and what was done about it since (\`stages\` in
-- \`receiving/sql-shipment-watch.ts\`).
CREATE TABLE IF NOT EXISTS captured_shipments (
  store_id TEXT NOT NULL, shipment TEXT NOT NULL,
  shipped_at_ms INTEGER NOT NULL,
  stage INTEGER NOT NULL,
  PRIMARY KEY (store_id, shipment)
) WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS captured_shipments_due ON captured_shipments (stage, shipped_at_ms);
INSERT INTO captured_shipments SELECT store_id, shipment, max(shipped_at_ms), 0 FROM expected_receipts
  WHERE shipment IS NOT NULL AND NOT EXISTS (SELECT 1 FROM captured_shipments)
  GROUP BY store_id, shipment;
`;

/** All tables of EPCIS. */
export const epcisTables = `
${captureTables}${orderTables}${namedQueryTables}
-- The first 48 bits of an entry's event hash; the event itself is made anew and compared.
CREATE TABLE IF NOT EXISTS epcis_ids (
  store_id TEXT NOT NULL, id_prefix INTEGER NOT NULL, entry_number INTEGER NOT NULL,
  PRIMARY KEY (store_id, id_prefix, entry_number)
) WITHOUT ROWID;
`;
