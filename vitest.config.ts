import { defineConfig } from "vitest/config";
import { hasPostgres } from "./test/support/postgres-server.ts";

// Suites of the ledger that run a second time, on PostgreSQL.
const ledger = "test/cloud-bridge/ledger/";
const onBoth = [
  "alerts",
  "anchors",
  "claims",
  "exit-alerts",
  "flow",
  "flow-exits",
  "flow-orders",
  "flow-posting",
  "ledger",
  "place-roles",
  "schedule.property",
  "sold",
  "sql-verify",
  "sql-facts",
  "counting/*",
  "catalogue/sql-*",
  "receiving/sql-*",
  "returns/sql-*",
  "sql-capture",
  "sql-claim-answers",
  "sql-withdrawn",
  "sql-epcis-names",
  "sql-events",
  "sql-events-in-order",
  "sql-history",
  "sql-ledger",
  "sql-named-queries",
  "sql-plan-news",
  "sql-tree",
  "sql-lots",
  "sql-lot-quantities",
  "sql-unknown-tags",
  "sql-tag-names",
  "sql-tag-corrections",
  "refused-alone",
  "unstorable-text",
];
const postgres = {
  extends: true as const,
  test: {
    name: "postgres",
    include: [
      ...onBoth.map((name) => `${ledger}${name}.test.ts`),
      `${ledger}postgres*.test.ts`,
      "test/cloud-bridge/api/entry-actors.test.ts",
      "test/cloud-bridge/api/hostile-values.test.ts",
      "test/cloud-bridge/facts-killed.test.ts",
      "test/cloud-bridge/publish/topic-sources.test.ts",
    ],
    globalSetup: "test/support/postgres-setup.ts",
  },
};

export default defineConfig({
  test: {
    testTimeout: 60_000,
    hookTimeout: 60_000,
    // What is waited for comes at once; on a machine that is busy with other things it may take its time.
    expect: { poll: { timeout: 20_000 } },
    // Two workers: the suites start real processes of their own, and the target has two cores.
    maxWorkers: 2,
    slowTestThreshold: 5_000,
    projects: [
      {
        extends: true,
        test: {
          name: "all",
          include: ["test/**/*.test.ts"],
          // Without a server its own suites are skipped, by name.
          exclude: hasPostgres ? [`${ledger}postgres*.test.ts`] : [],
        },
      },
      ...(hasPostgres ? [postgres] : []),
    ],
  },
});
