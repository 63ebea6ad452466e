#!/usr/bin/env node
// The whole check of `npm test`: style, types, tests. Every step runs even after one that failed. The
// last line is `N passed, N failed` (and `, N skipped`): tests as vitest counts them, and each failed
// step as one more failure, named above it. Arguments go to vitest: `npm test -- test/edge`.

import { spawnSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, relative } from "node:path";
import { fileURLToPath } from "node:url";

const root = fileURLToPath(new URL("..", import.meta.url));
const namesShownMax = 40;

// Colors are for a terminal: in a log they are noise. Biome wants to be told so itself.
const isTerminal = process.stdout.isTTY === true;
const color = `--colors=${isTerminal ? "force" : "off"}`;
const biome = ["node_modules/@biomejs/biome/bin/biome", "ci", "--error-on-warnings", color, "."];
const types = ["node_modules/typescript/bin/tsc", "-b"];
const vitest = ["node_modules/vitest/vitest.mjs", "run"];

function main() {
  const failures = [];
  if (!runStep("style (biome)", biome)) failures.push("style: npm run format mends most of it");
  if (!runStep("types and build (tsc)", types)) failures.push("types and build");

  const folder = mkdtempSync(join(tmpdir(), "gondola-test-"));
  const reportFile = join(folder, "report.json");
  const reporters = ["--reporter=default", "--reporter=json", `--outputFile.json=${reportFile}`];
  const isClean = runStep("tests (vitest)", [...vitest, ...reporters, ...process.argv.slice(2)]);
  const report = readReport(reportFile);
  rmSync(folder, { recursive: true });

  failures.push(...failedWithoutTest(report, isClean));
  for (const name of namesOf(report, "skipped", "pending", "todo")) say(`skipped: ${name}`);
  for (const name of namesOf(report, "failed")) say(`failed: ${name}`);
  for (const failure of failures) say(`failed: ${failure}`);
  const failed = report.numFailedTests + failures.length;
  const skipped = report.numPendingTests + report.numTodoTests;
  say(
    `${report.numPassedTests} passed, ${failed} failed${skipped > 0 ? `, ${skipped} skipped` : ""}`,
  );
  process.exitCode = failed === 0 ? 0 : 1;
}

/** Runs a step in view; whether it went well. */
function runStep(title, words) {
  say(`\n== ${title}`);
  const stdio = ["ignore", "inherit", "inherit"];
  const plain = isTerminal ? {} : { NO_COLOR: "1", FORCE_COLOR: undefined };
  const env = { ...process.env, ...plain };
  const result = spawnSync(process.execPath, words, { cwd: root, stdio, env });
  if (result.error !== undefined) say(result.error.message);
  return result.status === 0;
}

/** vitest's report; an empty one where it broke off before it wrote any. */
function readReport(file) {
  try {
    return JSON.parse(readFileSync(file, "utf8"));
  } catch (error) {
    say(`vitest left no report: ${error.message}`);
    return {
      numPassedTests: 0,
      numFailedTests: 0,
      numPendingTests: 0,
      numTodoTests: 0,
      testResults: [],
    };
  }
}

/** Failures that no test stands for: a file that did not load, an error outside of all tests. */
function failedWithoutTest(report, isClean) {
  const files = report.testResults
    .filter(({ status, assertionResults }) => {
      return status === "failed" && assertionResults.every((test) => test.status !== "failed");
    })
    .map((file) => `${relative(root, file.name)} did not run to its end`);
  const isExplained = isClean || files.length > 0 || report.numFailedTests > 0;
  return isExplained ? files : ["vitest ended with an error outside of the tests (see above)"];
}

/** The tests that ended in one of these ways, by file and name; the first of them where they are many. */
function namesOf(report, ...endings) {
  const names = report.testResults.flatMap((file) => {
    return file.assertionResults
      .filter((test) => endings.includes(test.status))
      .map((test) => `${relative(root, file.name)} > ${test.fullName.trim()}`);
  });
  if (names.length <= namesShownMax) return names;
  return [...names.slice(0, namesShownMax), `and ${names.length - namesShownMax} more`];
}

function say(line) {
  process.stdout.write(`${line}\n`);
}

main();
