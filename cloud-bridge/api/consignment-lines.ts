// The lines in which a delivery or a transfer is announced over HTTP.

import { z } from "zod";
import { serialOrLotSchema } from "../../contract/event.ts";
import {
  consignmentLineCountMax,
  consignmentUnitCountMax,
} from "../ledger/receiving/consignment.ts";
import { gtinParameter, wholeParameter } from "./parameters.ts";

const line = { gtin: gtinParameter, quantity: wholeParameter(1, 1_000_000) };
const listOf = <Line extends z.ZodType>(one: Line) =>
  z
    .array(one, { error: "must be a list" })
    .max(consignmentLineCountMax, { error: `must be at most ${consignmentLineCountMax} lines` });

/** Of a transfer: its units and lots are those that the sender's movements name. */
export const transferLines = listOf(z.strictObject(line));
export const exampleTransferLines = [{ gtin: "09506000134352", quantity: 12 }];

/** Of a delivery: with the lot, and those serials that are known. */
export const deliveryLines = listOf(
  z.strictObject({
    ...line,
    lot: serialOrLotSchema.optional(),
    serials: z.array(serialOrLotSchema, { error: "must be a list" }).optional(),
  }),
).check(({ value, issues }) => {
  const refuse = (index: number, message: string) =>
    issues.push({ code: "custom", input: value, path: [index, "serials"], message });
  const units = new Set<string>();
  for (const [index, { gtin, quantity, serials = [] }] of value.entries()) {
    const countBefore = units.size;
    for (const serial of serials) units.add(`${gtin} ${serial}`);
    if (serials.length > quantity) refuse(index, `must be at most its quantity, ${quantity}`);
    if (units.size < countBefore + serials.length) {
      refuse(index, "must name each unit once in the delivery");
    }
    if (units.size <= consignmentUnitCountMax) continue;
    refuse(index, `must be at most ${consignmentUnitCountMax} in the delivery`);
    return;
  }
});
export const exampleDeliveryLines = [
  { gtin: "09506000134352", quantity: 12, lot: "L2604" },
  { gtin: "09521321001015", quantity: 2, serials: ["7001", "7002"] },
];
