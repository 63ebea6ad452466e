#!/usr/bin/env node
// Builds the Debian packages gondola-edge and gondola-bridge into out/: `npm run deb`, which sets up first.
// Each has a tree of its own, so that a store's machine gets no cloud packages and a bridge no hardware's.

import { execFileSync } from "node:child_process";
import {
  chmodSync,
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
import { dirname, join, sep } from "node:path";
import { fileURLToPath } from "node:url";
import { maintainerScripts } from "./deb-scripts.mjs";

const root = fileURLToPath(new URL("..", import.meta.url));
const manifest = JSON.parse(readFileSync(`${root}package.json`, "utf8"));
const lock = JSON.parse(readFileSync(`${root}package-lock.json`, "utf8")).packages;

/** What each package carries: `folders` of dist/, and the files beside unit and program. */
const roles = {
  edge: {
    folders: ["contract", "drivers", "edge"],
    summary: "reads a store's RFID, weight and scanner hardware",
    files: [
      ["systemd/60-gondola.rules", "usr/lib/udev/rules.d/60-gondola.rules"],
      ["systemd/modules-load.conf", "usr/lib/modules-load.d/gondola.conf"],
    ],
    recommends: "udev, gpiod",
  },
  bridge: {
    folders: ["contract", "cloud-bridge"],
    summary: "posts what edges report to the stock ledger",
    files: [["config/grafana/gondola.json", "usr/share/doc/gondola-bridge/grafana-dashboard.json"]],
    recommends: "ca-certificates",
  },
};

/** Left out of node_modules: sources and leftovers of compilation, binaries of other machines, types, maps. */
const notShipped = [
  /\/(obj|obj\.target|\.deps)(\/|$)/,
  /node_modules\/sqlite3\/(deps|src)(\/|$)/,
  /\.(map|ts|mts|cts|c|cc|cpp|h|hpp|o|a|gyp|gypi|mk)$/,
  /\/(test|tests|example|examples|docs|benchmark|benchmarks|\.github)$/,
];

function main() {
  if (!existsSync(`${root}dist/edge/cli.js`)) throw new Error("not built yet: npm run setup");
  mkdirSync(`${root}out`, { recursive: true });
  for (const role of Object.keys(roles)) {
    const startedAtMs = Date.now();
    const file = build(role);
    const sizeMib = (statSync(file).size / 1024 ** 2).toFixed(1);
    const seconds = ((Date.now() - startedAtMs) / 1000).toFixed(1);
    process.stdout.write(`${file}: ${sizeMib} MiB in ${seconds} s\n`);
  }
}

function build(role) {
  const stage = mkdtempSync(join(tmpdir(), "gondola-deb-"));
  try {
    chmodSync(stage, 0o755);
    const name = `gondola-${role}`;
    putProgram(stage, role);
    putFiles(stage, role);
    putControl(stage, role);
    setModes(stage);
    const architecture = execFileSync("dpkg", ["--print-architecture"], {
      encoding: "utf8",
    }).trim();
    const file = `${root}out/${name}_${manifest.version}_${architecture}.deb`;
    execFileSync("dpkg-deb", ["--root-owner-group", "-Zxz", "--build", stage, file]);
    return file;
  } finally {
    rmSync(stage, { recursive: true });
  }
}

function putProgram(stage, role) {
  const target = join(stage, `usr/lib/gondola/${role}`);
  mkdirSync(target, { recursive: true });
  const filter = (path) => !/\.(d\.ts|map|tsbuildinfo)$/.test(path);
  for (const folder of roles[role].folders) {
    cpSync(`${root}dist/${folder}`, join(target, "dist", folder), { recursive: true, filter });
  }
  const { name, version, type } = manifest;
  writeFileSync(join(target, "package.json"), `${JSON.stringify({ name, version, type })}\n`);
  for (const path of packagesOf(join(target, "dist"))) copyPackage(path, target);
  mkdirSync(join(stage, "usr/bin"), { recursive: true });
  const program = manifest.bin[`gondola-${role}`];
  const flags = role === "edge" ? " --max-semi-space-size=2 --heap-growing-percent=30" : "";
  const text = `#!/bin/sh\nexec node${flags} /usr/lib/gondola/${role}/${program} "$@"\n`;
  writeFileSync(join(stage, `usr/bin/gondola-${role}`), text);
}

/** The lock's paths of every package that a program reaches, its imports first. */
function packagesOf(folder) {
  const declared = { ...manifest.dependencies, ...manifest.optionalDependencies };
  const wanted = new Map();
  const visit = (name, from) => {
    const path = resolvedPath(name, from);
    if (path === undefined || wanted.has(path)) return;
    wanted.set(path, true);
    const { dependencies, optionalDependencies } = lock[path];
    const needed = { ...dependencies, ...optionalDependencies };
    for (const each of Object.keys(needed)) visit(each, path);
  };
  for (const file of readdirSync(folder, { recursive: true })) {
    if (!file.endsWith(".js")) continue;
    const source = readFileSync(join(folder, file), "utf8");
    for (const each of Object.keys(declared)) {
      if (source.includes(`"${each}"`) || source.includes(`"${each}/`)) visit(each, "");
    }
  }
  return [...wanted.keys()];
}

/** Where Node finds a package asked for by the one at `from`; undefined for one that is not installed here. */
function resolvedPath(name, from) {
  for (let at = from; ; ) {
    const path = `${at === "" ? "" : `${at}/`}node_modules/${name}`;
    if (lock[path] !== undefined && existsSync(root + path)) return path;
    if (at === "") return undefined;
    const cut = at.lastIndexOf("/node_modules/");
    at = cut < 0 ? "" : at.slice(0, cut);
  }
}

function copyPackage(path, target) {
  const source = root + path;
  cpSync(source, join(target, path), {
    recursive: true,
    dereference: true,
    filter: (file) => {
      const inside = file.slice(source.length);
      if (inside.startsWith(`${sep}node_modules`)) return false;
      return !notShipped.some((one) => one.test(file)) && isOfThisMachine(inside);
    },
  });
}

function isOfThisMachine(file) {
  const [, platform] = /\/prebuilds\/([^/]+)/.exec(file) ?? [];
  if (platform === undefined) return true;
  return platform.includes(process.platform) && platform.includes(process.arch);
}

function putFiles(stage, role) {
  const put = (from, to, edit = (text) => text) => {
    mkdirSync(dirname(join(stage, to)), { recursive: true });
    writeFileSync(join(stage, to), edit(readFileSync(root + from, "utf8")));
  };
  const place = (text) =>
    text
      .replaceAll("/opt/gondola/README.md", `/usr/share/doc/gondola-${role}/README.md`)
      .replaceAll("/opt/gondola/", `/usr/lib/gondola/${role}/`)
      // Without a configuration the unit is skipped, not restarted for ever.
      .replace("[Unit]\n", `[Unit]\nConditionPathExists=/etc/gondola/${role}.yaml\n`);
  const unit = `gondola-${role}.service`;
  put(`systemd/${unit}`, `usr/lib/systemd/system/${unit}`, place);
  // Two packages may not own one file: each has the lines of its own data folder.
  const ownLines = (text) =>
    text.split("\n").filter((line) => !/gondola-(edge|bridge)/.test(line) || line.includes(role));
  put("systemd/tmpfiles.conf", `usr/lib/tmpfiles.d/gondola-${role}.conf`, (text) =>
    ownLines(text).join("\n"),
  );
  for (const [from, to] of roles[role].files) put(from, to);
  put(`config/${role}.example.yaml`, `etc/gondola/${role}.example.yaml`);
  const documents = `usr/share/doc/gondola-${role}`;
  put("config/plans/s0042.yaml", `${documents}/examples/plans/s0042.yaml`);
  put("README.md", `${documents}/README.md`);
  put(
    "LICENSE",
    `${documents}/copyright`,
    (text) => `Gondola, under the Apache License 2.0\n\n${text}`,
  );
}

function putControl(stage, role) {
  const folder = join(stage, "DEBIAN");
  mkdirSync(folder);
  const { summary, recommends } = roles[role];
  const sizeKib = execFileSync("du", ["-sk", "--exclude=DEBIAN", stage], { encoding: "utf8" });
  const control = [
    `Package: gondola-${role}`,
    `Version: ${manifest.version}`,
    `Architecture: ${execFileSync("dpkg", ["--print-architecture"], { encoding: "utf8" }).trim()}`,
    "Maintainer: Gondola <gondola@localhost>",
    "Section: net",
    "Priority: optional",
    `Installed-Size: ${Number.parseInt(sizeKib, 10)}`,
    // The bundled native modules are compiled against the C library of the machine that builds.
    `Depends: nodejs (>= 20.19), libc6 (>= ${libcVersion()}), libstdc++6`,
    `Recommends: ${recommends}`,
    `Description: Gondola ${role}: ${summary}`,
    ` ${manifest.description}.`,
    " It starts once /etc/gondola holds a configuration.",
    "",
  ];
  writeFileSync(join(folder, "control"), control.join("\n"));
  writeFileSync(join(folder, "conffiles"), `/etc/gondola/${role}.example.yaml\n`);
  for (const [name, text] of Object.entries(maintainerScripts(role))) {
    writeFileSync(join(folder, name), text);
    chmodSync(join(folder, name), 0o755);
  }
}

function libcVersion() {
  return process.report.getReport().header.glibcVersionRuntime ?? "2.36";
}

/** Whatever the builder's umask: folders 0755, files 0644, programs 0755. */
function setModes(stage) {
  const entries = readdirSync(stage, { recursive: true, withFileTypes: true });
  for (const entry of entries) {
    const file = join(entry.parentPath, entry.name);
    const isProgram = /^(DEBIAN\/p|usr\/bin\/)/.test(file.slice(stage.length + 1));
    chmodSync(file, entry.isDirectory() || isProgram ? 0o755 : 0o644);
  }
}

try {
  main();
} catch (error) {
  process.stderr.write(`deb: ${error.message}\n`);
  process.exitCode = 1;
}
