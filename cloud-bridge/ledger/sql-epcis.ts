// The part of the ledger that speaks EPCIS: captures, events of both kinds by filter and page, and the index by which an
// event of ours is found from its ID.

import { contextOf } from "../../contract/epcis/context.ts";
import type { EpcisEvent } from "../../contract/epcis/event.ts";
import type { Alert } from "../../contract/stock.ts";
import { epcsOf } from "../epcis/captured-event.ts";
import { type EventFilter, type EventOrder, fits } from "../epcis/event-filter.ts";
import { referencesOf } from "../epcis/event-references.ts";
import type { Places } from "../epcis/places.ts";
import type { LedgerDatabase } from "./database.ts";
import { followShipments } from "./receiving/sql-followed.ts";
import { saveAlerts } from "./sql-alerts.ts";
import {
  type CaptureJob,
  type CaptureRequest,
  capture,
  type ExpectedReceipt,
  readExpectedReceipts,
} from "./sql-capture.ts";
import { readCapturedWhere } from "./sql-captured-events.ts";
import { type NamePage, type NamesQuery, readNames } from "./sql-epcis-names.ts";
import { eventsOfEntries, idPrefixOf, readEntriesWhere, readHeadsWhere } from "./sql-events.ts";
import { readEventsInOrder } from "./sql-events-in-order.ts";
import { advanceFollower, followerLags, followerPosition } from "./sql-followers.ts";
import { SqlNamedQueries } from "./sql-named-queries.ts";
import { readEntries } from "./sql-read.ts";

/** Where a page ended: the captured events come first, then store by store the entries. */
export interface EventCursor {
  /** Empty while captured events are read. */
  readonly storeId: string;
  readonly number: number;
  /** The time of the last one, where events are asked for in an order. */
  readonly atMs?: number;
}

export interface EventPage {
  readonly events: readonly EpcisEvent[];
  /** Absent when there is nothing more. */
  readonly next?: EventCursor;
}

/** Statements that one page may take where little of what is looked through fits. */
const statementCountMax = 25;
/** Another name where the words of entries, and so the IDs of their events, became others: the index is made anew. */
const idFollower = "epcis-ids-2";
/** Entries of a store that are put into the index at once: a few milliseconds, in which nobody else is answered. */
const indexedCountMax = 100;
/** Captured events of an earlier day have no references in the index until they were looked through once. */
const referenceFollower = "captured-references";

/** Who sent a row of `capture_jobs`. */
const senderSql = `(SELECT a.actor FROM audit a WHERE a.store_id = '' AND a.act = 'epcis_captured'
  AND a.subject = capture_id ORDER BY a.audit_number DESC LIMIT 1)`;

/** Captures and queries. */
export class SqlEpcis {
  readonly #database: LedgerDatabase;
  /** Queries that were given a name. */
  readonly queries: SqlNamedQueries;

  constructor(database: LedgerDatabase) {
    this.#database = database;
    this.queries = new SqlNamedQueries(database);
  }

  /** Stores a document's events, each once: all or, where that is asked for, those that are right. */
  async capture(request: CaptureRequest): Promise<CaptureJob> {
    return (await this.captureAndTell(request)).job;
  }

