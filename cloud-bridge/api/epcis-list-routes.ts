// What the repository knows, as lists that the standard calls top-level resources: `/epcs`, `/bizSteps` and the like.

import type { FastifyInstance } from "fastify";
import { z } from "zod";
import type { Places } from "../epcis/places.ts";
import {
  type NameCursor,
  type NameKind,
  type NamePage,
  shownName,
} from "../ledger/sql-epcis-names.ts";
import type { Ledger } from "../ledger/types.ts";
import { actorOf } from "./actor.ts";
import { asked, contextUrl, cursorOf, linkNext, storeOrNone } from "./epcis-page.ts";
import { EpcisProblem } from "./epcis-problem.ts";

/** Resources that are listed, and whose events are asked for by their own path: the parameter that each stands for. */
export const resources: Readonly<Record<string, { parameter: string; kind?: NameKind }>> = {
  eventTypes: { parameter: "eventType" },
  epcs: { parameter: "MATCH_anyEPC", kind: "epc" },
  bizSteps: { parameter: "EQ_bizStep", kind: "bizStep" },
  bizLocations: { parameter: "EQ_bizLocation", kind: "bizLocation" },
  readPoints: { parameter: "EQ_readPoint", kind: "readPoint" },
  dispositions: { parameter: "EQ_disposition", kind: "disposition" },
};

const eventTypes = [
  ...["AggregationEvent", "AssociationEvent", "ObjectEvent", "TransactionEvent"],
  "TransformationEvent",
];

/** Adds the lists. */
export function addLists(
  scope: FastifyInstance,
  { ledger, places }: { readonly ledger: Pick<Ledger, "epcis">; readonly places: Places },
): void {
  for (const [resource, { kind }] of Object.entries(resources)) {
    scope.get(`/${resource}`, async (request, reply) => {
      const { filter, perPage: countMax, token } = asked(request.query as Record<string, unknown>);
      const [other] = Object.keys(filter);
      if (other !== undefined) {
        const detail = "a list takes perPage and nextPageToken, and no other parameter";
        throw new EpcisProblem("QueryParameterException", detail);
      }
      const { storeIds } = actorOf(request);
      const after = token === undefined ? {} : { after: nameCursorOf(token) };
      const page =
        kind === undefined
          ? eventTypesAfter(after.after, countMax)
          : await ledger.epcis.names({ kind, storeIds, places, ...after, countMax });
      if (page.next !== undefined) linkNext(request, reply, [page.next.storeId, page.next.after]);
      const member = page.names.map((name) => (kind === undefined ? name : shownName(kind, name)));
      return { "@context": contextUrl, type: "Collection", member };
    });
  }
}

function eventTypesAfter(after: NameCursor | undefined, countMax: number): NamePage {
  const rest = eventTypes.filter((type) => type > (after?.after ?? ""));
  const names = rest.slice(0, countMax);
  return rest.length === names.length
    ? { names }
    : { names, next: { storeId: "", after: names.at(-1)! } };
}

const nameCursor = z.tuple([storeOrNone, z.string().refine((name) => !name.includes("\0"))]);

function nameCursorOf(token: string): NameCursor {
  const [storeId, after] = cursorOf(nameCursor, token);
  return { storeId, after };
}
