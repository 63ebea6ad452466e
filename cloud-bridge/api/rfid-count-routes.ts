// Counts of tags over HTTP: passes with a hand reader as lines of a count, and what each count of tags found.

import type { FastifyInstance } from "fastify";
import { z } from "zod";
import { serialKey } from "../../contract/gs1/digital-link.ts";
import { identifyTag } from "../../contract/gs1/identify.ts";
import {
  atMsSchema,
  epcHexSchema,
  gtinSchema,
  isWithin,
  locationSchema,
} from "../../contract/units.ts";
import type { ReportMark } from "../ledger/counting/sql-rfid.ts";
import { counterFields, counterOf } from "./count-actor.ts";
import { rfidReport, tagsAnswer } from "./count-answers.ts";
import { type CountRoutesOptions, countParams, listQuery, taken } from "./count-routes.ts";
import { pageSchema, requireStore, storeParams, timeAndIdInText } from "./parameters.ts";
import { wrongParameter } from "./problem.ts";
import { addRoute } from "./route.ts";

/** Tags in one pass, and passes in one request. */
const tagCountMax = 5000;
const passCountMax = 4;
const bodySizeBytesMax = 1024 * 1024;

const keyError = "must be a tag's EPC in hex, or 01/{gtin14}/21/{serial}";
/** What a tag is known by; one that is not an item's is left out of the count. */
const tag = z
  .string()
  .max(130)
  .transform((value, context) => {
    const named = /^01\/(\d{14})\/21\/[!-~]{1,60}$/.exec(value);
    if (named !== null && gtinSchema.safeParse(named[1]).success) return value;
    const epc = epcHexSchema.safeParse(value);
    if (!epc.success) {
      context.addIssue({ code: "custom", message: keyError });
      return z.NEVER;
    }
    const identity = identifyTag(epc.data);
    const { gtin, serial } = identity.ok ? identity.item : {};
    return gtin === undefined || serial === undefined ? undefined : serialKey(gtin, serial);
  });
const passError = `must be 1..${passCountMax} passes`;
const tagsBody = z.strictObject({
  ...counterFields,
  location: locationSchema.optional(),
  passes: z
    .array(z.strictObject({ observedAtMs: atMsSchema, keys: z.array(tag).max(tagCountMax) }), {
      error: passError,
    })
    .min(1, { error: passError })
    .max(passCountMax, { error: passError }),
});

const reportMark = timeAndIdInText(/[^/]{1,64}\/[^/]{1,64}\/\d{1,15}/)
  .transform(([atMs, rest]): ReportMark => {
    const [edgeId = "", outboxId = "", sequence] = rest.split("/");
    return [atMs, edgeId, outboxId, Number(sequence)];
  })
  .optional();
const reportsQuery = listQuery.extend({ cursor: reportMark, after: reportMark });

/** What is wrong with a line, as of the passes that it was made of. */
function ofPasses<T extends { readonly ok: boolean; readonly field?: string }>(outcome: T): T {
  return outcome.field?.startsWith("lines") === true ? { ...outcome, field: "passes" } : outcome;
}

/** Adds /v1/stores/{store}/counts/{id}/tags and /v1/stores/{store}/rfid-counts. */
export function addRfidCountRoutes(app: FastifyInstance, options: CountRoutesOptions): void {
  const { ledger, stores, nowMs } = options;
  addRoute(app, {
    ...{ method: "POST", path: "/v1/stores/:store/counts/:id/tags", allows: "counts.write" },
    ...{ summary: "Passes with a hand reader, as lines of a count", bodySizeBytesMax },
    ...{ params: countParams, body: tagsBody, answers: { 200: tagsAnswer } },
    example: { passes: [{ observedAtMs: 1_772_000_000_000, keys: ["01/09506000134352/21/7"] }] },
    handler: async ({ params: { store: storeId, id: countId }, body, actor }) => {
      const { location, passes } = body;
      await requireStore(stores, storeId);
      if (location !== undefined && !isWithin(location, storeId)) {
        throw wrongParameter("location", `lies outside ${storeId}`);
      }
      const known = passes.map(({ observedAtMs, keys }) => ({
        ...{ observedAtMs, keys: keys.filter((key) => key !== undefined) },
      }));
      const foreignCount = passes.reduce(
        (sum, { keys }) => sum + keys.filter((key) => key === undefined).length,
        0,
      );
      const asked = { ...counterOf(actor, body), location, passes: known };
      const outcome = await ledger.counting.recordTags({ storeId, countId }, asked, nowMs());
      taken(ofPasses(outcome), options);
      return { foreignCount, ...("report" in outcome ? outcome.report : {}) };
    },
  });
  addRoute(app, {
    ...{ method: "GET", path: "/v1/stores/:store/rfid-counts", allows: "counts.read" },
    ...{ summary: "What each count of tags found, the newest first" },
    ...{ params: storeParams, query: reportsQuery },
    answers: { 200: pageSchema(rfidReport) },
    handler: async ({
      params: { store: storeId },
      query: { cursor, after: before = cursor, limit },
    }) => {
      await requireStore(stores, storeId);
      const items = await ledger.counting.rfidReports({ storeId, before, countMax: limit });
      const last = items.at(-1);
      if (last === undefined || items.length < limit) return { items };
      const { atMs, edgeId, outboxId, sequence } = last;
      return { items, next: [atMs, edgeId, outboxId, sequence].join("/") };
    },
  });
}
