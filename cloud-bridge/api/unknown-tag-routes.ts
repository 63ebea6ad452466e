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
import { requireMatch, versionTag } from "./version.ts";

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
const nameItem = z.strictObject({
  epc: epcHexSchema,
  gtin: gtinSchema,
  serial: z.string().optional(),
  namedAtMs: atMsSchema,
  namedBy: z.string(),
});
/** `movedCount`: units that were moved to the product now, from the bin or from what the tag was said to be. */
const nameAnswer = nameItem.extend({ movedCount: z.int() });

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
  const { ledger } = options;
  const path = "/v1/unknown-tags/:epc";
  addRoute(app, {
    ...{ method: "GET", path, allows: "catalogue.read", params: tagParams },
    ...{ summary: "What somebody said that a tag is", answers: { 200: nameItem } },
    handler: async ({ params: { epc }, reply }) => {
      const name = await ledger.tagNames.read(epc);
      if (name === undefined) throw new ProblemError("tag_unknown", `${epc} has no name`);
      reply.header("etag", versionTag(name.namedAtMs));
      return name;
    },
  });
  addRoute(app, {
    ...{ method: "PUT", path, allows: "catalogue.write" },
    summary:
      "Says which product a tag is: its units leave the unknown bins, or the product that it was said to be before, and what is read of it is told of the product",
    ...{ isOfAllStores: true, params: tagParams, body: nameBody, answers: { 200: nameAnswer } },
    headers: { "If-Match": "ETag of the name that is corrected; needed where there is one" },
    example: { gtin: "09506000134352", by: "ada" },
    handler: async ({ params: { epc }, body: { by: said, ...body }, actor, request, reply }) => {
      const by = actor.nameOr(said);
      if (decodeEpc(epc).ok)
        throw wrongParameter("epc", "is a GS1 tag, which says itself what it is");
      if ((await ledger.catalogue.product(body.gtin)) === undefined) {
        throw wrongParameter("gtin", `the catalogue has no ${body.gtin}`);
      }
      const known = await ledger.tagNames.read(epc);
      const isOther = known?.gtin !== body.gtin || known.serial !== body.serial;
      if (isOther) requireMatch(request, known?.namedAtMs, { what: "name", owner: `tag ${epc}` });
      const { name, movedCount } = await give(options, { epc, ...body }, known, by);
      reply.header("etag", versionTag(name.namedAtMs));
      return { ...name, movedCount: movedCount + (await emptyBins(options, name, by)) };
    },
  });
}

type Wanted = Pick<TagName, "epc" | "gtin"> & { readonly serial?: string | undefined };

/** Gives a tag the name that is wanted, in the place of the one that is known. */
async function give(
  { ledger, nowMs, onPosted }: UnknownTagRoutesOptions,
  { epc, gtin, serial }: Wanted,
  known: TagName | undefined,
  by: string,
): Promise<{ name: TagName; movedCount: number }> {
  const author = { by, nowMs: nowMs() };
  if (known === undefined || (known.gtin === gtin && known.serial === serial)) {
    const naming = await ledger.tagNames.name({ epc, gtin, serial }, author);
    if (!naming.ok) throw refused(epc, naming);
    const { name } = naming;
    if (name.gtin === gtin && name.serial === serial) return { name, movedCount: 0 };
    const detail = `${name.namedBy} said that ${epc} is ${name.gtin} ${name.serial ?? ""}`;
    throw new ProblemError("tag_refused", detail.trimEnd());
  }
  const correction = { epc, to: { gtin, serial }, namedAtMs: known.namedAtMs };
  const outcome = await ledger.tagNames.correct(correction, author);
  if (!outcome.ok) {
    const { reason, message } = outcome;
    if (reason === "refused") throw refused(epc, outcome);
    const errors = [{ parameter: "If-Match", message }];
    throw new ProblemError("version_stale", `If-Match: ${message}`, { errors });
  }
  for (const posted of outcome.posted) onPosted(posted);
  return outcome;
}

/** A name that the tag cannot have, as the book stands. */
function refused(
  epc: string,
  { field, message }: { readonly field?: string; readonly message: string },
): ProblemError {
  const errors = field === undefined ? {} : { errors: [{ parameter: field, message }] };
  return new ProblemError("tag_refused", `${epc}: ${message}`, errors);
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
      // With the tag, so that what stands there by its name is known should that be wrong.
      { ...move, item: { ...named, epc: epc as EpcHex }, from: outside, to: place },
    ];
    const key = `${epc}/${entryNumber}/${place.location}/${place.state}`;
    await postOwnFacts(options, { storeId, sourceId, key, facts, by });
  }
  return binned.reduce((sum, { quantity }) => sum + quantity, 0);
}
