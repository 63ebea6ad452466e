// Which ledger a configuration or a command means: the file of a data directory, or a PostgreSQL database.

import type { BridgeConfig } from "./config.ts";
import { ledgerPath } from "./config.ts";
import type { PostgresOptions } from "./ledger/postgres.ts";
import type { PostgresLedgerOptions } from "./ledger/postgres-database.ts";
import { PostgresLedger } from "./ledger/postgres-ledger.ts";
import type { SqlLedger } from "./ledger/sql-ledger.ts";
import { SqliteLedger } from "./ledger/sqlite-ledger.ts";
import { readSecret } from "./secret-file.ts";

/** Who hears of what goes wrong with a ledger; what ends the wait for its server. */
export type LedgerWatch = Pick<PostgresLedgerOptions, "count" | "onRefused" | "signal">;

/** Opens the ledger of a bridge, or creates it. */
export async function openConfiguredLedger(
  { dataDir, ledger: { postgres } }: Pick<BridgeConfig, "dataDir" | "ledger">,
  nowMs: number,
  watch: LedgerWatch = {},
): Promise<SqlLedger> {
  if (postgres === undefined) {
    const { onRefused } = watch;
    return await SqliteLedger.open({ path: ledgerPath(dataDir), nowMs, onRefused });
  }
  return await PostgresLedger.open({ ...(await serverAccess(postgres)), ...watch, nowMs });
}

/** How the configured server is reached. */
export async function serverAccess({
  url,
  passwordFile,
}: NonNullable<BridgeConfig["ledger"]["postgres"]>): Promise<PostgresOptions> {
  if (passwordFile === undefined) return { url };
  return { url, password: await readSecret(passwordFile, "ledger.postgres.passwordFile") };
}

/** Whether a command's `--ledger` names a server; its password comes from PGPASSFILE. */
export function isServerUrl(ledger: string): boolean {
  return /^postgres(ql)?:\/\//.test(ledger);
}

/** Opens what `--ledger` names: a file or the URL of a database. */
export async function openNamedLedger(ledger: string, nowMs: number): Promise<SqlLedger> {
  if (isServerUrl(ledger)) return await PostgresLedger.open({ url: ledger, nowMs });
  return await SqliteLedger.open({ path: ledger, nowMs });
}
