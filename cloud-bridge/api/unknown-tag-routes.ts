// The unknown bin over HTTP: tags of a store that are not GS1, where and when each was seen, and what they are.

import type { FastifyInstance } from "fastify";
import { z } from "zod";
import { itemSchema } from "../../contract/event.ts";
import { decodeEpc } from "../../contract/gs1/epc.ts";
import {
  atMsSchema,
  type EpcHex,
  epcHexSchema,
  type Gtin,
  gtinSchema,
  locationSchema,
  shortTextSchema,
  stockStateSchema,
} from "../../contract/units.ts";
import { type Fact, factItem, ownSourceIds } from "../ledger/facts.ts";
import type { TagName } from "../ledger/sql-tag-names.ts";
import type { Ledger } from "../ledger/types.ts";
import { type OwnFactsOptions, postOwnFacts } from "./own-facts.ts";
import {
  cursorParameter,
  gtinParameter,
  limitParameter,
  openParameter,
  page,
  pageSchema,
  requireStore,
  type Stores,
  storeParams,
} from "./parameters.ts";
import { ProblemError, wrongParameter } from "./problem.ts";
import { addRoute } from "./route.ts";

export interface UnknownTagRoutesOptions extends OwnFactsOptions {
  readonly ledger: Pick<Ledger, "unknownTags" | "tagNames" | "catalogue" | "facts">;
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

const tagParams = z.strictObject({ epc: epcHexSchema });
const nameBody = z.strictObject({
  /** A product of the catalogue. */
  gtin: gtinParameter,
  serial: itemSchema.shape.serial,
  by: shortTextSchema.optional(),
});
const nameAnswer = z.strictObject({
  epc: epcHexSchema,
  gtin: gtinSchema,
  serial: z.string().optional(),
  namedAtMs: atMsSchema,
  namedBy: z.string(),
  /** Units that were moved from the bin to the product now. */
  movedCount: z.int().min(0),
});

/** Adds /v1/stores/{store}/unknown-tags and /v1/unknown-tags/{epc}. */
export function addUnknownTagRoutes(app: FastifyInstance, options: UnknownTagRoutesOptions): void {
  const { ledger, stores } = options;
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
  addName(app, options);
}

function addName(app: FastifyInstance, options: UnknownTagRoutesOptions): void {
  const { ledger, nowMs } = options;
  addRoute(app, {
    ...{ method: "PUT", path: "/v1/unknown-tags/:epc", allows: "catalogue.write" },
    summary:
      "Says which product a tag is: its units leave the unknown bins, and what is read of it is told of the product",
    ...{ isOfAllStores: true, params: tagParams, body: nameBody, answers: { 200: nameAnswer } },
    example: { gtin: "09506000134352", by: "ada" },
    handler: async ({ params: { epc }, body: { gtin, serial, by: said }, actor }) => {
      const by = actor.nameOr(said);
      if (decodeEpc(epc).ok)
        throw wrongParameter("epc", "is a GS1 tag, which says itself what it is");
      if ((await ledger.catalogue.product(gtin)) === undefined) {
        throw wrongParameter("gtin", `the catalogue has no ${gtin}`);
      }
      const name = await ledger.tagNames.name({ epc, gtin, serial }, { by, nowMs: nowMs() });
      if (name.gtin !== gtin || name.serial !== serial) {
        const detail = `${name.namedBy} said that ${epc} is ${name.gtin} ${name.serial ?? ""}`;
        throw new ProblemError("tag_refused", detail.trimEnd());
      }
      return { ...name, movedCount: await emptyBins(options, name, by) };
    },
  });
}

/** Moves what stands under the tag to its product, each time once. */
async function emptyBins(
  options: UnknownTagRoutesOptions,
  { epc, gtin, serial }: TagName,
  by: string,
): Promise<number> {
  const binned = await options.ledger.tagNames.binned(epc);
  const sourceId = ownSourceIds.tags;
  for (const { storeId, place, quantity, entryNumber } of binned) {
    const outside = { location: `${storeId}/@unknown`, state: place.state };
    const move = { kind: "move", occurredAtMs: options.nowMs(), quantity } as const;
    const named = factItem({ gtin: gtin as Gtin, serial: quantity === 1 ? serial : undefined });
    const facts: Fact[] = [
      { ...move, item: { epc: epc as EpcHex }, from: place, to: outside },
      { ...move, item: named, from: outside, to: place },
    ];
    const key = `${epc}/${entryNumber}/${place.location}/${place.state}`;
    await postOwnFacts(options, { storeId, sourceId, key, facts, by });
  }
  return binned.reduce((sum, { quantity }) => sum + quantity, 0);
}
