// An event that every rule lets pass and the ledger's database refuses, as a row does that a faulty constraint hits: the
// group it comes in cannot be written as it is.

import { execute } from "./full-disk.ts";

/** The lot by which it is known. */
export const poisonLot = "POISON";

/** From now on the ledger's database refuses such an event. */
export function refusePoison(file: string): Promise<void> {
  return execute(
    file,
    `CREATE TRIGGER poison BEFORE INSERT ON entries WHEN NEW.lot = '${poisonLot}'
     BEGIN SELECT RAISE(ABORT, 'poisoned row'); END`,
  );
}
