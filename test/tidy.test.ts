// What neither Biome nor the compiler holds: units in the names of numeric settings, files that validate,
// READMEs, sizes, error codes, and nothing of the machine it was written on.

import { readdirSync, readFileSync } from "node:fs";
import { basename, dirname, extname, relative } from "node:path";
import { fileURLToPath, pathToFileURL } from "node:url";
import { describe, expect, test } from "vitest";
import type { z } from "zod";
import { errorCodes } from "../contract/errors.ts";
import { numericKeys } from "./support/numeric-keys.ts";

const root = fileURLToPath(new URL("../", import.meta.url));
const self = relative(root, fileURLToPath(import.meta.url));
const programs = ["contract", "drivers", "edge", "cloud-bridge", "simulators"];

/** Every file of the project, by its path from the root. */
const files = readdirSync(root, { withFileTypes: true })
  .filter(({ name }) => !["node_modules", "dist", "coverage", "out", ".git"].includes(name))
  .flatMap((entry) => {
    if (!entry.isDirectory()) return [entry.name];
    const below = readdirSync(root + entry.name, { recursive: true, withFileTypes: true });
    const names = below.filter((each) => each.isFile());
    return names.map((each) => relative(root, `${each.parentPath}/${each.name}`));
  })
  .filter((file) => !file.endsWith(".tsbuildinfo"))
  .sort();
const textOf = (file: string) => readFileSync(root + file, "utf8");
const isIn = (file: string, folders: readonly string[]) =>
  folders.includes(file.split("/")[0] ?? "");
const sources = files.filter((file) => isIn(file, programs) && file.endsWith(".ts"));

/** `file:line` of every line that fits. */
function linesThatFit(pattern: RegExp, among: readonly string[]): string[] {
  return among.flatMap((file) => {
    const lines = textOf(file).split("\n");
    return lines.flatMap((line, index) => (pattern.test(line) ? [`${file}:${index + 1}`] : []));
  });
}

describe("numbers that can be set say their unit", () => {
  /** Ends that are a unit, or say that the number counts or divides something; a bound may follow. */
  const unit =
    /(Ms|Bytes|Grams|Minor|Dbm?|M?Hz|Deg|Share|Count|^count|Length|Sigmas|Metres|PerSecond|PerMinute|baudRate|port|Port|Sequence)(Max|Min)?$/;
  /** Numbers without a unit, and why. */
  const plain: Record<string, string> = {
    ...{ A: "a share, by grade", B: "the same", C: "the same", D: "the same" },
    address: "a device's address on its line",
    antenna: "the number of an antenna port",
    antennaNumber: "which antenna of a portal a module with one antenna is",
    antennas: "numbers of antenna ports",
    bias: "a weight of the portal's model",
    cell: "the number of a load cell",
    cellsMax: "cells one shopper takes from",
    climate: "how much a shop disturbs its cells, 1 as usual",
    confidenceMin: "a probability",
    dataBits: "bits of a character on the line",
    even: "weights of the portal's model",
    exponent: "a power of ten",
    gain: "what a cell's samples are multiplied by",
    highOffsets: "numbers of lines of a chip",
    interfaceNumber: "which interface of a USB device",
    ledgerEpoch: "how often the ledger was restored, plus one",
    modeId: "a reader's number of a radio mode",
    movedBias: "a weight of the portal's model",
    movedEven: "weights of the portal's model",
    movedOdd: "weights of the portal's model",
    offset: "the number of a line of a chip",
    possibilities: "rows of a weight, a count and strangers",
    productId: "a USB device's number of its maker",
    quantity: "pieces of a product",
    register: "where a Modbus device keeps a value",
    reportId: "the first byte of a HID report",
    session: "one of the four sessions of Gen2",
    stopBits: "bits after a character on the line",
    strangers: "rows of a product, its weight and how many",
    tablesVersion: "a version",
    unitsMax: "pieces of a product",
    vendorId: "a USB maker's number",
  };
  const seen = new Set<string>();
  const holders = sources.filter(
    (file) => !isIn(file, ["contract"]) && /export const \w*Schema\b/.test(textOf(file)),
  );

  test("there are schemas to look at", () => {
    expect(holders.length).toBeGreaterThan(3);
  });

  test.each(holders.map((file) => [file]))("%s", async (file) => {
    const module: Record<string, unknown> = await import(pathToFileURL(root + file).href);
    const schemas = Object.entries(module).filter(([name]) => name.endsWith("Schema"));
    const keys = schemas.flatMap(([, schema]) => numericKeys(schema as z.core.$ZodType));
    for (const key of keys) seen.add(key);
    const bare = new Set(keys.filter((key) => !unit.test(key) && !Object.hasOwn(plain, key)));
    expect([...bare]).toEqual([]);
  });

  test("every exception is still one", () => {
    expect(Object.keys(plain).filter((key) => !seen.has(key))).toEqual([]);
  });
});

