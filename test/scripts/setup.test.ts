// Set-up in small projects of its own: real npm, and packages that load, do not load, or are mended by
// their install script, under the names of the native packages.

import { execFileSync, spawnSync } from "node:child_process";
import { cpSync, mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterEach, beforeEach, describe, expect, test } from "vitest";

const root = fileURLToPath(new URL("../../", import.meta.url));
const natives = ["sqlite3", "@serialport/bindings-cpp", "@lydell/node-pty", "epoll", "node-hid"];
const loads = "module.exports = { devices: () => [] };\n";
const doesNotLoad = 'throw new Error("libm.so.6: version GLIBC_2.38 not found");\n';

let folder = "";
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "gondola-setup-"));
  cpSync(`${root}scripts`, join(folder, "scripts"), { recursive: true });
  for (const name of natives) addPackage(name, loads);
  writeLocks();
});
afterEach(() => rmSync(folder, { recursive: true }));

function addPackage(name: string, code: string, install?: string): void {
  const home = join(folder, "node_modules", name);
  mkdirSync(home, { recursive: true });
  const scripts = install === undefined ? {} : { scripts: { install } };
  const manifest = { name, version: "1.0.0", main: "main.js", ...scripts };
  writeFileSync(join(home, "package.json"), JSON.stringify(manifest));
  writeFileSync(join(home, "main.js"), code);
}

/** package-lock.json and npm's own record of what it installed: perhaps another version, or less. */
function writeLocks(installedVersion = "1.0.0", leftOut = ""): void {
  const dependencies = Object.fromEntries(natives.map((name) => [name, "1.0.0"]));
  const manifest = { name: "fixture", version: "1.0.0", dependencies };
  writeFileSync(join(folder, "package.json"), JSON.stringify(manifest));
  for (const [file, version] of [
    ["package-lock.json", "1.0.0"],
    ["node_modules/.package-lock.json", installedVersion],
  ] as const) {
    const isRecord = file.startsWith("node_modules");
    const names = natives.filter((name) => !(isRecord && name === leftOut));
    const entries = names.map((name) => {
      return [
        `node_modules/${name}`,
        { version, hasInstallScript: true, optional: name === leftOut },
      ];
    });
    const packages = { "": manifest, ...Object.fromEntries(entries) };
    const lock = {
      name: "fixture",
      version: "1.0.0",
      lockfileVersion: 3,
      requires: true,
      packages,
    };
    writeFileSync(join(folder, file), JSON.stringify(lock));
  }
}

function setup(command: string, environment: Record<string, string> = {}, ...flags: string[]) {
  const { npm_execpath: _npm, ...inherited } = process.env;
  const env = { ...inherited, npm_config_offline: "true", npm_config_cache: `${folder}/cache` };
  return spawnSync(process.execPath, [...flags, join(folder, "scripts/setup.mjs"), command], {
    encoding: "utf8",
    env: { ...env, ...environment },
  });
}

/** A PATH with node, npm and a shell, and nothing to compile with. */
function pathWithoutCompiler(): string {
  const bin = join(folder, "bin");
  mkdirSync(bin);
  for (const program of ["node", "npm", "sh"]) {
    const path = execFileSync("sh", ["-c", `command -v ${program}`], { encoding: "utf8" }).trim();
    symlinkSync(path, join(bin, program));
  }
  return bin;
}

test("where all is in place, nothing is said and nothing done", () => {
  const result = setup("test");
  expect([result.status, result.stdout, result.stderr]).toEqual([0, "", ""]);
});

describe("a native package that does not load", () => {
  test("is mended by its install script", () => {
    const mend = `node -e "require('fs').writeFileSync('main.js','')"`;
    addPackage("sqlite3", doesNotLoad, mend);
    const result = setup("test");
    expect(result.stderr).toMatch(/^setup: fetching or compiling sqlite3, 1 to 5 minutes/);
    expect(result.status, result.stderr).toBe(0);
    expect(setup("test").stderr).toBe("");
  });

  test("is compiled when the prebuilt one does not fit either", () => {
    const mend =
      "node -e \"if (process.env.npm_config_build_from_source) require('fs').writeFileSync('main.js','')\"";
    addPackage("sqlite3", doesNotLoad, mend);
    const result = setup("test");
    expect(result.stderr).toContain("setup: compiling sqlite3");
    expect(result.status, result.stderr).toBe(0);
  });

  test("without a compiler ends set-up with the one line to type", () => {
    addPackage("sqlite3", doesNotLoad, "exit 1");
    const result = setup("test", { PATH: pathWithoutCompiler() });
    expect(result.status, result.stderr).toBe(1);
    expect(result.stderr).toContain("GLIBC_2.38 not found");
    expect(result.stderr).toMatch(/\n {2}(sudo )?apt-get install -y build-essential python3\n/);
  });

  test("is named with what it costs where the command can do without it", () => {
    addPackage("@lydell/node-pty", doesNotLoad);
    const result = setup("test");
    expect(result.status, result.stderr).toBe(0);
    expect(result.stderr).toContain("Not available without it: simulated serial devices");
  });

  test("ends the demo, which cannot do without it", () => {
    addPackage("@lydell/node-pty", doesNotLoad);
    expect(setup("demo").status).toBe(1);
  });

  test("may end the process that loads it", () => {
    addPackage("@lydell/node-pty", 'process.kill(process.pid, "SIGBUS");\n');
    expect(setup("test").stderr).toContain("loading it ends the process (SIGBUS)");
  });

  test("is no cause to install one that was left out on purpose", () => {
    rmSync(join(folder, "node_modules/@lydell"), { recursive: true });
    writeLocks("1.0.0", "@lydell/node-pty");
    const result = setup("test");
    expect(result.stderr).toContain("@lydell/node-pty does not load: it is not installed");
    expect(result.status, result.stderr).toBe(0);
  });
});

describe("packages are installed", () => {
  const begun = "setup: installing the packages of package-lock.json";
  const unreachable = "The package registry cannot be reached.";

  test("when another version lies there", () => {
    writeLocks("0.9.0");
    const result = setup("test");
    expect(result.stderr).toContain(begun);
    expect(result.stderr).toContain(unreachable);
    expect(result.status, result.stderr).toBe(1);
  });

  test("when an earlier installation broke off, which leaves no record of npm", () => {
    rmSync(join(folder, "node_modules/.package-lock.json"));
    expect(setup("test").stderr).toContain(begun);
  });

  test("when a package's folder is gone", () => {
    rmSync(join(folder, "node_modules/sqlite3"), { recursive: true });
    expect(setup("test").stderr).toContain(begun);
  });
});

test("an old Node is told so before anything else", () => {
  const versions = 'Object.defineProperty(process,"versions",{value:{node:"20.18.9"}})';
  const result = setup("test", {}, "--import", `data:text/javascript,${versions}`);
  expect(result.status, result.stderr).toBe(1);
  expect(result.stderr).toBe(
    "setup: Node 20.18.9 is too old: 20.19 or newer is needed (https://nodejs.org)\n",
  );
});

test("a lock file that cannot be read is named", () => {
  writeFileSync(join(folder, "package-lock.json"), "{");
  expect(setup("test").stderr).toMatch(/^setup: package-lock.json cannot be read: /);
});
