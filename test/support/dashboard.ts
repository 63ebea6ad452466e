// The dashboard as Grafana imports it, and what its expressions ask for.

import { readFileSync } from "node:fs";
import { z } from "zod";

/** The data source is chosen above the panels. */
const source = z.object({
  type: z.literal("prometheus"),
  uid: z.string().regex(/^\$\{datasource\}$/),
});

/** The parts of a dashboard that must be right for Grafana to show it. */
const dashboardSchema = z.object({
  title: z.string(),
  uid: z.string().regex(/^[\w-]{1,40}$/),
  schemaVersion: z.int().min(36),
  templating: z.object({
    list: z.array(
      z.discriminatedUnion("type", [
        z.object({
          type: z.literal("datasource"),
          name: z.literal("datasource"),
          query: z.literal("prometheus"),
        }),
        z.object({
          ...{ type: z.literal("query"), name: z.string(), datasource: source },
          query: z.string(),
        }),
      ]),
    ),
  }),
  panels: z.array(
    z.object({
      id: z.int(),
      type: z.enum(["stat", "timeseries", "table"]),
      title: z.string().min(1),
      description: z.string().min(1),
      datasource: source,
      gridPos: z.object({ x: z.int().min(0), y: z.int().min(0), w: z.int(), h: z.int() }),
      targets: z.array(
        z.object({ refId: z.string(), expr: z.string(), legendFormat: z.string().optional() }),
      ),
    }),
  ),
});
export type Dashboard = z.infer<typeof dashboardSchema>;

/** Reads and checks a dashboard. */
export function loadDashboard(file: string): Dashboard {
  return dashboardSchema.parse(JSON.parse(readFileSync(file, "utf8")));
}

/** Every expression, those of the variables too. */
export function expressionsOf({ panels, templating }: Dashboard): string[] {
  return [
    ...panels.flatMap(({ targets }) => targets.map(({ expr }) => expr)),
    ...templating.list.flatMap((variable) => (variable.type === "query" ? [variable.query] : [])),
  ];
}

/** Words of PromQL between metrics; every other bare word must be a metric. */
const words = new Set(["and", "or", "unless", "by", "on", "without", "ignoring", "bool", "offset"]);

/** Metrics of an expression. */
export function metricsOf(expression: string): string[] {
  const bare = expression
    .replace(/"[^"]*"/g, "")
    .replace(/\{[^}]*\}|\[[^\]]*\]/g, "")
    .replace(/\b(by|on|without|ignoring|group_left|group_right)\s*\([^)]*\)/g, "")
    .replace(/^label_values\(([^,]*),[^)]*\)$/, "$1");
  const names = bare.matchAll(/[A-Za-z_:][\w:]*(?!\w*\s*\()/g);
  return [...names].map(([name]) => name).filter((name) => !words.has(name));
}

/** Labels that an expression asks for: in matchers, groups and variables. */
export function labelsOf(expression: string): string[] {
  const matched = [...expression.matchAll(/[{,]\s*(\w+)\s*[=!]~?/g)].map(([, name]) => name!);
  const grouped = [...expression.matchAll(/\b(?:by|on)\s*\(([^)]*)\)/g)].flatMap(([, names]) =>
    names!.split(",").map((name) => name.trim()),
  );
  const values = /^label_values\([^)]*,\s*(\w+)\)$/.exec(expression);
  return [...matched, ...grouped, ...(values ? [values[1]!] : [])];
}
