// Trace over HTTP: the whole life of one unit by EPC, Digital Link or the path of its QR, with proofs; heads, and that
// one head continues another. What a stranger does with them is in `../trace/README.md`.

import type { KeyObject } from "node:crypto";
import type { FastifyInstance } from "fastify";
import { z } from "zod";
import { percentEncoded } from "../../contract/gs1/digital-link.ts";
import { proofSchema } from "../../contract/proof.ts";
import type { Entry } from "../../contract/stock.ts";
import { idSchema } from "../../contract/units.ts";
import type { Places } from "../epcis/places.ts";
import { type NamedUnit, unitOfUri } from "../epcis/unit-of-uri.ts";
import type { HistoryCursor, TreeSnapshot } from "../ledger/sql-tree.ts";
import type { Ledger } from "../ledger/types.ts";
import { proofOfParts, publicKeyText, signHead } from "../trace/proof.ts";
import type { Actor } from "./actor.ts";
import {
  cursorParameter,
  cursorText,
  limitParameter,
  pageCountMax,
  requireStore,
  type Stores,
  storeParams,
} from "./parameters.ts";
import { ProblemError, wrongParameter } from "./problem.ts";
import { productLabels } from "./product-label.ts";
import { addRoute } from "./route.ts";
import { consistencyAnswer, headAnswer, lifeAnswer } from "./trace-answers.ts";

export interface TraceRoutesOptions {
  readonly ledger: Pick<Ledger, "tree" | "epcis" | "catalogue">;
  readonly stores: Stores;
  readonly places: Places;
  /** Signs heads; without it there are histories, and no proofs. */
  readonly traceKey: KeyObject | undefined;
  readonly nowMs: () => number;
}

/** Events that others sent of one unit. */
const capturedCountMax = 200;

const flag = z
  .enum(["true", "false"])
  .default("false")
  .transform((text) => text === "true");
const cursorSchema = z
  .string()
  .regex(/^\d{1,15}\/[a-z0-9-]{1,32}\/\d{1,15}$/)
  .transform((text): HistoryCursor => {
    const [placedAtMs, storeId = "", entryNumber] = text.split("/");
    return [Number(placedAtMs), storeId, Number(entryNumber)];
  });
const lifeQuery = {
  proof: flag,
  cursor: cursorParameter(cursorSchema).optional(),
  limit: limitParameter.prefault(pageCountMax),
};
const traceQuery = z
  .strictObject({
    epc: z.string().max(8192).optional(),
    link: z.string().max(8192).optional(),
    ...lifeQuery,
  })
  .refine(({ epc, link }) => (epc === undefined) !== (link === undefined), {
    path: ["link"],
    error: "say either link, a GS1 Digital Link, or epc, hex or a URN",
  });
const linkQuery = z.looseObject(lifeQuery);
const whole = z.coerce.number({ error: "must be a whole number from 1" }).int().min(1);
const proofParams = z.strictObject({ store: idSchema, entryNumber: whole });
const proofQuery = z.strictObject({ since: whole.optional() });
const consistencyQuery = z.strictObject({ from: whole, to: whole.optional() });

/** Adds the routes under /v1/trace, and /01/{gtin}/21/{serial}. */
export function addTraceRoutes(app: FastifyInstance, options: TraceRoutesOptions): void {
  const { ledger, traceKey } = options;
  const tracer = new Tracer(options);

  const reads = { method: "GET", allows: "stock.read" } as const;

  addRoute(app, {
    ...{ ...reads, path: "/v1/trace", query: traceQuery, answers: { 200: lifeAnswer } },
    summary:
      "The whole life of one unit, by EPC or Digital Link, with proofs where they are asked for",
    handler: async ({ query: { epc, link, ...asked }, actor }) => {
      const parameter = epc === undefined ? "link" : "epc";
      return await tracer.lifeOf(epc ?? link ?? "", parameter, { ...asked, actor });
    },
  });
  addRoute(app, {
    ...{ ...reads, path: "/01/:gtin/21/*", query: linkQuery, answers: { 200: lifeAnswer } },
    summary: "The same by what a unit's QR holds, asked of this server instead of its own",
    handler: async ({ query: { proof, cursor, limit }, actor, request }) => {
      const [path = ""] = request.url.split("?");
      const asked = { proof, cursor, limit, actor };
      return await tracer.lifeOf(`https://id.gs1.org${path}`, "link", asked);
    },
  });
  addRoute(app, {
    ...{ ...reads, path: "/v1/trace/key", summary: "The public key that signs heads, as PEM" },
    ...{ produces: "application/x-pem-file", answers: { 200: z.string() } },
    handler: async ({ reply }) => {
      if (traceKey === undefined) throw noKey();
      void reply.type("application/x-pem-file");
      return publicKeyText(traceKey);
    },
  });
  addRoute(app, {
    ...{ ...reads, path: "/v1/trace/:store/head", params: storeParams },
    ...{ summary: "The signed head of a store's history", answers: { 200: headAnswer } },
    handler: async ({ params: { store } }) => tracer.signed(await tracer.tree(store)),
  });
  addRoute(app, {
    ...{ ...reads, path: "/v1/trace/:store/entries/:entryNumber/proof" },
    ...{ params: proofParams, query: proofQuery, answers: { 200: proofSchema } },
    summary: "That an entry is in the history, and that an older history is the beginning of it",
    handler: async ({ params: { store: storeId, entryNumber }, query: { since } }) => {
      const tree = await tracer.tree(storeId);
      const entry = await ledger.tree.entry(storeId, entryNumber);
      if (entry === undefined || entryNumber > tree.treeSize) throw tooFar(tree, entryNumber);
      if (since !== undefined && since > tree.treeSize) throw tooFar(tree, since);
      const [parts] = await ledger.tree.proofParts(tree, [entry], since);
      return proofOfParts(parts!, tracer.signed(tree));
    },
  });
  addRoute(app, {
    ...{ ...reads, path: "/v1/trace/:store/consistency" },
    ...{ params: storeParams, query: consistencyQuery },
    ...{ summary: "That one head continues another", answers: { 200: consistencyAnswer } },
    handler: async ({ params: { store: storeId }, query: { from, to } }) => {
      const tree = await tracer.tree(storeId);
      const size = to ?? tree.treeSize;
      if (size > tree.treeSize) throw tooFar(tree, size);
      if (from > size) throw tooFar({ ...tree, treeSize: size }, from);
      return await ledger.tree.consistency(storeId, from, size);
    },
  });
}

