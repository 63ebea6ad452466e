// `gondola-bridge catalogue import|export`: the catalogue as a CSV file.

import { readFile } from "node:fs/promises";
import type { Command } from "commander";
import { errorMessageOf, GatewayError } from "../contract/errors.ts";
import { type LedgerOptions, withLedger } from "./cli-ledger.ts";
import { systemClock } from "./clock.ts";
import { catalogueCsv, readCatalogueCsv } from "./ledger/catalogue/catalogue-csv.ts";
import type { CataloguedProduct } from "./ledger/catalogue/sql-catalogue.ts";

/** Products that are read at once. */
const pageCount = 1000;

/** Adds the commands. They write beside a running bridge, which reads the catalogue anew each time. */
export function addCatalogueCommands(program: Command, print: (text: string) => void): void {
  const catalogue = program.command("catalogue").description("the chain's products");
  const ofLedger = (command: Command) =>
    command
      .option("-c, --config <file>", "the bridge's configuration (YAML)")
      .option("--ledger <file>", "a ledger file, or postgres://, instead");
  ofLedger(catalogue.command("import"))
    .description("put the products of a CSV file in, all or none")
    .argument(
      "<file>",
      "CSV with a line of columns: gtin, name, unitWeightGrams, class, priceMinor ...; what has no column stays as it is",
    )
    .requiredOption("--by <name>", "who does it")
    .action(async (file: string, options: LedgerOptions & { by: string }) => {
      const read = readCatalogueCsv(await textOf(file));
      if (!read.ok) {
        const lines = read.problems.map(({ line, column, message }) => {
          return `${file}:${line}: ${column === "" ? "" : `${column}: `}${message}`;
        });
        throw new GatewayError("CONFIG_INVALID", lines.join("\n"));
      }
      const author = { by: options.by, nowMs: systemClock.nowMs() };
      const changedCount = await withLedger(options, (ledger) =>
        ledger.catalogue.put(read.products, author, read.kept),
      );
      print(`${read.products.length} products, ${changedCount} of them new or changed\n`);
    });
  ofLedger(catalogue.command("export"))
    .description("print all products as CSV")
    .action(async (options: LedgerOptions) => {
      const products = await withLedger(options, async (ledger) => {
        const all: CataloguedProduct[] = [];
        for (;;) {
          const afterGtin = all.at(-1)?.product.gtin ?? "";
          const more = await ledger.catalogue.products({ afterGtin, countMax: pageCount });
          all.push(...more);
          if (more.length < pageCount) return all;
        }
      });
      print(catalogueCsv(products.map(({ product }) => product)));
    });
}

async function textOf(file: string): Promise<string> {
  try {
    return new TextDecoder("utf-8", { fatal: true }).decode(await readFile(file));
  } catch (error) {
    const message = `${file}: ${errorMessageOf(error)} (a catalogue is a UTF-8 text)`;
    throw new GatewayError("CONFIG_UNREADABLE", message, { cause: error });
  }
}
