// The chain's catalogue in the ledger's database: a product by its GTIN, each change with who made it.

import assert from "node:assert/strict";
import { type CatalogueProduct, catalogueProductSchema } from "../../../contract/catalogue.ts";
import { canonicalJson } from "../../../contract/digest.ts";
import type { Author } from "../author.ts";
import type { LedgerDatabase, SqlConnection } from "../database.ts";
import { filledFields } from "./plan-fill.ts";
import { catalogueLock, markStalePlans } from "./sql-plan-fills.ts";

export const catalogueTables = `
-- Products of all stores; name and class as they are searched for. body is JSON of catalogueProductSchema.
CREATE TABLE IF NOT EXISTS catalogue (
  gtin TEXT NOT NULL PRIMARY KEY,
  version INTEGER NOT NULL,
  name_key TEXT NOT NULL, class TEXT, price_minor INTEGER,
  body TEXT NOT NULL
) WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS catalogue_name ON catalogue (name_key, gtin);
-- Every version that there was; body is NULL where the product was taken out.
CREATE TABLE IF NOT EXISTS catalogue_changes (
  gtin TEXT NOT NULL, version INTEGER NOT NULL,
  changed_at_ms INTEGER NOT NULL, changed_by TEXT NOT NULL,
  body TEXT,
  PRIMARY KEY (gtin, version)
) WITHOUT ROWID;
`;

/** A product as it stands in the catalogue. */
export interface CataloguedProduct {
  readonly product: CatalogueProduct;
  /** Grows with every change of the product. */
  readonly version: number;
}

/** One change; `product` is absent where it was taken out. */
export interface CatalogueChange {
  readonly version: number;
  readonly changedAtMs: number;
  readonly changedBy: string;
  readonly product?: CatalogueProduct;
}

/** Products that one statement takes. */
const chunkCount = 1000;
/** Changes that are told of one product: the latest. */
export const catalogueChangeCountMax = 1000;

interface Row {
  readonly gtin: string;
  readonly version: number;
  readonly body: string;
}

/** The catalogue. */
export class SqlCatalogue {
  readonly #database: LedgerDatabase;

  constructor(database: LedgerDatabase) {
    this.#database = database;
  }

  async product(gtin: string): Promise<CataloguedProduct | undefined> {
    const [product] = await this.productsOf([gtin]);
    return product;
  }

  /** Those of the GTINs that it has. */
  productsOf(gtins: readonly string[]): Promise<CataloguedProduct[]> {
    return readProducts(this.#database.reader, gtins);
  }

  /** By GTIN after `afterGtin`; those whose name begins so (upper or lower case), those of a class. */
  async products(query: {
    readonly afterGtin?: string;
    readonly name?: string;
    readonly class?: string;
    readonly countMax: number;
  }): Promise<CataloguedProduct[]> {
    const { afterGtin = "", name = "", class: className, countMax } = query;
    const key = nameKey(name);
    const rows = await this.#database.reader.all<Row>(
      `SELECT gtin, version, body FROM catalogue
       WHERE gtin > ? AND (? = '' OR (name_key >= ? AND name_key < ?)) AND (? = '' OR class = ?)
       ORDER BY gtin LIMIT ?`,
      ...[afterGtin, key, key, `${key}\u{10FFFF}`, className ?? "", className ?? "", countMax],
    );
    return rows.map(productOf);
  }

  /** The changes of a product, the latest first. */
  async changes(gtin: string): Promise<CatalogueChange[]> {
    const rows = await this.#database.reader.all<
      Omit<CatalogueChange, "product"> & { body: string | null }
    >(
      `SELECT version, changed_at_ms AS changedAtMs, changed_by AS changedBy, body
       FROM catalogue_changes WHERE gtin = ? ORDER BY version DESC LIMIT ?`,
      ...[gtin, catalogueChangeCountMax],
    );
    return rows.map(({ body, ...change }) => ({
      ...change,
      ...(body === null ? {} : { product: catalogueProductSchema.parse(JSON.parse(body)) }),
    }));
  }

  /** Puts products in, all or none, with what is `kept` of those there; which are as they are stay. Gives how many changed. */
  put(
    products: readonly CatalogueProduct[],
    author: Author,
    kept: readonly (keyof CatalogueProduct)[] = [],
  ): Promise<number> {
    return this.#write((connection) => putProducts(connection, products, author, kept));
  }

