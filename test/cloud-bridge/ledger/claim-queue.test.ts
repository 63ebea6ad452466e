// Groups of requests, their limit, and one that the database refuses.

import { expect, test } from "vitest";
import { Book } from "../../../cloud-bridge/ledger/book.ts";
import {
  ClaimQueue,
  claimGroupCountMax,
  claimWaitingCountMax,
} from "../../../cloud-bridge/ledger/claim-queue.ts";
import {
  ClaimDesk,
  type ClaimOutcome,
  type ClaimRequest,
  openClaimCountMax,
} from "../../../cloud-bridge/ledger/claims.ts";
import { GatewayError } from "../../../contract/errors.ts";
import { reserve } from "./claims-fixture.ts";
import { startAtMs } from "./fake-edge.ts";

const answer = ({ claimId: message }: ClaimRequest): ClaimOutcome => {
  return { ok: false, code: "CLAIM_UNKNOWN", field: "claimId", message };
};

test("what arrives meanwhile shares the next group; one more than may wait is refused", async () => {
  const sizes: number[] = [];
  const queue = new ClaimQueue(async (requests) => {
    sizes.push(requests.length);
    return requests.map(answer);
  });
  const requests = Array.from({ length: claimWaitingCountMax + 2 }, () => reserve());
  const outcomes = await Promise.all(requests.map((each) => queue.take(each, startAtMs)));
  expect(outcomes.pop()).toMatchObject({ ok: false, code: "CLAIM_BUSY" });
  expect(outcomes).toEqual(requests.slice(0, -1).map(answer));
  const whole = Array.from(
    { length: claimWaitingCountMax / claimGroupCountMax },
    () => claimGroupCountMax,
  );
  expect(sizes).toEqual([1, ...whole]);
});

test("a request that the database refuses fails alone; a failed disk fails all of its group", async () => {
  const bad = reserve();
  let code: "LEDGER_RULE" | "LEDGER_FAILED" = "LEDGER_RULE";
  const queue = new ClaimQueue(async (requests) => {
    if (requests.includes(bad)) throw new GatewayError(code, "no");
    return requests.map(answer);
  });
  const race = async () => {
    const requests = [reserve(), reserve(), bad, reserve()];
    const all = await Promise.allSettled(requests.map((each) => queue.take(each, startAtMs)));
    return all.map(({ status }) => status);
  };
  expect(await race()).toEqual(["fulfilled", "fulfilled", "rejected", "fulfilled"]);
  code = "LEDGER_FAILED";
  expect(await race()).toEqual(["fulfilled", "rejected", "rejected", "rejected"]);
});

test("a store takes only so many claims that are open", () => {
  const none = { positions: [], rejections: [], heads: [], balances: [], anchors: [], history: [] };
  const book = new Book({
    ...none,
    digests: new Map(),
    facings: new Map(),
    stockrooms: new Map(),
    countPolicies: new Map(),
  });
  const openCounts = [{ storeId: "s0042", count: openClaimCountMax }];
  const nothing = {
    claims: [],
    answers: [],
    reserved: [],
    withheld: [],
    orderPlaces: [],
    gates: [],
    inHand: [],
  };
  const view = { ...nothing, openCounts };
  const outcome = new ClaimDesk(view, book, startAtMs).decide(reserve());
  expect(outcome).toMatchObject({ ok: false, code: "CLAIM_LIMIT", field: "storeId" });
});
