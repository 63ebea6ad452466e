// Rows as a table that a person can read.

import type { ScoreRow } from "./card.ts";

/** Columns as wide as they need to be; shares as percentages. */
export function tableOf(rows: readonly ScoreRow[]): string {
  const columns = [...new Set(rows.flatMap((row) => Object.keys(row)))];
  const lines = [
    columns,
    ...rows.map((row) => columns.map((column) => shown(column, row[column]))),
  ];
  const widths = columns.map((_, index) => Math.max(...lines.map((line) => line[index]!.length)));
  return lines
    .map((line) =>
      line
        .map((text, index) => text.padEnd(widths[index]!))
        .join("  ")
        .trimEnd(),
    )
    .join("\n");
}

function shown(column: string, value: string | number | undefined): string {
  if (value === undefined) return "-";
  if (typeof value === "string") return value;
  if (/Share$|^(precision|recall|direction)$|Accuracy$/.test(column)) {
    return `${(value * 100).toFixed(2)} %`;
  }
  return String(Math.round(value * 1000) / 1000);
}