/** How much of a unit's life is told, and to whom. */
interface LifeRequest {
  readonly proof: boolean;
  readonly cursor?: HistoryCursor | undefined;
  readonly limit: number;
  readonly actor: Actor;
}

class Tracer {
  readonly #options: TraceRoutesOptions;

  constructor(options: TraceRoutesOptions) {
    this.#options = options;
  }

  /** What the chain knows of a unit, by page; a token that is limited to stores is told of those alone. */
  async lifeOf(
    text: string,
    parameter: string,
    { proof: withProof, cursor, limit: countMax, actor }: LifeRequest,
  ) {
    const { ledger, places } = this.#options;
    const unit = unitOrProblem(text, parameter);
    const asked = { storeIds: actor.storeIds, after: cursor, countMax };
    const { histories, next } = await ledger.tree.historyOf(unit, asked);
    const stores = await Promise.all(
      histories.map(async ({ storeId, entries }) =>
        withProof
          ? { storeId, proofs: await this.#proofsOf(storeId, entries) }
          : { storeId, entries },
      ),
    );
    // What others captured has no place in the history, and stands on the first page.
    const events = cursor === undefined ? await this.#capturedOf(unit, actor) : [];
    const isLast = next === undefined;
    const isWhole = isLast && cursor === undefined && events.length < capturedCountMax;
    const link = unit.serial === undefined ? {} : { link: uriOf(unit) };
    const latest = isLast ? latestOf(histories.flatMap(({ entries }) => entries)) : undefined;
    const place = latest === undefined ? {} : { lastSeen: placeOf(latest, places) };
    const more = isLast ? {} : { next: cursorText(next.join("/")) };
    const labelOf = await productLabels(ledger, [unit.item]);
    const label = labelOf(unit.item);
    return { ...unit, ...label, ...link, ...place, isWhole, stores, events, ...more };
  }

  async #capturedOf(unit: NamedUnit, { storeIds }: Actor) {
    const roles = ["epc", "input", "output"] as const;
    const only = storeIds === undefined ? {} : { storeIds };
    const filter = { epcs: [{ uris: [uriOf(unit)], roles }], ...only };
    return (await this.#options.ledger.epcis.captured(filter, capturedCountMax)).events;
  }

  async tree(storeId: string): Promise<TreeSnapshot> {
    const { ledger, stores } = this.#options;
    await requireStore(stores, storeId);
    const tree = await ledger.tree.snapshot(storeId);
    if (tree !== undefined) return tree;
    throw new ProblemError("entry_unknown", `store ${storeId} has no entries`);
  }

  signed(tree: TreeSnapshot) {
    const { traceKey, nowMs } = this.#options;
    if (traceKey === undefined) throw noKey();
    return signHead(tree, traceKey, nowMs());
  }

  async #proofsOf(storeId: string, entries: readonly Entry[]) {
    const tree = await this.tree(storeId);
    const signed = this.signed(tree);
    const told = entries.filter(({ entryNumber }) => entryNumber <= tree.treeSize);
    const parts = await this.#options.ledger.tree.proofParts(tree, told);
    return parts.map((each) => proofOfParts(each, signed));
  }
}

function unitOrProblem(text: string, parameter: string): NamedUnit {
  const unit = unitOfUri(text);
  const isOne = unit !== undefined && (unit.serial !== undefined || unit.item.startsWith("epc/"));
  if (isOne) return unit;
  const message =
    unit === undefined
      ? "is no EPC and no GS1 Digital Link"
      : "names a product, a lot or a logistic unit; a trace is of one unit, with a serial (21)";
  throw wrongParameter(parameter, message);
}

function uriOf({ item, serial }: NamedUnit): string {
  if (serial === undefined) {
    const hex = item.slice("epc/".length);
    return `urn:epc:raw:${hex.length * 4}.x${hex}`;
  }
  return `https://id.gs1.org/01/${item}/21/${percentEncoded(serial)}`;
}

function latestOf(entries: readonly Entry[]): Entry | undefined {
  return entries.reduce<Entry | undefined>((latest, entry) => {
    return latest === undefined || entry.occurredAtMs >= latest.occurredAtMs ? entry : latest;
  }, undefined);
}

function placeOf({ to, occurredAtMs }: Entry, places: Places) {
  return { ...to, uri: places.uriOf(to.location), atMs: occurredAtMs };
}

function noKey(): ProblemError {
  return new ProblemError("proof_unavailable", "the bridge has no trace.keyFile to sign with");
}

function tooFar({ storeId, treeSize }: TreeSnapshot, number: number): ProblemError {
  const detail = `${number}: store ${storeId} has ${treeSize} entries there`;
  return new ProblemError("entry_unknown", detail);
}
