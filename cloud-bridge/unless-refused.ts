// For what the bridge does by itself, again and again: nobody waits for it, and one piece that cannot be done must not stop
// the rest.

import { isRefusal } from "./ledger/database.ts";

/** Does a piece of work; where the ledger refuses it that is counted, and `otherwise` is given. The next turn tries again. */
export async function unlessRefused<T>(
  work: () => Promise<T>,
  otherwise: T,
  count: (name: string) => void,
): Promise<T> {
  try {
    return await work();
  } catch (error) {
    if (!isRefusal(error)) throw error;
    count("upkeep_refused");
    return otherwise;
  }
}
