// The whole life of one serialised item, or of a lot, over HTTP, asked by key, Digital Link, EPC or barcode text.

import type { FastifyInstance } from "fastify";
import { z } from "zod";
import { parseDigitalLink } from "../../contract/gs1/digital-link.ts";
import { decodeEpc } from "../../contract/gs1/epc.ts";
import { entrySchema } from "../../contract/stock.ts";
import { epcHexSchema, gtinSchema } from "../../contract/units.ts";
import type { HistoryMark } from "../ledger/sql-history.ts";
import type { Ledger } from "../ledger/types.ts";
import { cursorParameter, cursorText, limitParameter, pageCountMax } from "./parameters.ts";
import { ProblemError, wrongParameter } from "./problem.ts";
import { productLabelSchema, productLabels } from "./product-label.ts";
import { addRoute } from "./route.ts";

export interface ItemRoutesOptions {
  readonly ledger: Ledger;
}

/** What a unit is called in the ledger. */
export interface UnitName {
  /** GTIN, or `epc/HEX` for a tag that is not GS1. */
  readonly item: string;
  readonly serial?: string;
  readonly lot?: string;
}

const markInText = z
  .string()
  .regex(/^-?\d{1,16}\/[a-z0-9-]{1,32}\/\d{1,15}$/)
  .transform((text): HistoryMark => {
    const [placedAtMs, storeId, entryNumber] = text.split("/");
    return [Number(placedAtMs), storeId!, Number(entryNumber)];
  });
const historyQuery = z.strictObject({
  /** `01/{gtin}/21/{serial}`, `01/{gtin}/10/{lot}`, a Digital Link, or an EPC in hex. */
  id: z.string().min(1).max(2000),
  cursor: cursorParameter(markInText).optional(),
  limit: limitParameter.removeDefault().default(pageCountMax),
});
const historyAnswer = z.strictObject({
  item: z.string(),
  serial: z.string().optional(),
  lot: z.string().optional(),
  product: productLabelSchema.optional(),
  /** Older entries are left out; `next` is the cursor of their page. */
  isCut: z.boolean(),
  /** In order of time. */
  entries: z.array(entrySchema),
  next: z.string().optional(),
});

/** Adds /v1/items/history. */
export function addItemRoutes(app: FastifyInstance, { ledger }: ItemRoutesOptions): void {
  addRoute(app, {
    ...{ method: "GET", path: "/v1/items/history", allows: "stock.read", isTagged: true },
    summary:
      "The whole life of one item, or of a lot, with entry numbers, by key, Digital Link or EPC; the latest entries are the first page",
    query: historyQuery,
    answers: { 200: historyAnswer },
    handler: async ({ query, actor }) => {
      const { cursor: before, limit: countMax } = query;
      const unit = unitNamed(query.id);
      if ("reason" in unit) {
        throw wrongParameter("id", unit.reason);
      }
      const only = actor.storeIds === undefined ? {} : { storeIds: actor.storeIds };
      const found = await ledger.history.ofItem({ ...unit, ...only, before, countMax });
      const { entries, next } = found;
      if (entries.length === 0 && before === undefined)
        throw new ProblemError("item_unknown", "no entry names this item");
      const labelOf = await productLabels(ledger, [unit.item]);
      const page = { isCut: next !== undefined, entries };
      const older = next === undefined ? {} : { next: cursorText(next.join("/")) };
      return { ...unit, ...labelOf(unit.item), ...page, ...older };
    },
  });
}

/** The unit or lot that a key, Digital Link or EPC means, or why it means none. */
export function unitNamed(id: string): UnitName | { readonly reason: string } {
  const hex = epcHexSchema.safeParse(id.replace(/^epc\//, "").toUpperCase());
  if (hex.success) {
    const identity = decodeEpc(hex.data);
    return identity.ok
      ? { item: identity.gtin, serial: identity.serial }
      : { item: `epc/${hex.data}` };
  }
  const link = parseDigitalLink(/^https?:/i.test(id) ? id : `https://id.gs1.org/${id}`);
  if (!link.ok) return { reason: link.reason };
  const elements = new Map(link.elements);
  const gtin = gtinSchema.safeParse(elements.get("01"));
  const serial = elements.get("21");
  const lot = elements.get("10");
  if (gtin.success && serial !== undefined) return { item: gtin.data, serial };
  if (gtin.success && lot !== undefined) return { item: gtin.data, lot };
  return { reason: "must name a GTIN (01), and a serial (21) or a lot (10)" };
}
