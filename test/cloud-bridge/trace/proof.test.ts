import { createPublicKey, generateKeyPairSync } from "node:crypto";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { entryHash, genesisHash } from "../../../cloud-bridge/ledger/entry-hash.ts";
import { checkProof, makeProof } from "../../../cloud-bridge/trace/proof.ts";
import type { Proof } from "../../../contract/proof.ts";
import { type Entry, entrySchema } from "../../../contract/stock.ts";

const { privateKey } = generateKeyPairSync("ed25519");
const publicKey = createPublicKey(privateKey);

/** A store's entries, chained. */
function entriesOf(count: number, firstSerial = "a"): Entry[] {
  const entries: Entry[] = [];
  for (let entryNumber = 1; entryNumber <= count; entryNumber++) {
    const content = {
      ...{ storeId: "s0042", entryNumber, item: "09506000134352", quantity: 1 },
      serial: entryNumber === 1 ? firstSerial : `n${entryNumber}`,
      from: { location: "s0042/@supplier", state: "sellable" },
      to: { location: "s0042/stockroom", state: "sellable" },
      ...{ reason: "receiving", occurredAtMs: 1_763_888_000_000 + entryNumber },
      ...{ recordedAtMs: 1_763_888_100_000, edgeId: "edge-1", deviceId: "portal-1" },
      ...{ outboxId: "0123456789abcdef0123456789abcdef", sequence: entryNumber },
    } as Omit<Entry, "hash" | "previousHash">;
    const previousHash = entries.at(-1)?.hash ?? genesisHash("s0042");
    entries.push({ ...content, previousHash, hash: entryHash(previousHash, content) } as Entry);
  }
  return entries;
}

function proofOf(entries: readonly Entry[], entryNumber: number, earlierSize?: number): Proof {
  const entry = entries[entryNumber - 1]!;
  const hashes = entries.map(({ hash }) => hash);
  return makeProof({ entry, hashes, privateKey, signedAtMs: 1_763_888_200_000, earlierSize });
}

/** Paths to every string and number of a value. */
function leavesOf(value: unknown, path: readonly string[] = []): (readonly string[])[] {
  if (typeof value !== "object" || value === null) return [path];
  return Object.entries(value).flatMap(([name, part]) => leavesOf(part, [...path, name]));
}

function changedAt(proof: Proof, path: readonly string[]): Proof {
  const copy = structuredClone(proof) as unknown as Record<string, unknown>;
  let holder = copy;
  for (const name of path.slice(0, -1)) holder = holder[name] as Record<string, unknown>;
  const name = path.at(-1)!;
  const old = holder[name];
  holder[name] =
    typeof old === "number" ? old + 1 : `${old === "0" ? "1" : "0"}${old}`.slice(0, -1);
  return copy as unknown as Proof;
}

describe("a proof", () => {
  test("is made of entries as the ledger has them", () => {
    expect(entriesOf(2).map((entry) => entrySchema.parse(entry))).toHaveLength(2);
  });

  test("holds for every entry, also as it comes out of a file", () => {
    const entries = entriesOf(7);
    for (const { entryNumber } of entries) {
      const proof = JSON.parse(JSON.stringify(proofOf(entries, entryNumber)));
      expect(checkProof(proof, { publicKey })).toEqual({ ok: true, vouchedBy: "given_key" });
    }
  });

  test("does not hold after any change of what it says", () => {
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 20 }), fc.nat(), fc.nat(), (count, which, where) => {
        const proof = proofOf(entriesOf(count), (which % count) + 1);
        const { schemaVersion, publicKey: own, ...said } = proof;
        const paths = leavesOf(said);
        const path = paths[where % paths.length]!;
        expect(checkProof(changedAt(proof, path), { publicKey }), path.join(".")).toMatchObject({
          ok: false,
        });
      }),
    );
  });

  test("does not hold with another key than the one that is trusted", () => {
    const other = createPublicKey(generateKeyPairSync("ed25519").privateKey);
    const proof = proofOf(entriesOf(3), 2);
    expect(checkProof(proof, { publicKey: other }).ok).toBe(false);
    expect(checkProof(proof)).toEqual({ ok: true, vouchedBy: "own_key" });
  });

  test("shows that the past is as it was, or that it was changed", () => {
    const earlier = proofOf(entriesOf(5), 2);
    expect(checkProof(proofOf(entriesOf(9), 7, 5), { publicKey, earlier }).ok).toBe(true);
    expect(checkProof(proofOf(entriesOf(9, "forged"), 7, 5), { publicKey, earlier })).toEqual({
      ok: false,
      reason: "the ledger does not continue the earlier one: its past was changed",
    });
    expect(checkProof(proofOf(entriesOf(9), 7), { publicKey, earlier })).toMatchObject({
      reason: "make this proof with --since 5: it says nothing of that size",
    });
  });
});
