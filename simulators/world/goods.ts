// Units of goods as they stand in a store: what each weighs, which label it has, which tag.

import assert from "node:assert/strict";
import { encodeSgtin96 } from "../../contract/gs1/epc.ts";
import { type SymbolContent, type Symbology, scanDataOf } from "../../contract/gs1/scan-data.ts";
import type { Plan } from "../../contract/plan.ts";
import type { Gtin } from "../../contract/units.ts";
import { gaussian, type Random } from "../random.ts";

/** What a scanner reads: the data and the AIM symbology identifier. */
export interface Barcode {
  readonly data: string;
  readonly symbology: string;
}

/** One unit. Only tagged units have a serial and an EPC. */
export interface Unit {
  readonly gtin: Gtin;
  readonly weightGrams: number;
  readonly barcode: Barcode;
  readonly tag?: { readonly serial: string; readonly epc: string };
  /** Left alone until then: a piece that has just been brought is not taken in the same breath. */
  restsUntilMs: number;
}

/** What is further off than this the packer's own scale refuses. */
const packedSigmasMax = 2.5;
/** Of the company whose products the plans have. */
const companyPrefixDigits = 7;

/** Makes units of the plan's products, each with its own weight, tagged ones with a serial of their own. */
export class Factory {
  readonly #products: ReadonlyMap<string, Plan["products"][number]>;
  readonly #random: Random;
  #serialLast = 1000;

  constructor(plan: Plan, random: Random) {
    this.#products = new Map(plan.products.map((product) => [product.gtin, product]));
    this.#random = random;
  }

  /** The product's name. */
  nameOf(gtin: string): string {
    return this.#products.get(gtin)?.name ?? gtin;
  }

  /** One new unit. */
  make(gtin: Gtin, tagged: boolean): Unit {
    const product = this.#products.get(gtin);
    const { unitWeightGrams = 0, unitWeightSdGrams = 0 } = product ?? {};
    const sigmas = gaussian(this.#random, 0, 1);
    const kept = Math.min(Math.max(sigmas, -packedSigmasMax), packedSigmasMax);
    const weightGrams = unitWeightGrams + kept * unitWeightSdGrams;
    if (!tagged) {
      const barcode = barcodeOf("EAN13", { data: gtin.slice(1), isGs1: false });
      return { gtin, weightGrams, barcode, restsUntilMs: 0 };
    }
    this.#serialLast += 1;
    const serial = String(this.#serialLast);
    const barcode = barcodeOf("DM", { data: `01${gtin}21${serial}`, isGs1: true });
    return { gtin, weightGrams, barcode, tag: tagOf(gtin, serial), restsUntilMs: 0 };
  }
}

function barcodeOf(symbology: Symbology, content: SymbolContent): Barcode {
  const sent = scanDataOf(symbology, content);
  assert(sent !== undefined, "the factory's labels fit onto their symbols");
  return { symbology: sent.slice(0, 3), data: sent.slice(3) };
}

// SGTIN-96, filter 1 (point of sale item), as apparel labels have it.
function tagOf(gtin: Gtin, serial: string): NonNullable<Unit["tag"]> {
  const encoded = encodeSgtin96({ gtin, serial, companyPrefixDigits });
  assert(encoded.ok, "the factory's serials fit into an SGTIN-96");
  return { serial, epc: encoded.epc };
}
