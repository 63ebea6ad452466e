import { expect, test } from "vitest";
import { epcHexSchema } from "../../../contract/units.ts";
import { itemOfTag } from "../../../edge/sense/tag-item.ts";

test.each([
  // SGTIN-96, SGTIN-198 (serial A/b) and SGTIN+ (serial 32a/b) name an item.
  ["3034257BF7194E4000001A85", { gtin: "80614141123458", serial: "6789" }, []],
  ["F73795211411234538566CB0AFC4", { gtin: "79521141123453", serial: "32a/b" }, []],
  // A crate, an unprogrammed tag, a maker's test pattern, nonsense, and a number of one store only.
  ["3114257BF4499602D2000000", {}, ["tags_without_item_other_key"]],
  ["000000000000000000000000", {}, ["tags_without_item_unprogrammed"]],
  ["E2801160600002054CC2096F", {}, ["tags_without_item_tid_as_epc"]],
  ["123456789012345678ABCDEF", {}, ["tags_without_item_header_reserved"]],
  ["301C00004000004000000001", {}, ["tags_without_item_malformed"]],
  ["3014007A1200034000000001", {}, ["tags_without_item_restricted"]],
])("%s", (hex, item, counted) => {
  const counts: string[] = [];
  const epc = epcHexSchema.parse(hex);
  expect(itemOfTag(epc, (name) => counts.push(name))).toEqual({ ...item, epc });
  expect(counts).toEqual(counted);
});
