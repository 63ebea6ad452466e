// Hashes of entries as sha256sum gives them of the text that CHECKING.md describes: what was hashed once stays so for ever.

import { expect, test } from "vitest";
import { entryHash, genesisHash } from "../../../cloud-bridge/ledger/entry-hash.ts";
import { entrySchema } from "../../../contract/stock.ts";

const entry = entrySchema.omit({ hash: true, previousHash: true }).parse({
  ...{ storeId: "s0042", entryNumber: 1, item: "09506000134352", serial: "A1", lot: "L1" },
  quantity: 2,
  from: { location: "s0042/@supplier", state: "sellable" },
  to: { location: "s0042/stockroom", state: "sellable" },
  ...{ reason: "receiving", occurredAtMs: 1_763_888_000_000, recordedAtMs: 1_763_888_100_000 },
  ...{ edgeId: "edge-1", outboxId: "0123456789abcdef0123456789abcdef", sequence: 7 },
  deviceId: "portal-1",
});

test.each([
  [{}, "b34b9ec7e68f3341f7ef238099182669e351acb17fda1db1fe2f0347d66aa9db"],
  [{ by: "ada" }, "4a376854fec1a0b862780329b261fdfe3ec17912b19b19eab276eb47597983ff"],
])("an entry with %o", (more, hash) => {
  expect(entryHash(genesisHash("s0042"), { ...entry, ...more })).toBe(hash);
});
