// The table of faults names its tests; none of them may have gone.

import { readFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";

const root = join(import.meta.dirname, "../..");
const rows = readFileSync(join(root, "drivers/RECOVERY.md"), "utf8")
  .split("\n")
  .filter((line) => line.startsWith("|"))
  .slice(2);

test("there is a row for every fault that is known", () => {
  expect(rows.length).toBeGreaterThanOrEqual(19);
});

test.each(rows.map((row) => [row.split("|")[1]!.trim(), row]))("%s", (_, row) => {
  const named = [...row.matchAll(/`(test\/[^`]+\.test\.ts)` "([^"]+)"/g)];
  expect(named.length).toBeGreaterThan(0);
  for (const [, file, title] of named) {
    const source = readFileSync(join(root, file!), "utf8");
    // As the title of a test or of a group of tests, and not of one that is left out.
    const calls = source.split(`"${title}"`).slice(0, -1);
    expect(calls.map((before) => /(?:^|\n)[^\n]*\(\s*$/.exec(before)?.[0].trim())).toContainEqual(
      expect.stringMatching(/^(test|describe)(?!\.skip\(|\.todo)|^\S*\)\($/),
    );
  }
});
