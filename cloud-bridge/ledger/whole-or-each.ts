// Work that is done in groups so that many cost one transaction, and that still fails alone.

import { endsWriting } from "./database.ts";

/**
 * Does a group whole and gives one result each, in order. Where the group is refused each of it is done by itself, so that
 * one that the ledger cannot do spoils it for nobody else.
 */
export async function wholeOrEach<Item, Result>(
  group: readonly Item[],
  work: (group: readonly Item[]) => Promise<readonly Result[]>,
): Promise<PromiseSettledResult<Result>[]> {
  try {
    return (await work(group)).map((value) => ({ status: "fulfilled", value }));
  } catch (reason) {
    if (group.length === 1 || endsWriting(reason)) {
      return group.map(() => ({ status: "rejected", reason }));
    }
    const results: PromiseSettledResult<Result>[] = [];
    for (const one of group) results.push(...(await wholeOrEach([one], work)));
    return results;
  }
}
