// Where a unit with a serial was seen last, from its entries: its own movements, and of what settlement says beside them
// only what says where it is (`unitAt` of its rules). What of that was taken back does not count.

import { percentEncoded } from "../../contract/gs1/digital-link.ts";
import { type FlowRule, flowRules } from "./flow.ts";

const ofSettlement = `('${flowRules.join("', '")}')`;

const isOf = (a: string, b: string) =>
  `${a}.store_id = ${b}.store_id AND ${a}.item = ${b}.item AND ${a}.serial = ${b}.serial`;

/** The last movement of a unit (a row of `u`): a table of one row. */
const lastOf = (u: string) => `(SELECT o.* FROM entries o
  WHERE ${isOf("o", u)} AND o.reason NOT IN ${ofSettlement}
  ORDER BY o.placed_at_ms DESC, o.entry_number DESC LIMIT 1)`;

/** Whether a rule stands beside a movement (a row of `s`). */
const stands = (rule: FlowRule, s: string) =>
  `coalesce((SELECT sum(CASE WHEN t.to_location = ${s}.to_location THEN -1 ELSE 1 END) FROM entries t
    WHERE ${isOf("t", s)} AND t.reason = '${rule}' AND t.edge_id = ${s}.edge_id
     AND t.outbox_id = ${s}.outbox_id AND t.sequence = ${s}.sequence), 0) > 0`;

/** Whether a unit (a row of `u`) was seen last at a real place. */
export const seenInStore = (u: string) =>
  `(SELECT CASE WHEN s.to_location NOT LIKE '%/@%' THEN 1
     WHEN s.to_location = s.store_id || '/@basket' AND ${stands("basket_timeout", "s")} THEN 1
     ELSE 0 END FROM ${lastOf(u)} s)`;

// A text of SQL as a key has it; a semicolon would end the statement.
const serialText = [..."%!\"&'()*+,/:<=>?"].reduce(
  (sql, character) =>
    `replace(${sql}, '${character.replace("'", "''")}', '${percentEncoded(character)}')`,
  "s.serial",
);

const wasPaid = (s: string) => `EXISTS (SELECT 1 FROM entries p
  WHERE ${isOf("p", s)} AND p.reason = 'exit_paid' AND p.placed_at_ms <= ${s}.placed_at_ms)`;

/** Puts units where they are of which settlement was the last to say something, when all of its entries still did so. */
export const unitPlacesUpgrade = `
UPDATE serials SET location = n.location, state = n.state, at_ms = n.at_ms FROM (
  SELECT s.store_id, s.item, s.serial, '01/' || s.item || '/21/' || ${serialText} AS serial_key,
    CASE WHEN ${stands("exit_paid", "s")} THEN s.store_id || '/@customer'
      WHEN ${stands("exit_timeout", "s")} THEN s.store_id || '/@loss'
      WHEN ${stands("basket_timeout", "s")} THEN s.from_location
      WHEN ${stands("exit_repeated", "s")} AND ${wasPaid("s")} THEN s.store_id || '/@customer'
      ELSE s.to_location END AS location, s.to_state AS state, s.placed_at_ms AS at_ms
  FROM (SELECT DISTINCT store_id, item, serial FROM entries
    WHERE serial IS NOT NULL AND reason IN ${ofSettlement}) u
  JOIN entries s ON s.store_id = u.store_id
   AND s.entry_number = (SELECT l.entry_number FROM ${lastOf("u")} l)) n
WHERE serials.store_id = n.store_id AND serials.serial_key = n.serial_key AND EXISTS (
  SELECT 1 FROM entries t WHERE ${isOf("t", "n")} AND t.reason IN ${ofSettlement}
   AND t.placed_at_ms = serials.at_ms AND t.to_location = serials.location)`;