  /** Replaces what has `version` (undefined: what is not there). Gives what stands there then, or that it was another. */
  replace(
    product: CatalogueProduct,
    version: number | undefined,
    author: Author,
  ): Promise<CataloguedProduct | "stale"> {
    return this.#write(async (connection) => {
      const [before] = await readRows(connection, [product.gtin]);
      if (before?.version !== version) return "stale";
      await putProducts(connection, [product], author);
      const [row] = await readRows(connection, [product.gtin]);
      return productOf(row!);
    });
  }

  /** Takes a product out. */
  remove(gtin: string, version: number, { by, nowMs }: Author): Promise<"removed" | "stale"> {
    return this.#write(async (connection) => {
      const [before] = await readRows(connection, [gtin]);
      if (before?.version !== version) return "stale";
      await connection.run("DELETE FROM catalogue WHERE gtin = ?", gtin);
      await connection.run(
        `INSERT INTO catalogue_changes (gtin, version, changed_at_ms, changed_by, body)
         VALUES (?, ?, ?, ?, NULL)`,
        ...[gtin, version + 1, nowMs, by],
      );
      await markStalePlans(connection, [gtin]);
      return "removed";
    });
  }

  #write<T>(work: (connection: SqlConnection) => Promise<T>): Promise<T> {
    return this.#database.write(work, catalogueLock);
  }
}

/** Those of the GTINs that the catalogue has. */
export async function readProducts(
  connection: SqlConnection,
  gtins: readonly string[],
): Promise<CataloguedProduct[]> {
  if (gtins.length === 0) return [];
  return (await readRows(connection, gtins)).map(productOf);
}

async function putProducts(
  connection: SqlConnection,
  products: readonly CatalogueProduct[],
  { by, nowMs }: Author,
  kept: readonly (keyof CatalogueProduct)[] = [],
): Promise<number> {
  assert(new Set(products.map(({ gtin }) => gtin)).size === products.length, "each product once");
  let changedCount = 0;
  for (let at = 0; at < products.length; at += chunkCount) {
    const chunk = products.slice(at, at + chunkCount);
    const rows = await readRows(
      connection,
      chunk.map(({ gtin }) => gtin),
    );
    const bodies = new Map(rows.map(({ gtin, body }) => [gtin, body]));
    const changed = chunk
      .map((product) => ({ ...partOf(bodies.get(product.gtin), kept), ...product }))
      .map((product) => ({ ...product, body: canonicalJson(product) }))
      .filter(({ gtin, body }) => bodies.get(gtin) !== body);
    changedCount += changed.length;
    const values = changed.map(({ gtin, name, class: className, price, body }) => [
      ...[gtin, nameKey(name), className ?? null, price?.amountMinor ?? null, body],
    ]);
    // A product that was taken out goes on with the number after that.
    await connection.run(
      `INSERT INTO catalogue (gtin, version, name_key, class, price_minor, body)
       SELECT value->>0, 1 + coalesce((SELECT max(c.version) FROM catalogue_changes c WHERE c.gtin = value->>0), 0),
         value->>1, value->>2, CAST(value->>3 AS INTEGER), value->>4 FROM json_each(?) WHERE true
       ON CONFLICT (gtin) DO UPDATE SET version = excluded.version, name_key = excluded.name_key,
         class = excluded.class, price_minor = excluded.price_minor, body = excluded.body`,
      JSON.stringify(values),
    );
    await connection.run(
      `INSERT INTO catalogue_changes (gtin, version, changed_at_ms, changed_by, body)
       SELECT gtin, version, CAST(? AS INTEGER), ?, body FROM catalogue
       WHERE gtin IN (SELECT value FROM json_each(?))`,
      ...[nowMs, by, JSON.stringify(changed.map(({ gtin }) => gtin))],
    );
    const filling = changed.filter((product) => isFillingOther(product, bodies.get(product.gtin)));
    await markStalePlans(
      connection,
      filling.map(({ gtin }) => gtin),
    );
  }
  return changedCount;
}

function partOf(
  body: string | undefined,
  names: readonly (keyof CatalogueProduct)[],
): Partial<CatalogueProduct> {
  if (body === undefined || names.length === 0) return {};
  const product: CatalogueProduct = JSON.parse(body);
  return Object.fromEntries(
    names.flatMap((name) => (name in product ? [[name, product[name]]] : [])),
  );
}

/** Whether plans are to say something else of a product than its body before. */
function isFillingOther(product: CatalogueProduct, body: string | undefined): boolean {
  const before: Partial<CatalogueProduct> = body === undefined ? {} : JSON.parse(body);
  return filledFields.some((field) => product[field] !== before[field]);
}

function readRows(connection: SqlConnection, gtins: readonly string[]): Promise<Row[]> {
  return connection.all<Row>(
    `SELECT gtin, version, body FROM catalogue WHERE gtin IN (SELECT value FROM json_each(?))`,
    JSON.stringify(gtins),
  );
}

function productOf({ version, body }: Row): CataloguedProduct {
  return { product: catalogueProductSchema.parse(JSON.parse(body)), version };
}

function nameKey(name: string): string {
  return name.normalize("NFC").toLowerCase();
}
