import fc from "fast-check";
import { expect, test } from "vitest";
import { leaseCount, planLeases, upkeepLease } from "../../../cloud-bridge/workers/lease-plan.ts";

/** Workers that look one after the other, as often as said, on one table of who holds what. */
class Table {
  readonly holders = new Map<number, string>();

  look(members: readonly string[], worker: string, start: number): void {
    const held = new Set([...this.holders].filter(([, who]) => who === worker).map(([one]) => one));
    const taken = new Set(this.holders.keys());
    const { give, take } = planLeases({ memberCount: members.length, taken, held }, start);
    for (const lease of give) this.holders.delete(lease);
    for (const lease of take) if (!this.holders.has(lease)) this.holders.set(lease, worker);
  }

  leave(worker: string): void {
    for (const [lease, who] of [...this.holders]) if (who === worker) this.holders.delete(lease);
  }

  counts(members: readonly string[]): number[] {
    return members.map((one) => [...this.holders.values()].filter((who) => who === one).length);
  }
}

test("whoever joins and leaves: after two looks of each all leases are held, nobody has more than its share", () => {
  const names = ["a", "b", "c", "d", "e", "f", "g"];
  const step = fc.record({ worker: fc.constantFrom(...names), start: fc.nat(leaseCount - 1) });
  fc.assert(
    fc.property(fc.array(step, { minLength: 1, maxLength: 30 }), (steps) => {
      const table = new Table();
      const members: string[] = [];
      for (const { worker, start } of steps) {
        const at = members.indexOf(worker);
        if (at < 0) members.push(worker);
        else members.splice(at, 1);
        if (at >= 0) table.leave(worker);
        for (const [index, one] of [...members, ...members].entries()) {
          table.look(members, one, start + index * 17);
        }
        if (members.length === 0) continue;
        expect(table.holders.size).toBe(leaseCount);
        expect(Math.max(...table.counts(members))).toBeLessThanOrEqual(
          Math.ceil(leaseCount / members.length),
        );
      }
    }),
  );
});

test("who is alone takes everything; who has too much keeps upkeep, which is dear to move", () => {
  const none = new Set<number>();
  const { take } = planLeases({ memberCount: 1, taken: none, held: none }, 40);
  expect([...take].sort((one, other) => one - other)).toEqual([...Array(leaseCount).keys()]);
  const all = new Set(take);
  const { give } = planLeases({ memberCount: 2, taken: all, held: all }, 0);
  expect(give).toHaveLength(32);
  expect(give).not.toContain(upkeepLease);
});
