// The answer to a query for events: a page as an EPCISQueryDocument, with where the next one is.

import type { FastifyReply, FastifyRequest } from "fastify";
import { z } from "zod";
import { ownNamespaces } from "../epcis/event-of-entry.ts";
import type { Places } from "../epcis/places.ts";
import type { EventCursor } from "../ledger/sql-epcis.ts";
import type { Ledger } from "../ledger/types.ts";
import {
  type AskedEvents,
  asked,
  contextUrl,
  cursorOf,
  inFormatOf,
  linkNext,
  ofStores,
  storeOrNone,
} from "./epcis-page.ts";
import { EpcisProblem } from "./epcis-problem.ts";

export interface EventSource {
  readonly ledger: Pick<Ledger, "epcis">;
  readonly places: Places;
  readonly nowMs: () => number;
}

interface EventQuery {
  readonly request: FastifyRequest;
  readonly reply: FastifyReply;
  /** The standard's, with those of the page. */
  readonly parameters: Readonly<Record<string, unknown>>;
  readonly queryName?: string;
}

const context = [contextUrl, ownNamespaces];
/** Pages that are looked through to count events that fit. */
const countedPageMax = 20;

/** Answers a query. */
export async function answerEvents(source: EventSource, asking: EventQuery): Promise<object> {
  const { ledger, places, nowMs } = source;
  const { request, reply, parameters, queryName = "SimpleEventQuery" } = asking;
  const query = asked(parameters);
  const events = { ...query, filter: ofStores(request, query.filter) };
  const { filter, order, perPage, token } = events;
  const { givenCount, ...after } = pageAfter(events);
  if (token === undefined) await refuseMore(source, events);
  const limit = events.eventCountLimit ?? Number.POSITIVE_INFINITY;
  const countMax = Math.min(perPage, limit - givenCount);
  const page =
    countMax < 1
      ? { events: [] }
      : await ledger.epcis.events({ filter, order, places, ...after, countMax });
  const count = givenCount + page.events.length;
  if (page.next !== undefined && count < limit) {
    const { storeId, number, atMs } = page.next;
    linkNext(
      request,
      reply,
      atMs === undefined ? [storeId, number] : [storeId, number, atMs, count],
    );
  }
  const eventList = page.events.map((event) => inFormatOf(request, event));
  return {
    "@context": context,
    type: "EPCISQueryDocument",
    schemaVersion: "2.0",
    creationDate: new Date(nowMs()).toISOString(),
    epcisBody: { queryResults: { queryName, resultsBody: { eventList } } },
  };
}

const number = z.int().min(0);
const cursor = z.tuple([storeOrNone, number]);
/** With the time, and how many events were given before. */
const orderedCursor = z.tuple([storeOrNone, number, z.int(), number]);

function pageAfter({ order, token }: AskedEvents): { after?: EventCursor; givenCount: number } {
  if (token === undefined) return { givenCount: 0 };
  if (order === undefined) {
    const [storeId, number] = cursorOf(cursor, token);
    return { after: { storeId, number }, givenCount: 0 };
  }
  const [storeId, number, atMs, givenCount] = cursorOf(orderedCursor, token);
  return { after: { storeId, number, atMs }, givenCount };
}

async function refuseMore({ ledger, places }: EventSource, asked: AskedEvents): Promise<void> {
  const { filter, maxEventCount } = asked;
  if (maxEventCount === undefined) return;
  let count = 0;
  let after: EventCursor | undefined;
  for (let pageCount = 0; pageCount < countedPageMax; pageCount += 1) {
    const page = await ledger.epcis.events({
      ...{ filter, places, countMax: maxEventCount + 1 - count },
      ...(after === undefined ? {} : { after }),
    });
    count += page.events.length;
    if (count > maxEventCount) {
      const detail = `maxEventCount: there are more than ${maxEventCount} events`;
      throw new EpcisProblem("QueryTooLargeException", detail);
    }
    if (page.next === undefined) return;
    after = page.next;
  }
  const detail = "maxEventCount: too much has to be looked through to count them; ask for less";
  throw new EpcisProblem("QueryTooComplexException", detail);
}
