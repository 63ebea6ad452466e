// The unknown bin over HTTP: tags of a store that are not GS1, where and when each was seen.

import type { FastifyInstance } from "fastify";
import { z } from "zod";
import {
  atMsSchema,
  epcHexSchema,
  locationSchema,
  stockStateSchema,
} from "../../contract/units.ts";
import type { Ledger } from "../ledger/types.ts";
import {
  cursorParameter,
  limitParameter,
  openParameter,
  page,
  pageSchema,
  requireStore,
  type Stores,
  storeParams,
} from "./parameters.ts";
import { addRoute } from "./route.ts";

export interface UnknownTagRoutesOptions {
  readonly ledger: Pick<Ledger, "unknownTags">;
  readonly stores: Stores;
}

const tagsQuery = z.strictObject({
  /** `open`: tags that are at a place of the store; `all`: those too that left it. */
  state: openParameter,
  cursor: cursorParameter(epcHexSchema).optional(),
  limit: limitParameter,
});
const tagItem = z.strictObject({
  epc: epcHexSchema,
  location: locationSchema,
  state: stockStateSchema,
  firstSeenAtMs: atMsSchema,
  lastSeenAtMs: atMsSchema,
  isHere: z.boolean(),
  entryNumber: z.int(),
});

/** Adds /v1/stores/{store}/unknown-tags. */
export function addUnknownTagRoutes(
  app: FastifyInstance,
  { ledger, stores }: UnknownTagRoutesOptions,
): void {
  addRoute(app, {
    ...{ method: "GET", path: "/v1/stores/:store/unknown-tags", allows: "stock.read" },
    summary: "Tags that are not GS1, and where and when each was seen last",
    ...{ params: storeParams, query: tagsQuery, answers: { 200: pageSchema(tagItem) } },
    handler: async ({ params: { store: storeId }, query: { state, cursor: after, limit } }) => {
      await requireStore(stores, storeId);
      const asked = { storeId, isOpen: state === "open", after, countMax: limit };
      return page(await ledger.unknownTags.list(asked), limit, ({ epc }) => epc);
    },
  });
}
