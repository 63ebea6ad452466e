// What a promise may do to stock, as pure rules: a claim reserves units of a whole order or nothing, and on
// its way every step is checked against what stands in the book at that moment.

import type { Entry } from "../../contract/stock.ts";
import {
  availabilityOf,
  type InHand,
  pickedFrom,
  type Reserved,
  type Withheld,
  withInHand,
} from "./availability.ts";
import type { Book } from "./book.ts";
import { productKey } from "./changes.ts";
import { lineMovements, type MovingStep } from "./claim-movements.ts";
import type { TrustGate } from "./counting/trust-gate.ts";
import { type OrderPlace, webChannel } from "./place-roles.ts";
import type { Posted } from "./types.ts";

/** GTINs in one claim. */
export const claimLineCountMax = 50;
/** Units in one line. */
export const claimQuantityMax = 10_000;
/** Claims of one store that are reserved at a time. */
export const openClaimCountMax = 20_000;
/** How soon and how late a claim may expire. */
export const claimExpiryMsMin = 1000;
export const claimExpiryMsMax = 30 * 24 * 3_600_000;
/** How long the answer to an idempotency key is kept. */
export const claimAnswerKeepMs = 7 * 24 * 3_600_000;

/** The source of entries that claims post: each claim is an outbox of its own, its steps the sequence. */
export const claimEdgeId = "bridge";

export const claimStates = ["reserved", "picked", "handed_over", "released", "expired"] as const;
export type ClaimState = (typeof claimStates)[number];
/** A claim in one of these keeps units from others. */
export const openClaimStates: readonly ClaimState[] = ["reserved", "picked"];

/** Units of one GTIN; `places` says where they were set aside. */
export interface ClaimLine {
  readonly gtin: string;
  readonly quantity: number;
  readonly places: readonly { readonly location: string; readonly quantity: number }[];
}

export interface Claim {
  /** 32 hex digits. */
  readonly claimId: string;
  readonly storeId: string;
  readonly owner: string;
  readonly channel: string;
  readonly state: ClaimState;
  readonly expiresAtMs: number;
  readonly createdAtMs: number;
  readonly changedAtMs: number;
  readonly changedBy: string;
  readonly lines: readonly ClaimLine[];
}

/** A whole order to reserve. `digest` is that of the body: a key with another one is a conflict. */
export interface ReserveRequest {
  readonly step: "reserve";
  readonly claimId: string;
  readonly key: string;
  readonly digest: string;
  readonly storeId: string;
  readonly owner: string;
  /** Who reserves it; the owner, where nobody else is said to. */
  readonly by?: string;
  readonly channel: string;
  readonly expiresAtMs: number;
  readonly lines: readonly { readonly gtin: string; readonly quantity: number }[];
}

/** The next step of a claim; `storeId` is where `move` takes it. */
export type StepRequest = { readonly claimId: string; readonly by: string } & (
  | { readonly step: "pick" | "hand_over" | "release" }
  | { readonly step: "move"; readonly storeId: string }
);
export type ClaimRequest = ReserveRequest | StepRequest;

export type ClaimRefusalCode =
  | "CLAIM_UNKNOWN"
  | "CLAIM_STATE"
  | "CLAIM_EXPIRY"
  | "CLAIM_LINES"
  | "CLAIM_LIMIT"
  | "CLAIM_BUSY"
  | "KEY_REUSED"
  | "STOCK_SHORT";

/** Why nothing was done; `field` names what of the request is meant. */
export interface ClaimRefusal {
  readonly ok: false;
  readonly code: ClaimRefusalCode;
  readonly field: string;
  readonly message: string;
}
export type ClaimOutcome =
  | { readonly ok: true; readonly claim: Claim; readonly posted?: Posted }
  | ClaimRefusal;

/** The first answer to a key, which is of a store. */
export interface ClaimAnswer {
  readonly storeId: string;
  readonly key: string;
  readonly digest: string;
  readonly outcome: ClaimOutcome;
}

/** A key among those of all stores; no key has a blank. */
export function claimKeyOf({ storeId, key }: Pick<ClaimAnswer, "storeId" | "key">): string {
  return `${storeId} ${key}`;
}

