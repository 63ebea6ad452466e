import { expect, test } from "vitest";
import {
  catalogueCsv,
  readCatalogueCsv,
} from "../../../../cloud-bridge/ledger/catalogue/catalogue-csv.ts";
import type { CatalogueProduct } from "../../../../contract/catalogue.ts";
import type { Gtin } from "../../../../contract/units.ts";

const products: CatalogueProduct[] = [
  { gtin: "09506000134352" as Gtin, name: 'Tea, "Assam"', unitWeightGrams: 146.5, class: "A" },
  {
    ...{ gtin: "09521321001015" as Gtin, name: "Shirt", owner: "Maker & Co" },
    price: { amountMinor: 1999, currency: "EUR" },
  },
];

test("what is written is read", () => {
  expect(readCatalogueCsv(catalogueCsv(products))).toEqual({ ok: true, products, kept: [] });
});

test("columns stand in any order, a shorter GTIN is filled up", () => {
  expect(readCatalogueCsv("name,gtin\nTea,9506000134352\n")).toEqual({
    ok: true,
    products: [{ gtin: "09506000134352", name: "Tea" }],
    kept: ["unitWeightGrams", "unitWeightSdGrams", "class", "price", "owner"],
  });
});

test.each([
  ["", 1, "", "the first line has to name columns"],
  ["name\nTea\n", 1, "", "gtin among them"],
  ["gtin,name,colour\n", 1, "colour", "has to name columns"],
  ["gtin,name,name\n", 1, "", "each once"],
  ["gtin,name\n9506000134352\n", 2, "", "1 fields, and 2 columns"],
  ["gtin,name\n9506000134353,Tea\n", 2, "gtin", "check digit"],
  ["gtin,name\n9506000134352,\n", 2, "name", "must be given"],
  [
    "gtin,name,unitWeightGrams\n9506000134352,Tea,heavy\n",
    2,
    "unitWeightGrams",
    "must be of type number",
  ],
  ["gtin,name,priceMinor,currency\n9506000134352,Tea,12.5,EUR\n", 2, "priceMinor", "int"],
  ["gtin,name,unitWeightGrams\n9506000134352,Tea,0x10\n", 2, "unitWeightGrams", "got 0x10"],
  ["gtin,name,priceMinor,currency\n9506000134352,Tea,1e3,EUR\n", 2, "priceMinor", "got 1e3"],
  ["gtin,name,priceMinor\n9506000134352,Tea,12\n", 2, "currency", "must be given"],
  ["gtin,name\n9506000134352,Tea\n\n9506000134352,Tea\n", 4, "gtin", "stands in line 2 already"],
  ['gtin,name\n"9506000134352,Tea\n', 2, "", "never closed"],
])("%j is refused with line and column", (text, line, column, message) => {
  expect(readCatalogueCsv(text)).toMatchObject({
    ok: false,
    problems: [{ line, column, message: expect.stringContaining(message) }],
  });
});

test("what is wrong is told of 20 fields at most", () => {
  const read = readCatalogueCsv(`gtin,name\n${"1,\n".repeat(50)}`);
  expect(read.ok ? 0 : read.problems.length).toBe(20);
});
