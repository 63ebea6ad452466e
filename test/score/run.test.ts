// The score's own program, as a user starts it: every section loads and says what it has been asked for.

import { execFile } from "node:child_process";
import { promisify } from "node:util";
import { expect, test } from "vitest";

test("all sections load outside of the tests, and one of them gives rows as JSON", async () => {
  const program = ["--import", "tsx", "test/score/run.ts"];
  const options = ["--tuning", "--seeds", "1", "--only", "weight-one-cell"];
  const { stdout, stderr } = await promisify(execFile)("node", [...program, ...options]);
  expect(JSON.parse(stdout)).toMatchObject({
    seeds: [1],
    sections: { weight: [{ method: "ours" }, { method: "one threshold" }] },
  });
  expect(stderr).toContain("weight-one-cell");
});
