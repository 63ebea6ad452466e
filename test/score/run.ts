// `npm run score`: replays seeded worlds through the sensing of this project and through what people use
// today. Table to the error stream, one JSON document to the output. A section is a file `NAME.score.ts`
// beside this one that exports `scoreName(options)` and returns rows of numbers, units in their names.
// Options: --tuning (else judging seeds), --seeds N, --only TEXT (of a row's scenario), --plots DIR.

import { mkdirSync, readdirSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import type { ScoreOptions, ScoreRow } from "./card.ts";
import { judgingSeeds, tuningSeeds } from "./seeds.ts";
import { tableOf } from "./table.ts";

const { values } = parseArgs({
  options: {
    tuning: { type: "boolean", default: false },
    seeds: { type: "string", default: "4" },
    only: { type: "string", default: "" },
    plots: { type: "string" },
  },
});
if (values.plots !== undefined) mkdirSync(values.plots, { recursive: true });
const options: ScoreOptions = {
  seeds: (values.tuning ? tuningSeeds : judgingSeeds)(Number(values.seeds)),
  isWanted: (scenario) => scenario.includes(values.only),
  plotsFolder: values.plots,
};

const folder = new URL("./", import.meta.url);
const files = readdirSync(fileURLToPath(folder)).filter((name) => name.endsWith(".score.ts"));
const sections: Record<string, readonly ScoreRow[]> = {};
for (const file of files.sort()) {
  const module: Record<string, unknown> = await import(new URL(file, folder).href);
  for (const [name, score] of Object.entries(module)) {
    if (!/^score[A-Z]/.test(name) || typeof score !== "function") continue;
    const rows: readonly ScoreRow[] = await score(options);
    if (rows.length === 0) continue;
    sections[name.charAt(5).toLowerCase() + name.slice(6)] = rows;
    process.stderr.write(`${tableOf(rows)}\n`);
  }
}
process.stdout.write(`${JSON.stringify({ seeds: options.seeds, sections }, null, 2)}\n`);
