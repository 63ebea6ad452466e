// The installer for machines with systemd, below a folder of its own: what it puts where, and what is left when it goes.

import { spawnSync } from "node:child_process";
import {
  cpSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterEach, beforeEach, expect, test } from "vitest";

const root = fileURLToPath(new URL("../", import.meta.url));

let folder = "";
const install = (...words: string[]) =>
  spawnSync(join(folder, "from/systemd/install.sh"), words, { encoding: "utf8" });
const files = () => {
  const entries = readdirSync(join(folder, "to"), { recursive: true, withFileTypes: true });
  return entries
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath, entry.name).slice(folder.length + 3))
    .sort();
};

// The installer beside a program of one file: what it copies is not what is tested here.
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "gondola-install-"));
  const from = join(folder, "from");
  for (const part of ["dist/edge", "node_modules", "config/plans"]) {
    mkdirSync(join(from, part), { recursive: true });
  }
  cpSync(`${root}systemd`, join(from, "systemd"), { recursive: true });
  const texts = ["README.md", "LICENSE", "dist/edge/cli.js", "config/plans/s0042.yaml"];
  for (const file of [...texts, "config/edge.example.yaml", "config/bridge.example.yaml"]) {
    writeFileSync(join(from, file), `${file}\n`);
  }
  const manifest = { name: "fixture", version: "1.0.0" };
  writeFileSync(join(from, "package.json"), JSON.stringify(manifest));
  const lock = { ...manifest, lockfileVersion: 3, requires: true, packages: { "": manifest } };
  writeFileSync(join(from, "package-lock.json"), JSON.stringify(lock));
  mkdirSync(join(folder, "to"));
});
afterEach(() => rmSync(folder, { recursive: true }));

test("a dry run says what it would do and writes nothing", () => {
  const result = install("edge", "--dry-run", "--root", join(folder, "to"));
  expect(result.stderr).toBe("");
  expect(result.stdout).toContain("write /etc/systemd/system/gondola-edge.service");
  expect(files()).toEqual([]);
});

test("an edge gets unit, rules, modules, folders, program and an example to edit", () => {
  const result = install("edge", "--root", join(folder, "to"));
  expect([result.status, result.stderr]).toEqual([0, ""]);
  expect(files().filter((file) => file.startsWith("/etc/"))).toEqual([
    "/etc/gondola/edge.yaml",
    "/etc/gondola/plans/s0042.yaml",
    "/etc/modules-load.d/gondola.conf",
    "/etc/systemd/system/gondola-edge.service",
    "/etc/tmpfiles.d/gondola.conf",
    "/etc/udev/rules.d/60-gondola.rules",
  ]);
  expect(existsSync(join(folder, "to/opt/gondola/dist/edge/cli.js"))).toBe(true);
});

test("a second run changes nothing, a new program is copied, a configuration is kept", () => {
  const to = join(folder, "to");
  install("bridge", "--root", to);
  writeFileSync(join(to, "etc/gondola/bridge.yaml"), "mine\n");
  expect(install("bridge", "--root", to).stdout).not.toMatch(/write|copy/);
  writeFileSync(join(folder, "from/dist/edge/cli.js"), "new\n");
  expect(install("bridge", "--root", to).stdout).toContain("copy the program");
  expect(readFileSync(join(to, "opt/gondola/dist/edge/cli.js"), "utf8")).toBe("new\n");
  expect(readFileSync(join(to, "etc/gondola/bridge.yaml"), "utf8")).toBe("mine\n");
  expect(files().some((file) => /gondola\.(old|new)/.test(file))).toBe(false);
});

test("an edge of a configuration and an enrolment, which only root may read", () => {
  const to = join(folder, "to");
  const path = "/run/credentials/gondola-edge.service/enrolment";
  writeFileSync(
    join(folder, "mine.yaml"),
    `broker: {url: "mqtts://b:8883", enrolmentFile: ${path}}`,
  );
  writeFileSync(join(folder, "s1-e1.json"), "{}");
  const given = ["--config", join(folder, "mine.yaml"), "--enrolment", join(folder, "s1-e1.json")];
  const result = install("edge", ...given, "--root", to);
  expect([result.status, result.stderr]).toEqual([0, ""]);
  expect(result.stdout).not.toContain("NOTE");
  expect(readFileSync(join(to, "etc/gondola/edge.yaml"), "utf8")).toContain("mqtts://b:8883");
  expect(statSync(join(to, "etc/gondola/enrolment.json")).mode & 0o777).toBe(0o600);
  const dropIn = join(to, "etc/systemd/system/gondola-edge.service.d/enrolment.conf");
  expect(readFileSync(dropIn, "utf8")).toContain(
    "LoadCredential=enrolment:/etc/gondola/enrolment.json",
  );
  expect(install("edge", ...given, "--root", to).stdout).not.toMatch(/write|copy/);
  // A configuration that does not name the credential is told.
  writeFileSync(join(folder, "mine.yaml"), "other\n");
  expect(install("edge", ...given, "--root", to).stdout).toContain(path);
  expect(install("bridge", "--enrolment", given[3]!, "--root", to).stderr).toContain("an edge's");
  expect(install("edge", "--config", "/none", "--root", to).stderr).toContain(
    "/none cannot be read",
  );
});

test("removed, nothing is left but configuration and data; purged, nothing at all", () => {
  const to = join(folder, "to");
  for (const role of ["edge", "bridge"]) install(role, "--root", to);
  const state = join(to, "var/lib/private/gondola-edge");
  mkdirSync(state, { recursive: true });
  writeFileSync(join(state, "outbox.db"), "");
  const remove = (...words: string[]) => install(...words, "--root", to);
  expect(remove("edge", "--remove", "--dry-run").stdout).toContain("delete /etc/systemd/system");
  expect(existsSync(join(to, "etc/systemd/system/gondola-edge.service"))).toBe(true);
  expect(remove("edge", "--remove").status).toBe(0);
  // The bridge still needs the program.
  expect(existsSync(join(to, "opt/gondola/dist/edge/cli.js"))).toBe(true);
  expect(files().filter((file) => file.includes("edge") && !file.startsWith("/opt"))).toEqual([
    "/etc/gondola/edge.yaml",
    "/var/lib/private/gondola-edge/outbox.db",
  ]);
  // What waits for the ledger is not deleted by the way: a program that tells of it stands in for the real one.
  const cli = join(to, "opt/gondola/dist/edge/cli.js");
  writeFileSync(
    cli,
    `console.log('{"waitingCount":3}')
`,
  );
  const refused = remove("edge", "--remove", "--purge");
  expect([refused.status, refused.stderr]).toEqual([1, expect.stringContaining("3 events wait")]);
  expect(existsSync(join(state, "outbox.db"))).toBe(true);
  expect(remove("edge", "--remove", "--purge", "--force").status).toBe(0);
  expect(remove("bridge", "--remove", "--purge").status).toBe(0);
  expect(files()).toEqual([]);
  expect(existsSync(join(to, "etc/gondola"))).toBe(false);
  expect(remove("edge", "--purge").stderr).toContain("usage");
});

test.each([[[]], [["store"]], [["edge", "--fast"]], [["edge", "--root"]]])(
  "%j is answered with the usage",
  (words) => {
    const result = install(...words);
    expect(result.status).toBe(1);
    expect(result.stderr).toContain("usage: install.sh edge|bridge");
  },
);

test("a program that was not built is refused", () => {
  rmSync(join(folder, "from/dist"), { recursive: true });
  const result = install("edge", "--root", join(folder, "to"));
  expect(result.stderr).toContain("not built yet: run npm run setup");
  expect(files()).toEqual([]);
});