  /** The same, with the alerts of deliveries that ended before they were told of so. */
  captureAndTell(request: CaptureRequest): Promise<{ job: CaptureJob; alerts: Alert[] }> {
    return this.#database.write(async (connection) => {
      const { job, shipments } = await capture(connection, request);
      const { nowMs } = request;
      const raised = await followShipments(connection, shipments, nowMs);
      const loud = await saveAlerts(connection, raised, nowMs);
      return { job, alerts: raised.filter((alert) => loud.has(alert)) };
    });
  }

  /** `by`: of this sender alone. */
  async captureJob(captureId: string, by?: string): Promise<CaptureJob | undefined> {
    const [row] = await this.#database.reader.all<{ body: string }>(
      `SELECT body FROM capture_jobs
       WHERE capture_id = ? ${by === undefined ? "" : `AND ${senderSql} = ?`}`,
      ...[captureId, ...(by === undefined ? [] : [by])],
    );
    return row === undefined ? undefined : JSON.parse(row.body);
  }

  /** Newest first. */
  async captureJobs(countMax: number, by?: string): Promise<CaptureJob[]> {
    const rows = await this.#database.reader.all<{ body: string }>(
      `SELECT body FROM capture_jobs ${by === undefined ? "" : `WHERE ${senderSql} = ?`}
       ORDER BY created_at_ms DESC, capture_id LIMIT ?`,
      ...[...(by === undefined ? [] : [by]), countMax],
    );
    return rows.map(({ body }) => JSON.parse(body));
  }

  /** What a store expects, by what others sent. */
  expectedReceipts(query: Parameters<typeof readExpectedReceipts>[1]): Promise<ExpectedReceipt[]> {
    return readExpectedReceipts(this.#database.reader, query);
  }

  /** A page of the events that fit; in an order, `after` is a cursor with the time. */
  async events(query: {
    filter: EventFilter;
    order?: EventOrder | undefined;
    places: Places;
    after?: EventCursor;
    countMax: number;
  }): Promise<EventPage> {
    const { filter, order, places, countMax } = query;
    const { reader } = this.#database;
    if (order !== undefined) {
      const after = query.after && { ...query.after, atMs: query.after.atMs! };
      return await readEventsInOrder(reader, { filter, order, places, after, countMax });
    }
    let cursor = query.after ?? { storeId: "", number: 0 };
    const events: EpcisEvent[] = [];
    if (cursor.storeId === "") {
      const afterNumber = cursor.number;
      const rows = await readCapturedWhere(reader, { filter, afterNumber, countMax });
      events.push(...rows.map(({ event }) => event));
      if (rows.length === countMax) {
        return { events, next: { storeId: "", number: rows.at(-1)!.eventNumber } };
      }
    }
    const heads = await readHeadsWhere(reader, { filter, fromStoreId: cursor.storeId });
    let statementCount = 0;
    for (const { storeId, head } of heads) {
      let number = storeId === cursor.storeId ? cursor.number : 0;
      while (number < head) {
        if (events.length >= countMax || statementCount >= statementCountMax) {
          return { events, next: { storeId, number } };
        }
        statementCount += 1;
        const page = await readEntriesWhere(reader, {
          ...{ filter, places, storeId, afterEntryNumber: number, head },
          countMax: countMax - events.length,
        });
        if (page === undefined) return { events };
        const found = await eventsOfEntries(reader, page.entries, places);
        events.push(...found.filter((event) => fits(event, filter)));
        number = page.throughNumber;
      }
      cursor = { storeId, number };
    }
    return { events };
  }

  /** A page of what is known by name. */
  names(query: NamesQuery): Promise<NamePage> {
    return readNames(this.#database.reader, query);
  }

  /** Captured events that fit, the first ones. */
  async captured(filter: EventFilter, countMax: number): Promise<{ events: EpcisEvent[] }> {
    const query = { filter, afterNumber: 0, countMax };
    const rows = await readCapturedWhere(this.#database.reader, query);
    return { events: rows.map(({ event }) => event) };
  }

  /** Entries of a store after a number, as events. */
  async eventsAfter(query: {
    storeId: string;
    afterEntryNumber: number;
    countMax: number;
    places: Places;
  }): Promise<{ entryNumber: number; event: EpcisEvent }[]> {
    const { reader } = this.#database;
    const entries = await readEntries(reader, query);
    const events = await eventsOfEntries(reader, entries, query.places);
    return entries.map(({ entryNumber }, index) => ({ entryNumber, event: events[index]! }));
  }

  /** Takes a few hundred entries into the index of IDs; gives how many. */
  async indexIds(places: Places): Promise<number> {
    const [lag] = await followerLags(this.#database.reader, idFollower, 1);
    if (lag === undefined) return 0;
    const { storeId, position } = lag;
    const entries = await readEntries(this.#database.reader, {
      ...{ storeId, afterEntryNumber: position, countMax: indexedCountMax },
    });
    // An entry that takes another back is found by the ID of what it declares wrong.
    const events = await eventsOfEntries(this.#database.reader, entries, places);
    const rows = events.map(({ eventID }, index) => {
      return [idPrefixOf(eventID!)!, entries[index]!.entryNumber];
    });
    await this.#database.write(async (connection) => {
      await connection.run(
        `INSERT INTO epcis_ids
         SELECT ?, CAST(value->>0 AS INTEGER), CAST(value->>1 AS INTEGER) FROM json_each(?) WHERE true
         ON CONFLICT (store_id, id_prefix, entry_number) DO NOTHING`,
        ...[storeId, JSON.stringify(rows)],
      );
      await advanceFollower(connection, idFollower, storeId, entries.at(-1)!.entryNumber);
    });
    return entries.length;
  }

  /** Takes what captured events refer to into the index, where they were captured before there was one; gives how many. */
  async indexReferences(): Promise<number> {
    const { reader } = this.#database;
    const position = await followerPosition(reader, referenceFollower, "");
    const events = await reader.all<{ storeId: string; eventNumber: number; body: string }>(
      `SELECT store_id AS storeId, event_number AS eventNumber, body FROM captured_events
       WHERE event_number > ? ORDER BY event_number LIMIT ?`,
      ...[position, indexedCountMax],
    );
    if (events.length === 0) return 0;
    const rows = events.flatMap(({ storeId, eventNumber, body }) => {
      const event = JSON.parse(body) as EpcisEvent;
      const first = epcsOf(event).length;
      return referencesOf(event, contextOf(event["@context"])).map(({ role, name }, index) => {
        return [storeId, eventNumber, first + index, name, role];
      });
    });
    await this.#database.write(async (connection) => {
      await connection.run(
        `INSERT INTO captured_epcs (store_id, event_number, ordinal, epc, role)
         SELECT value->>0, CAST(value->>1 AS INTEGER), CAST(value->>2 AS INTEGER), value->>3, value->>4
         FROM json_each(?) WHERE true ON CONFLICT (store_id, event_number, ordinal) DO NOTHING`,
        JSON.stringify(rows),
      );
      await advanceFollower(connection, referenceFollower, "", events.at(-1)!.eventNumber);
    });
    return events.length;
  }
}
