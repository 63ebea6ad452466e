// What to type when set-up fails: one line for a missing compiler, one for each way npm fails in the
// field. Looks at the machine and at npm's own words.

import { existsSync } from "node:fs";
import { delimiter, join } from "node:path";

/** Any one program of each row will do. */
const toolchain = [
  ["g++", "c++", "clang++"],
  ["make", "gmake"],
  ["python3", "python"],
];

/** The line to type where something to compile with is missing; undefined where nothing is. */
export function compilerAdvice() {
  const missing = toolchain.filter((programs) => !programs.some(isOnPath));
  if (missing.length === 0) return undefined;
  const names = missing.map(([name]) => name).join(", ");
  const lead = `It must be compiled here, and this machine has no ${names}. Type this line, then the same command again:`;
  return `${lead}\n\n  ${compilerCommand()}\n`;
}

function compilerCommand() {
  if (process.platform === "darwin") return "xcode-select --install";
  const sudo = process.getuid?.() === 0 ? "" : "sudo ";
  if (isOnPath("dnf")) return `${sudo}dnf install -y gcc-c++ make python3`;
  if (isOnPath("apk")) return `${sudo}apk add build-base python3`;
  return `${sudo}apt-get install -y build-essential python3`;
}

function isOnPath(program) {
  const folders = (process.env.PATH ?? "").split(delimiter);
  return folders.some((folder) => folder !== "" && existsSync(join(folder, program)));
}

/** npm's way of failing, and the way out. */
const ways = [
  {
    fits: /ENOTFOUND|EAI_AGAIN|ECONNREFUSED|ETIMEDOUT|ENETUNREACH|ENOTCACHED/,
    advice:
      "The package registry cannot be reached. Set-up needs the network once; then it works without.",
  },
  {
    fits: /(EACCES|EROFS|EPERM)[\s\S]*\bpath .*node_modules/,
    advice: "This folder may not be written. Clone it to where you may write, or run as its owner.",
  },
  {
    fits: /EACCES|EROFS|EPERM/,
    advice:
      'npm may not write to its cache folder. Type: npm_config_cache="$(mktemp -d)" npm run setup',
  },
  { fits: /ENOSPC/, advice: "The disk is full. Set-up needs about 500 MB." },
  {
    fits: /`npm ci` can only install/,
    advice:
      "package.json and package-lock.json disagree: run npm install once and commit the lock file.",
  },
];

/** What to do about npm's failure where we know it, under the start of npm's words; otherwise their end. */
export function adviceFor(output) {
  const lines = output
    .trim()
    .split("\n")
    .filter((line) => !/^npm (warn|error\s*$)/.test(line));
  const known = ways.find((way) => way.fits.test(output));
  if (known === undefined) return lines.slice(-20).join("\n");
  return `${lines.slice(0, 4).join("\n")}\n\n${known.advice}`;
}
