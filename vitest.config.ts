import { defineConfig } from "vitest/config";

export default defineConfig({
  test: {
    include: ["test/**/*.test.ts"],
    testTimeout: 30_000,
    hookTimeout: 30_000,
    // Two workers: the suites start real processes of their own, and the target has two cores.
    maxWorkers: 2,
    slowTestThreshold: 5_000,
  },
});
