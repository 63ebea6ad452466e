// `gondola-bridge epcis`: a store's entries as an EPCIS 2.0 document.

import { type Command, InvalidArgumentError } from "commander";
import { type LedgerOptions, withLedger } from "./cli-ledger.ts";
import { systemClock } from "./clock.ts";
import { eventOfEntry, ownNamespaces } from "./epcis/event-of-entry.ts";

/** Events of one document. */
const eventCountMax = 1000;

/** Adds the options of `epcis` to its command. */
export function addEpcis(command: Command): void {
  command
    .description("print a store's entries as an EPCIS 2.0 document, oldest first, at most 1000")
    .requiredOption("--store <id>", "store")
    .option("--after <number>", "only entries after this one", toNumber, 0)
    .action(async (options: LedgerOptions & { store: string; after: number }) => {
      const { store: storeId, after: afterEntryNumber } = options;
      const query = { storeId, afterEntryNumber, countMax: eventCountMax };
      const entries = await withLedger(options, (ledger) => ledger.entries(query));
      const document = {
        "@context": [
          "https://ref.gs1.org/standards/epcis/2.0.0/epcis-context.jsonld",
          ownNamespaces,
        ],
        type: "EPCISDocument",
        schemaVersion: "2.0",
        creationDate: new Date(systemClock.nowMs()).toISOString(),
        epcisBody: { eventList: entries.map((entry) => eventOfEntry(entry)) },
      };
      process.stdout.write(`${JSON.stringify(document, null, 2)}\n`);
    });
}

function toNumber(text: string): number {
  const number = Number(text);
  if (text !== "" && Number.isSafeInteger(number) && number >= 0) return number;
  throw new InvalidArgumentError("must be an entry number, or 0");
}
