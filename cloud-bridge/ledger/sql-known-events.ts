// Which events of a capture are new, which are known, and which have the ID of another.

import type { PreparedCapture } from "../epcis/captured-event.ts";
import type { SqlConnection } from "./database.ts";

/** Whether a row of `captured_events` was told by one who may speak for its store alone: 1 or 0. */
export const isLimitedSql = (row: string) =>
  `(SELECT count(*) FROM captured_limited l
    WHERE l.store_id = ${row}.store_id AND l.event_number = ${row}.event_number)`;

/** Of an event, what says which others it may say something of. */
export interface ToldEvent {
  readonly storeId: string;
  readonly isLimited: boolean;
}

/**
 * Whether two events have to do with each other, by an ID or a parcel: of another store one who speaks for its own alone
 * neither learns nor changes anything.
 */
export function mayMeet(one: ToldEvent, other: ToldEvent): boolean {
  return one.storeId === other.storeId || !(one.isLimited || other.isLimited);
}

/** The same of two rows of `captured_events`, or of what has their store and number. */
export const mayMeetSql = (one: string, other: string) =>
  `(${one}.store_id = ${other}.store_id OR ${isLimitedSql(one)} + ${isLimitedSql(other)} = 0)`;

/** Whether a row of `captured_events` is an event, and nobody who may say so declared it wrong. */
export const isRightSql = (row: string) =>
  `(${row}.is_declaration = 0 AND NOT EXISTS (SELECT 1 FROM captured_events wrong
    WHERE wrong.event_id = ${row}.event_id AND wrong.is_declaration = 1 AND ${mayMeetSql("wrong", row)}))`;

/** Sets apart what is known, and what has another's ID. */
export async function sift(
  connection: SqlConnection,
  {
    events,
    errors: faults,
    isLimited = false,
  }: PreparedCapture & Partial<Pick<ToldEvent, "isLimited">>,
) {
  const rows = await connection.all<
    { contentKey: string; eventId: string; storeId: string } & Record<
      "isDeclaration" | "isLimited",
      number
    >
  >(
    `SELECT content_key AS contentKey, event_id AS eventId, is_declaration AS isDeclaration,
            store_id AS storeId, ${isLimitedSql("e")} AS isLimited
     FROM captured_events e WHERE content_key IN (SELECT value->>0 FROM json_each(?))
      OR event_id IN (SELECT value->>0 FROM json_each(?))`,
    JSON.stringify(events.map(({ contentKey }) => [contentKey])),
    JSON.stringify(events.map(({ eventId }) => [eventId])),
  );
  const keys = new Set(rows.map(({ contentKey }) => contentKey));
  const ofId = new Map<string, ToldEvent[]>();
  const note = (eventId: string, one: ToldEvent) =>
    ofId.set(eventId, [...(ofId.get(eventId) ?? []), one]);
  for (const { eventId, storeId, ...row } of rows)
    if (row.isDeclaration === 0) note(eventId, { storeId, isLimited: row.isLimited === 1 });
  const fresh: (typeof events)[number][] = [];
  const errors = [...faults];
  for (const each of events) {
    const { contentKey, eventId, storeId, isDeclaration } = each;
    if (keys.has(contentKey)) continue;
    const own = { storeId, isLimited };
    const isTaken = ofId.get(eventId)?.some((other) => mayMeet(own, other)) === true;
    if (isTaken && !isDeclaration) {
      const detail = `eventID ${eventId} belongs to an event of other content`;
      const title = "The event is known, and was another";
      errors.push({ type: "epcisException:ValidationException", title, detail });
      continue;
    }
    keys.add(contentKey);
    if (!isDeclaration) note(eventId, own);
    fresh.push(each);
  }
  return {
    fresh,
    errors,
    knownEventCount: events.length - fresh.length - (errors.length - faults.length),
  };
}