describe("every file in config/ is what its place says", () => {
  const yaml = files.filter((file) => /^config\/.*\.yaml$/.test(file));

  test("there are plans, scenarios and an example for each daemon", () => {
    const expected = ["config/bridge.example.yaml", "config/edge.example.yaml"];
    expect(yaml).toEqual(expect.arrayContaining(expected));
    expect(yaml.some((file) => file.startsWith("config/plans/"))).toBe(true);
    expect(yaml.some((file) => file.startsWith("config/scenarios/"))).toBe(true);
  });

  test.each(yaml.map((file) => [file]))("%s", async (file) => {
    await expect(load(file)).resolves.toBeDefined();
  });

  async function load(file: string): Promise<unknown> {
    if (dirname(file) === "config/plans") {
      return (await import("../cloud-bridge/config.ts")).loadPlans([root + file]);
    }
    if (dirname(file) === "config/scenarios/rfid") {
      return (await import("../simulators/rfid-scenario.ts")).loadPortalScenario(root + file);
    }
    if (dirname(file) === "config/scenarios/weight") {
      return (await import("../simulators/weight-scenario.ts")).loadShelfScenario(root + file);
    }
    if (dirname(file) === "config/cluster") {
      return (await import("../cloud-bridge/config.ts")).loadBridgeConfig(root + file);
    }
    if (dirname(file) === "config/scenarios") {
      return (await import("../simulators/scenario.ts")).loadScenario(root + file);
    }
    if (dirname(file) === "config/grafana") {
      return (await import("./support/dashboard.ts")).loadDashboard(root + file);
    }
    if (/^config\/edge[^/]*\.yaml$/.test(file)) {
      return (await import("../edge/config.ts")).loadEdgeConfig(root + file);
    }
    if (/^config\/bridge[^/]*\.yaml$/.test(file)) {
      return (await import("../cloud-bridge/config.ts")).loadBridgeConfig(root + file);
    }
    throw new Error(`${file}: nothing here knows what it is`);
  }
});

describe("folders", () => {
  const code = [".ts", ".mjs", ".sh", ".sql"];
  const folders = new Set(files.filter((file) => code.includes(extname(file))).map(dirname));
  // A test stands where its source stands, and test/README.md says so.
  const owing = [...folders, "config"].filter((folder) => !/^(\.$|test\/)/.test(folder));

  test("each has a README", () => {
    expect(owing.filter((folder) => !files.includes(`${folder}/README.md`))).toEqual([]);
  });

  test("no README but the first is longer than 30 lines", () => {
    const readmes = files.filter((file) => basename(file) === "README.md" && file !== "README.md");
    const lengths = readmes.map(
      (file) => [file, textOf(file).trimEnd().split("\n").length] as const,
    );
    expect(lengths.filter(([, lineCount]) => lineCount > 30)).toEqual([]);
  });

  test("every file that a README names in its table is there", () => {
    const readmes = files.filter((file) => basename(file) === "README.md");
    const missing = readmes.flatMap((readme) => {
      const folder = dirname(readme) === "." ? "" : `${dirname(readme)}/`;
      const cells = textOf(readme).matchAll(/^\|([^|]*)\|/gm);
      const names = [...cells].flatMap(([, cell]) => [...(cell ?? "").matchAll(/`([^`*<>\s]+)`/g)]);
      return names
        .map(([, name]) => name ?? "")
        .filter((name) => /\.(ts|mjs|yaml|md|sh|sql|service|conf|rules)$/.test(name))
        .map((name) => relative(root, `${root}${folder}${name}`))
        .filter((file) => !files.includes(file))
        .map((file) => `${readme}: ${file}`);
    });
    expect(missing).toEqual([]);
  });
});

// Where one is missing, `npm ci` refuses the lock file on every machine.
test("package-lock.json has every package that its packages depend on", () => {
  interface Entry {
    readonly dependencies?: Record<string, string>;
    readonly optionalDependencies?: Record<string, string>;
  }
  const { packages } = JSON.parse(textOf("package-lock.json")) as {
    packages: Record<string, Entry>;
  };
  const isThere = (from: string, name: string): boolean => {
    if (Object.hasOwn(packages, `${from === "" ? "" : `${from}/`}node_modules/${name}`))
      return true;
    return (
      from !== "" && isThere(from.slice(0, Math.max(0, from.lastIndexOf("/node_modules/"))), name)
    );
  };
  const missing = Object.entries(packages).flatMap(([path, entry]) => {
    const names = Object.keys({ ...entry.dependencies, ...entry.optionalDependencies });
    return names.filter((name) => !isThere(path, name)).map((name) => `${path}: ${name}`);
  });
  expect(missing).toEqual([]);
});

test("no file is longer than 400 lines", () => {
  const free = ["package-lock.json", "LICENSE"];
  const long = files.filter(
    (file) => !free.includes(file) && textOf(file).split("\n").length > 401,
  );
  expect(long).toEqual([]);
});

describe("error codes", () => {
  const users = sources.filter((file) => file !== "contract/errors.ts");
  const used = new Set(
    users.flatMap((file) => textOf(file).match(/(?<=")[A-Z]+(_[A-Z]+)+(?=")/g) ?? []),
  );

  test("each is used somewhere", () => {
    const codes = Object.keys(errorCodes);
    const named = users.map(textOf).join("\n");
    expect(codes.filter((code) => !new RegExp(`\\b${code}\\b`).test(named))).toEqual([]);
  });

  test("each that is used exists", () => {
    const prefixes = new Set(Object.keys(errorCodes).map((code) => code.split("_")[0]));
    const ours = [...used].filter((code) => prefixes.has(code.split("_")[0]));
    expect(ours.filter((code) => !Object.hasOwn(errorCodes, code))).toEqual([]);
  });
});

describe("nothing is left behind", () => {
  const others = files.filter((file) => file !== self);
  const written = others.filter((file) => !["package-lock.json", "LICENSE"].includes(file));

  test("no note to oneself", () => {
    expect(linesThatFit(/\b(TODO|FIXME|XXX)\b/, written)).toEqual([]);
  });

  test("no comment that hides code from coverage", () => {
    expect(linesThatFit(/(istanbul|c8|v8) ignore|coverage ignore/, written)).toEqual([]);
  });

  test("no path of a machine, no address of a package server", () => {
    expect(linesThatFit(/(^|[^\w.])\/(work|root)\/|registry\.npmjs|"resolved":/, others)).toEqual(
      [],
    );
  });
});
