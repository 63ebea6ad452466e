#!/usr/bin/env node
// Makes a fresh clone ready: installs what package-lock.json names, sees that each native package
// loads on this machine (and compiles the one that does not), builds dist/. Run again, it only looks.
// `setup.mjs demo` also insists on what the demo needs. Uses no package: it runs before there is one.

import { spawn } from "node:child_process";
import { existsSync, readFileSync } from "node:fs";
import { basename } from "node:path";
import { fileURLToPath } from "node:url";
import { adviceFor, compilerAdvice } from "./setup-advice.mjs";

const root = fileURLToPath(new URL("..", import.meta.url));
const heartbeatMs = 30_000;

/**
 * Every package with compiled code. `needed` is true or the command that cannot do without it,
 * `script` whether it can be compiled here, `lost` what does not work without it, `load` how it is tried.
 */
const nativePackages = [
  { name: "sqlite3", needed: true, script: true, minutes: "1 to 5 minutes", lost: "everything" },
  {
    name: "@serialport/bindings-cpp",
    needed: "demo",
    script: true,
    minutes: "half a minute",
    lost: "serial devices (the edge still serves devices on TCP)",
  },
  {
    name: "@lydell/node-pty",
    needed: "demo",
    script: false,
    lost: "simulated serial devices and npm run demo",
  },
  {
    name: "epoll",
    needed: false,
    script: true,
    minutes: "a few seconds",
    lost: "GPIO lines through sysfs (package onoff)",
  },
  {
    name: "node-hid",
    // It loads its binary only when asked for something.
    load: 'require("node-hid").devices()',
    needed: false,
    script: false,
    lost: "USB HID scales and scanners",
    advice: "On Debian, type: sudo apt-get install libusb-1.0-0",
  },
];

/** What set-up cannot do; the message says what to type. */
class SetupError extends Error {}

async function main(command) {
  requireNode(20, 19);
  if (!isInstalled()) await install();
  const faults = await Promise.all(nativePackages.map((each) => findFault(each)));
  await repairAll(faults, command);
  // The test run type-checks and builds as a step of its own, so that one error does not hide the rest.
  if (command !== "test") await build();
}

function requireNode(major, minor) {
  const [haveMajor, haveMinor] = process.versions.node.split(".").map(Number);
  if (haveMajor > major || (haveMajor === major && haveMinor >= minor)) return;
  throw new SetupError(
    `Node ${process.versions.node} is too old: ${major}.${minor} or newer is needed (https://nodejs.org)`,
  );
}

/** Whether node_modules holds what package-lock.json names. npm writes its own list there last, so an interrupted install has none. */
function isInstalled() {
  const wanted = readPackages("package-lock.json");
  const present = readPackages("node_modules/.package-lock.json");
  return Object.entries(wanted).every(([path, { version, optional }]) => {
    if (path === "") return true;
    const found = present[path];
    // Optional packages of other platforms are named in the lock and never installed.
    if (found === undefined) return optional === true;
    return found.version === version && existsSync(`${root}${path}/package.json`);
  });
}

function readPackages(file) {
  try {
    return JSON.parse(readFileSync(root + file, "utf8")).packages;
  } catch (error) {
    if (error.code === "ENOENT" && file.startsWith("node_modules")) return {};
    throw new SetupError(`${file} cannot be read: ${error.message}`);
  }
}

async function install() {
  say("installing the packages of package-lock.json, about a minute ...");
  // No package's script runs here: the few that matter run one by one below, where one that fails
  // does not undo the rest and can be explained. NODE_ENV=production would leave the compiler out.
  const words = ["ci", "--ignore-scripts", "--include=dev", "--include=optional"];
  const { code, output } = await runNpm(words);
  if (code !== 0) throw new SetupError(`npm ci failed.\n${adviceFor(output)}`);
}

/** The package, with the reason why it does not load here; undefined when it does. */
async function findFault(each) {
  if (!existsSync(`${root}node_modules/${each.name}/package.json`)) {
    return { ...each, absent: true, reason: "it is not installed (left out by --omit=optional?)" };
  }
  const load = each.load ?? `require("${each.name}")`;
  const { code, signal, output } = await run(process.execPath, ["-e", load]);
  if (code === 0) return undefined;
  // A damaged binary may end the process without a word.
  if (signal !== null) return { ...each, reason: `loading it ends the process (${signal})` };
  const reason = output.split("\n").find((line) => /^\w*Error: /.test(line)) ?? output.trim();
  return { ...each, reason: reason.slice(0, 300) };
}

