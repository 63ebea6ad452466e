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

/** A request whose sender waits for what becomes of it. */
export interface Waiting<Request, Outcome> {
  readonly request: Request;
  readonly nowMs: number;
  readonly resolve: (outcome: Outcome) => void;
  readonly reject: (cause: unknown) => void;
}

/** Does a group of requests, at the latest of their times, and tells each sender. */
export async function answerGroup<Request, Outcome>(
  group: readonly Waiting<Request, Outcome>[],
  work: (requests: readonly Request[], nowMs: number) => Promise<readonly Outcome[]>,
): Promise<void> {
  const results = await wholeOrEach(group, (part) => {
    const nowMs = Math.max(...part.map((each) => each.nowMs));
    return work(
      part.map(({ request }) => request),
      nowMs,
    );
  });
  for (const [index, result] of results.entries()) {
    const { resolve, reject } = group[index]!;
    if (result.status === "fulfilled") resolve(result.value);
    else reject(result.reason);
  }
}