/** What a group of requests is decided on, beside the book. */
export interface ClaimView {
  readonly claims: readonly Claim[];
  readonly answers: readonly ClaimAnswer[];
  readonly reserved: readonly ({ readonly storeId: string; readonly gtin: string } & Reserved)[];
  readonly withheld: readonly Withheld[];
  readonly orderPlaces: readonly ({ readonly storeId: string } & OrderPlace)[];
  readonly openCounts: readonly { readonly storeId: string; readonly count: number }[];
  readonly gates: readonly TrustGate[];
  /** What a shelf saw taken a while ago and is in nobody's hands else: staff may have it. Of the items of picks. */
  readonly inHand: readonly InHand[];
}

/** The claim as it is at a time: a reservation that ran out is expired, whatever is stored. */
export function claimAt(claim: Claim, nowMs: number): Claim {
  const isOver = claim.state === "reserved" && claim.expiresAtMs <= nowMs;
  return isOver ? { ...claim, state: "expired", changedAtMs: claim.expiresAtMs } : claim;
}

const nothingReserved: Reserved = { quantity: 0, webQuantity: 0 };

const steps = {
  pick: { from: ["reserved"], to: "picked" },
  hand_over: { from: ["picked"], to: "handed_over" },
  release: { from: ["reserved", "picked"], to: "released" },
  move: { from: ["reserved"], to: "reserved" },
} as const satisfies Record<
  StepRequest["step"],
  { readonly from: readonly ClaimState[]; readonly to: ClaimState }
>;

/** Decides the requests of one transaction, one after the other; each sees what those before it did. */
export class ClaimDesk {
  readonly #book: Book;
  readonly #nowMs: number;
  readonly #claims = new Map<string, Claim>();
  readonly #changed = new Map<string, Claim>();
  readonly #steps: Claim[] = [];
  readonly #answers = new Map<string, ClaimAnswer>();
  readonly #newAnswers: ClaimAnswer[] = [];
  readonly #reserved = new Map<string, Reserved>();
  readonly #openCounts = new Map<string, number>();
  readonly #withheld: readonly Withheld[];
  readonly #orderPlaces: ClaimView["orderPlaces"];
  readonly #gates: ReadonlyMap<string, number>;
  readonly #inHand: ClaimView["inHand"];

