// The oracle must be able to say no.

import { describe, expect, test } from "vitest";
import { gtinSchema } from "../../contract/units.ts";
import { type JudgedLedger, Oracle } from "./oracle.ts";
import type { ScenarioKind } from "./plan.ts";

const gtin = gtinSchema.parse("09506000134352");
const digest = "a".repeat(64);

/** An oracle that knows of two accepted events, numbers 1 and 2 at sequences 2 and 3. */
function oracleOf(kind: ScenarioKind): Oracle {
  const oracle = new Oracle(kind);
  for (const number of [1, 2]) {
    oracle.attempted({
      number,
      line: "edge-1",
      accepted: { outboxId: "abcdef01", sequence: number + 1 },
      trueAtMs: 1_000,
      isDoomed: false,
      isRefused: false,
      isPoison: false,
      draft: {
        type: "moved",
        step: "relocating",
        occurredAtMs: 1_000,
        deviceId: "shelf-1",
        item: { gtin },
        quantity: number,
        from: { location: "s0001/a", state: "sellable" },
        to: { location: "s0001/b", state: "sellable" },
        ...{ bootId: "abcdef02", uptimeMs: 0, clockSynced: true },
      },
    });
  }
  return oracle;
}

/** A ledger with these quantities posted and these sequences declared as lost. */
function ledgerOf(quantities: number[], lostSequences: number[] = []): JudgedLedger {
  const sum = quantities.reduce((total, quantity) => total + quantity, 0);
  const place = { state: "sellable" } as const;
  return {
    verify: async () => ({ ok: true, problems: [] }),
    entries: async () => quantities.map((quantity) => ({ quantity })),
    stockLevels: async () => [
      {
        gtin,
        balances: [
          { location: "s0001/a", quantity: -sum, ...place },
          { location: "s0001/b", quantity: sum, ...place },
        ],
      },
    ],
    declaredLosses: async () =>
      lostSequences.map((sequence) => ({
        outboxId: "abcdef01",
        firstSequence: sequence,
        lastSequence: sequence,
        reason: "overflow",
      })),
    quarantine: async () => [],
    positions: async () => [],
  };
}

async function problemsOf(
  kind: ScenarioKind,
  ledger: JudgedLedger,
  placements = new Map([[1, 1_000]]),
): Promise<string> {
  const oracle = oracleOf(kind);
  await oracle.judge(ledger, ["s0001"], placements);
  return oracle.problems.join("; ");
}

describe("the ledger at the end", () => {
  test.each([
    { name: "complete", posted: [1, 2], says: /^$/ },
    { name: "one lost", posted: [1], says: /2 .* is lost/ },
    { name: "one doubled", posted: [1, 1, 2], says: /1 is in the ledger 2 times/ },
    { name: "out of order", posted: [2, 1], says: /1 was posted after 2/ },
    { name: "a stranger", posted: [1, 2, 7], says: /7, which nobody handed in/ },
    { name: "declared lost without need", posted: [1], lost: [3], says: /2 is declared lost/ },
  ])("$name", async ({ posted, lost, says }) => {
    expect(await problemsOf("plain", ledgerOf(posted, lost))).toMatch(says);
  });

  test("an event stands at its true time, but for clocks that nobody knows to be wrong", async () => {
    const placements = new Map([[2, 1_001]]);
    expect(await problemsOf("plain", ledgerOf([1, 2]), placements)).toMatch(/2 is placed at 1001/);
    expect(await problemsOf("wrong_clocks", ledgerOf([1, 2]), placements)).toBe("");
  });

  test("a declared loss is one where events may be shed, but not of what was posted", async () => {
    expect(await problemsOf("overflow", ledgerOf([1], [3]))).toBe("");
    expect(await problemsOf("overflow", ledgerOf([1, 2], [3]))).toMatch(/posted and declared/);
  });
});

describe("on the way", () => {
  const position = {
    ...{ outboxId: "abcdef01", lastSequence: 9, lastDigest: digest, ledgerEpoch: 2 },
    ...{ acknowledgedSequence: 5, acknowledgedDigest: digest, oldestSequence: 1 },
  };
  const said = { outboxId: "abcdef01", throughDigest: digest, rejected: [] };

  test("an edge moves only to what the ledger of its epoch said", () => {
    const oracle = new Oracle("plain");
    oracle.ledgerSaid({ ...said, ledgerEpoch: 1, throughSequence: 7 });
    oracle.moved("edge-1", position, { sequence: 7, digest });
    expect(oracle.problems.join()).toContain("never said");
  });

  test("an edge goes back only behind a restored ledger", () => {
    for (const [kind, count] of [
      ["plain", 1],
      ["ledger_restored", 0],
    ] as const) {
      const oracle = new Oracle(kind);
      oracle.ledgerSaid({ ...said, ledgerEpoch: 2, throughSequence: 3 });
      oracle.moved("edge-1", position, { sequence: 3, digest });
      expect(oracle.problems).toHaveLength(count);
    }
  });

  test("a promise about time is kept, and alarms are raised where they belong", () => {
    const oracle = oracleOf("plain");
    oracle.claimed("edge-1", "abcdef01", 3, 5_000);
    expect(oracle.problems).toHaveLength(0);
    oracle.claimed("edge-1", "abcdef01", 2, 5_000);
    oracle.alarm("edge-1", "outbox_diverged");
    expect(oracle.problems).toHaveLength(2);
  });
});
