// What logistic units hold, by what captured events say that was packed into them.

import type { EpcisEvent } from "../../contract/epcis/event.ts";
import { type Contents, contentsAfter, linesOf, packingDepthMax } from "../epcis/expected-lines.ts";
import { unitOfUri } from "../epcis/unit-of-uri.ts";
import type { SqlConnection } from "./database.ts";
import { isLimitedSql, isRightSql, mayMeet, type ToldEvent } from "./sql-known-events.ts";

/** What a logistic unit holds, as far as a shipment may know. */
export type ContentsOf = (told: ToldEvent, uri: string) => Contents | undefined;

/** What the logistic units of these shipments (or of voids of such) hold, and those inside them. */
export async function packedIn(
  connection: SqlConnection,
  shipments: readonly (ToldEvent & { readonly event: EpcisEvent })[],
): Promise<ContentsOf> {
  const packings = new Map<string, (ToldEvent & { event: EpcisEvent })[]>();
  const contentsOf: ContentsOf = (shipment, uri) => {
    const told = (packings.get(uri) ?? []).filter((one) => mayMeet(one, shipment));
    return contentsAfter(told.map(({ event }) => event));
  };
  const asked = new Set<string>();
  for (let depth = 0; depth < packingDepthMax; depth += 1) {
    const missing = new Set<string>();
    for (const shipment of shipments) {
      linesOf(shipment.event, (uri) => {
        if (!asked.has(uri)) missing.add(uri);
        return contentsOf(shipment, uri);
      });
    }
    if (missing.size === 0) break;
    for (const uri of missing) asked.add(uri);
    const rows = await connection.all<{
      uri: string;
      storeId: string;
      isLimited: number;
      body: string;
    }>(
      `SELECT k.value->>0 AS uri, e.store_id AS storeId, ${isLimitedSql("e")} AS isLimited, e.body
       FROM json_each(?) k
       JOIN captured_epcs c ON c.epc = k.value->>1 AND c.role = 'parent'
       JOIN captured_events e ON e.store_id = c.store_id AND e.event_number = c.event_number
       WHERE ${isRightSql("e")}
       ORDER BY e.event_time_ms, e.event_number`,
      JSON.stringify([...missing].map((uri) => [uri, `https://id.gs1.org/00/${ssccOf(uri)}`])),
    );
    for (const { uri, storeId, isLimited, body } of rows) {
      const one = { storeId, isLimited: isLimited === 1, event: JSON.parse(body) as EpcisEvent };
      packings.set(uri, [...(packings.get(uri) ?? []), one]);
    }
  }
  return contentsOf;
}

function ssccOf(uri: string): string {
  return unitOfUri(uri)?.item.slice("sscc/".length) ?? "";
}