  constructor(view: ClaimView, book: Book, nowMs: number) {
    this.#book = book;
    this.#nowMs = nowMs;
    this.#withheld = view.withheld;
    this.#orderPlaces = view.orderPlaces;
    this.#inHand = view.inHand;
    this.#gates = new Map(
      view.gates.map((gate) => [productKey(gate.storeId, gate.gtin), gate.withheldPercent]),
    );
    for (const claim of view.claims) {
      const now = claimAt(claim, nowMs);
      this.#claims.set(claim.claimId, now);
      if (now !== claim) this.#changed.set(claim.claimId, now);
    }
    for (const answer of view.answers) this.#answers.set(claimKeyOf(answer), answer);
    for (const reserved of view.reserved) {
      this.#reserved.set(productKey(reserved.storeId, reserved.gtin), reserved);
    }
    for (const { storeId, count } of view.openCounts) this.#openCounts.set(storeId, count);
  }

  decide(request: ClaimRequest): ClaimOutcome {
    return request.step === "reserve" ? this.#reserveOnce(request) : this.#step(request);
  }

  /** `steps`: each claim as it was after each step that somebody took. */
  changes(): { claims: Claim[]; answers: ClaimAnswer[]; steps: readonly Claim[] } {
    const claims = [...this.#changed.values()];
    return { claims, answers: this.#newAnswers, steps: this.#steps };
  }

  #reserveOnce(request: ReserveRequest): ClaimOutcome {
    const { storeId, key, digest } = request;
    const first = this.#answers.get(claimKeyOf(request));
    if (first !== undefined) {
      if (first.digest === digest) return first.outcome;
      const message = `the key ${key} came with another body; a new request needs a new key`;
      return { ok: false, code: "KEY_REUSED", field: "Idempotency-Key", message };
    }
    const outcome = this.#reserve(request);
    // What the client can only put right with another body is not remembered: nothing was decided.
    if (!outcome.ok && outcome.code !== "STOCK_SHORT") return outcome;
    const answer = { storeId, key, digest, outcome };
    this.#answers.set(claimKeyOf(answer), answer);
    this.#newAnswers.push(answer);
    return outcome;
  }

  #reserve(request: ReserveRequest): ClaimOutcome {
    const { claimId, storeId, owner, by = owner, channel, expiresAtMs, lines } = request;
    const restMs = expiresAtMs - this.#nowMs;
    if (restMs < claimExpiryMsMin || restMs > claimExpiryMsMax) {
      const message = `must be ${claimExpiryMsMin}..${claimExpiryMsMax} ms from now, is ${restMs}`;
      return { ok: false, code: "CLAIM_EXPIRY", field: "expiresAtMs", message };
    }
    const gtins = lines.map(({ gtin }) => gtin);
    const twice = gtins.findIndex((gtin, index) => gtins.indexOf(gtin) < index);
    if (twice >= 0) {
      const message = `${gtins[twice]} stands in a line before; one line says how many in all`;
      return { ok: false, code: "CLAIM_LINES", field: `lines.${twice}.gtin`, message };
    }
    const openCount = this.#openCounts.get(storeId) ?? 0;
    if (openCount >= openClaimCountMax) return limitRefusal(storeId);
    const short = this.#short(storeId, channel, lines);
    if (short !== undefined) return short;
    const at = { expiresAtMs, createdAtMs: this.#nowMs, changedAtMs: this.#nowMs };
    const claim: Claim = {
      ...{ claimId, storeId, owner, channel, state: "reserved", ...at, changedBy: by },
      lines: lines.map(({ gtin, quantity }) => ({ gtin, quantity, places: [] })),
    };
    this.#hold(claim, 1);
    this.#keep(claim);
    return { ok: true, claim };
  }

  #step(request: StepRequest): ClaimOutcome {
    const { claimId, step, by } = request;
    const claim = this.#claims.get(claimId);
    if (claim === undefined) {
      const message = `there is no claim ${claimId}`;
      return { ok: false, code: "CLAIM_UNKNOWN", field: "claimId", message };
    }
    const { from, to } = steps[step];
    const isDone = step === "move" ? claim.storeId === request.storeId : claim.state === to;
    const isOpen = (from as readonly ClaimState[]).includes(claim.state);
    // A step that comes again finds itself done.
    if (isDone && (isOpen || step !== "move")) return { ok: true, claim };
    if (!isOpen) {
      const message = `the claim is ${claim.state}; ${step} needs one that is ${from.join(" or ")}`;
      return { ok: false, code: "CLAIM_STATE", field: "claimId", message };
    }
    const stamp = { state: to, changedAtMs: this.#nowMs, changedBy: by };
    if (step === "move") return this.#move({ ...claim, ...stamp }, claim, request.storeId);
    if (step === "pick") return this.#pick({ ...claim, ...stamp });
    const next = { ...claim, ...stamp };
    if (claim.state === "reserved") this.#hold(claim, -1);
    else return this.#leave(next, step);
    this.#open(claim.storeId, -1);
    this.#keep(next);
    return { ok: true, claim: next };
  }

  #move(next: Claim, claim: Claim, storeId: string): ClaimOutcome {
    if ((this.#openCounts.get(storeId) ?? 0) >= openClaimCountMax) return limitRefusal(storeId);
    const short = this.#short(storeId, claim.channel, claim.lines);
    if (short !== undefined) return short;
    this.#hold(claim, -1);
    this.#open(claim.storeId, -1);
    const moved = { ...next, storeId };
    this.#hold(moved, 1);
    this.#keep(moved);
    return { ok: true, claim: moved };
  }

  /** Takes the units off sale where they stand, and their line out of what is reserved: the same in one. */
  #pick(next: Claim): ClaimOutcome {
    const { storeId, channel } = next;
    const lines = next.lines.map((line) => {
      let rest = line.quantity;
      const places = new Map<string, number>();
      const known = this.#stockOf(storeId, line.gtin);
      const seen = this.#inHand.filter((one) => one.storeId === storeId && one.gtin === line.gtin);
      const stock = { ...known, accounts: withInHand(known.accounts, seen) };
      for (const { location, quantity } of pickedFrom(stock, channel)) {
        const taken = Math.min(rest, Math.max(0, quantity));
        rest -= taken;
        if (taken > 0) places.set(location, (places.get(location) ?? 0) + taken);
      }
      const taken = [...places].map(([location, quantity]) => ({ location, quantity }));
      return { ...line, places: taken, rest };
    });
    const missing = lines.find(({ rest }) => rest > 0);
    if (missing !== undefined) {
      const message = `${missing.rest} of ${missing.gtin} are not on sale in ${storeId} any more; count, move or release`;
      return { ok: false, code: "STOCK_SHORT", field: "claimId", message };
    }
    const picked = { ...next, lines: lines.map(({ rest: _, ...line }) => line) };
    this.#hold(picked, -1);
    this.#open(storeId, -1);
    this.#keep(picked);
    return { ok: true, claim: picked, posted: this.#post(picked, "pick") };
  }

  #leave(next: Claim, step: "hand_over" | "release"): ClaimOutcome {
    this.#keep(next);
    return { ok: true, claim: next, posted: this.#post(next, step) };
  }

  #post(claim: Claim, step: MovingStep): Posted {
    const { storeId, claimId, lines, changedBy: by } = claim;
    const atMs = this.#nowMs;
    const source = {
      ...{ storeId, edgeId: claimEdgeId, outboxId: claimId, sequence: step === "pick" ? 1 : 2 },
      ...{ deviceId: "claims", recordedAtMs: atMs, placedAtMs: atMs, unsyncedBootId: null, by },
    };
    const entries: Entry[] = [];
    for (const line of lines) {
      for (const movement of lineMovements(storeId, line, step, atMs)) {
        entries.push(this.#book.transfer(movement, source));
      }
      for (const difference of this.#book.settle(storeId, line.gtin, atMs)) {
        const at = { ...source, placedAtMs: difference.occurredAtMs };
        entries.push(this.#book.transfer(difference, at));
      }
    }
    const changedItems = lines.map(({ gtin }) => ({ storeId, gtin }));
    return { entries, changedItems, alerts: [] };
  }

  /** The first line that cannot be promised. */
  #short(
    storeId: string,
    channel: string,
    lines: readonly { gtin: string; quantity: number }[],
  ): ClaimRefusal | undefined {
    for (const [index, { gtin, quantity }] of lines.entries()) {
      const stock = {
        ...this.#stockOf(storeId, gtin),
        withheld: this.#withheld,
        gatePercent: this.#gates.get(productKey(storeId, gtin)) ?? 0,
      };
      const { available } = availabilityOf(stock, { storeId, gtin, channel });
      if (available >= quantity) continue;
      const message = `${quantity} of ${gtin} are asked for in ${storeId}, ${available} can be promised`;
      return { ok: false, code: "STOCK_SHORT", field: `lines.${index}.quantity`, message };
    }
    return undefined;
  }

  #stockOf(storeId: string, gtin: string) {
    return {
      accounts: this.#book.sellable(storeId, gtin),
      inBasket: this.#book.inBasket(storeId, gtin),
      orderPlaces: this.#orderPlaces.filter((place) => place.storeId === storeId),
      reserved: this.#reserved.get(productKey(storeId, gtin)) ?? nothingReserved,
    };
  }

  #hold({ storeId, channel, lines }: Claim, sign: 1 | -1): void {
    for (const { gtin, quantity } of lines) {
      const key = productKey(storeId, gtin);
      const before = this.#reserved.get(key) ?? nothingReserved;
      const webQuantity = channel === webChannel ? quantity : 0;
      this.#reserved.set(key, {
        quantity: before.quantity + sign * quantity,
        webQuantity: before.webQuantity + sign * webQuantity,
      });
    }
    if (sign === 1) this.#open(storeId, 1);
  }

  #open(storeId: string, by: number): void {
    this.#openCounts.set(storeId, (this.#openCounts.get(storeId) ?? 0) + by);
  }

  #keep(claim: Claim): void {
    this.#claims.set(claim.claimId, claim);
    this.#changed.set(claim.claimId, claim);
    this.#steps.push(claim);
  }
}

function limitRefusal(storeId: string): ClaimRefusal {
  const message = `store ${storeId} has ${openClaimCountMax} open claims already; release some`;
  return { ok: false, code: "CLAIM_LIMIT", field: "storeId", message };
}
