// The test runner on a small project of its own, with the real linter, compiler and vitest.

import { spawnSync } from "node:child_process";
import { cpSync, mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterAll, beforeAll, expect, test } from "vitest";

const root = fileURLToPath(new URL("../../", import.meta.url));
const imports = 'import { expect, test } from "vitest";\n\n';
const good = `${imports}test("adds", () => expect(1 + 1).toBe(2));\n`;
const bad = `${imports}test("adds", () => expect(1 + 1).toBe(3));\n`;
const skipped = `${good}test.skip("needs a scanner", () => expect(1).toBe(1));\n`;

const late = `${imports}test("waits", async () => {
  Promise.reject(new Error("nobody catches this"));
  expect(await Promise.resolve(2)).toBe(2);
});
`;

let folder = "";
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), "gondola-runner-"));
  cpSync(`${root}scripts`, join(folder, "scripts"), { recursive: true });
  symlinkSync(`${root}node_modules`, join(folder, "node_modules"));
  mkdirSync(join(folder, "test"));
  const biome = {
    files: { includes: ["test/**"] },
    formatter: { indentStyle: "space", lineWidth: 100 },
    json: { formatter: { enabled: false } },
  };
  writeFileSync(join(folder, "biome.json"), `${JSON.stringify(biome)}\n`);
  const types = { compilerOptions: { strict: true, noEmit: true, module: "nodenext" } };
  writeFileSync(join(folder, "tsconfig.json"), JSON.stringify({ ...types, include: ["test"] }));
  writeFileSync(join(folder, "package.json"), '{"type":"module"}');
});
afterAll(() => rmSync(folder, { recursive: true }));

/** Runs a project of these test files; its exit code, its last line, everything it said. */
function run(files: Record<string, string>, ...words: string[]) {
  rmSync(join(folder, "test"), { recursive: true });
  mkdirSync(join(folder, "test"));
  for (const [name, text] of Object.entries(files)) writeFileSync(join(folder, "test", name), text);
  const { VITEST: _vitest, VITEST_MODE: _mode, ...inherited } = process.env;
  const env = { ...inherited, CI: "true", NO_COLOR: "1" };
  const result = spawnSync(process.execPath, [join(folder, "scripts/test.mjs"), ...words], {
    encoding: "utf8",
    env,
  });
  const output = result.stdout + result.stderr;
  return { status: result.status, output, lastLine: result.stdout.trimEnd().split("\n").at(-1) };
}

test("all well, and arguments choose the files", () => {
  const { status, lastLine, output } = run({ "a.test.ts": good, "b.test.ts": bad }, "test/a");
  expect([status, lastLine], output).toEqual([0, "1 passed, 0 failed"]);
});

test("a failed test, one that was skipped by name, a file that does not load", () => {
  const broken = 'throw new Error("no such port");\n\nexport {};\n';
  const { status, lastLine, output } = run({
    "a.test.ts": bad,
    "b.test.ts": skipped,
    "c.test.ts": broken,
  });
  expect([status, lastLine], output).toEqual([1, "1 passed, 2 failed, 1 skipped"]);
  expect(output).toContain("skipped: test/b.test.ts > needs a scanner");
  expect(output).toContain("failed: test/a.test.ts > adds");
  expect(output).toContain("failed: test/c.test.ts did not run to its end");
});

test("a failed step is one more failure, and the tests still run", () => {
  const { status, lastLine, output } = run({
    "a.test.ts": good.replaceAll('"', "'"),
    "b.ts": 'export const port: number = "1883";\n',
  });
  expect([status, lastLine], output).toEqual([1, "1 passed, 2 failed"]);
  expect(output).toContain("failed: style");
  expect(output).toContain("failed: types and build");
});

test("an error outside of all tests is a failure", () => {
  const { status, lastLine, output } = run({ "a.test.ts": late });
  expect([status, lastLine], output).toEqual([1, "1 passed, 1 failed"]);
});

test("no test at all is a failure", () => {
  const { status, lastLine, output } = run({ "a.test.ts": good }, "test/nothing");
  expect([status, lastLine], output).toEqual([1, "0 passed, 1 failed"]);
});