async function repairAll(faults, command) {
  for (const fault of faults) {
    if (fault === undefined) continue;
    const left = await repair(fault);
    if (left === undefined) continue;
    const message = `${left.name} does not load: ${left.reason}`;
    const isNeeded = left.needed === true || left.needed === command;
    if (isNeeded) throw new SetupError(`${message}\n${left.advice}`);
    say(`${message}\n  Not available without it: ${left.lost}. ${left.advice}`);
  }
}

/** Tries the prebuilt binary, then the compiler. Returns the fault with advice if it stays. */
async function repair(fault) {
  if (fault.absent) return { ...fault, advice: "To install it, type: npm ci" };
  if (!fault.script) {
    const fetchAnew = "To fetch it anew, type: rm -rf node_modules && npm run setup";
    return { ...fault, advice: fault.advice ?? fetchAnew };
  }
  let left = fault;
  for (const words of [[], ["--build-from-source"]]) {
    const isCompiling = words.length > 0;
    const missing = compilerAdvice();
    if (isCompiling && missing !== undefined) return { ...left, advice: missing };
    const how = isCompiling ? "compiling" : "fetching or compiling";
    say(`${how} ${fault.name}, ${fault.minutes} where it must be compiled ...`);
    const { code, output } = await runNpm(["rebuild", fault.name, ...words]);
    if (code !== 0) return { ...left, advice: missing ?? adviceFor(output) };
    left = await findFault(fault);
    if (left === undefined) return undefined;
  }
  return { ...left, advice: "It was compiled here and still does not load; please report this." };
}

/** tsc knows by itself what is newer than dist/; where nothing is, it ends at once. */
async function build() {
  if (!existsSync(`${root}dist`)) say("building dist/, a few seconds ...");
  const tsc = `${root}node_modules/typescript/bin/tsc`;
  const { code, output } = await run(process.execPath, [
    tsc,
    ...["-b", "contract", "drivers", "edge", "cloud-bridge", "simulators"],
  ]);
  if (code !== 0) throw new SetupError(`the build failed:\n${output.trim()}`);
}

/** Runs npm, the one that runs us where there is one. */
function runNpm(words) {
  const quiet = ["--no-audit", "--no-fund", "--no-progress", "--no-update-notifier"];
  const npm = process.env.npm_execpath ?? "";
  const isNpm = basename(npm) === "npm-cli.js";
  return isNpm
    ? run(process.execPath, [npm, ...words, ...quiet])
    : run("npm", [...words, ...quiet]);
}

/** Runs a program to its end and keeps what it says; a line every half minute shows that it lives. */
function run(program, words) {
  return new Promise((resolve) => {
    const startedAtMs = Date.now();
    // Under `npm --silent` an inner npm would keep the reason of a failure to itself.
    const environment = { ...process.env, JOBS: "max", npm_config_loglevel: "warn" };
    const stdio = ["ignore", "pipe", "pipe"];
    const child = spawn(program, words, { cwd: root, env: environment, stdio });
    let output = "";
    const heartbeat = setInterval(() => {
      say(`  still at it after ${Math.round((Date.now() - startedAtMs) / 1000)} s`);
    }, heartbeatMs);
    for (const stream of [child.stdout, child.stderr]) {
      stream.setEncoding("utf8").on("data", (text) => {
        output += text;
      });
    }
    child.on("error", (error) => {
      output += error.message;
    });
    child.on("close", (code, signal) => {
      clearInterval(heartbeat);
      resolve({ code: code ?? 1, signal, output });
    });
  });
}

/** On standard error, so that what a command prints after set-up stays its own. */
function say(line) {
  process.stderr.write(`setup: ${line}\n`);
}

try {
  await main(process.argv[2]);
} catch (error) {
  if (!(error instanceof SetupError)) throw error;
  say(error.message);
  process.exitCode = 1;
}
