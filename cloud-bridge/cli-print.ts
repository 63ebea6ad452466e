// What the commands print: aligned columns for people, one line of JSON for programs.

import type { SetBack } from "./ledger/sql-set-backs.ts";
import type { VerifyReport } from "./ledger/types.ts";

/** Prints the value as one line of JSON, or the text. */
export function print(options: { json?: true }, value: unknown, text: string): void {
  process.stdout.write(`${options.json ? JSON.stringify(value) : text}\n`);
}

/** Rows as aligned columns under the names of their members. */
export function tableText(rows: readonly Record<string, string | number>[], empty: string): string {
  const names = Object.keys(rows[0] ?? {});
  if (names.length === 0) return empty;
  const lines = [names, ...rows.map((row) => names.map((name) => String(row[name])))];
  const widths = names.map((_, column) => Math.max(...lines.map((line) => line[column]!.length)));
  return lines
    .map((line) =>
      line
        .map((cell, column) => cell.padEnd(widths[column]!))
        .join("  ")
        .trimEnd(),
    )
    .join("\n");
}

/** A verify report for people. */
export function reportText(report: VerifyReport): string {
  const { storeCount, entryCount, eventCount, problems, problemCount } = report;
  const size = `${storeCount} stores, ${entryCount} entries, ${eventCount} events`;
  const setBacks = report.setBacks.map(
    ({ atMs, cause, ...rest }) => `  went back at ${timeText(atMs)} (${cause}) ${lossText(rest)}`,
  );
  const told = [...setBacks, ...declaredTexts(report)];
  if (report.ok) return [`the ledger is right: ${size}`, ...told].join("\n");
  const lines = problems.map(
    ({ storeId, check, where, message }) => `  ${storeId}  ${check}  ${where}: ${message}`,
  );
  const more = problemCount - problems.length;
  if (more > 0) lines.push(`  and ${more} more`);
  return [`the ledger is WRONG (${problemCount} problems): ${size}`, ...lines, ...told].join("\n");
}

/** What no disk had room or no bridge had words for, and edges said so. */
function declaredTexts({ declaredLosses, lostEventCount }: VerifyReport): string[] {
  if (lostEventCount === 0) return [];
  const lines = declaredLosses.map(
    ({ storeId, edgeId, outboxId, firstSequence, lastSequence, reason }) =>
      `    ${storeId}/${edgeId}: ${firstSequence} to ${lastSequence} of ${outboxId} (${reason})`,
  );
  return [`  ${lostEventCount} events are gone, as their edges declared:`, ...lines];
}

const timeText = (atMs: number) => new Date(atMs).toISOString();

function lossText({
  lostCommitCount,
  lastRecordedAtMs,
}: Pick<SetBack, "lostCommitCount" | "lastRecordedAtMs">): string {
  const to = lastRecordedAtMs === undefined ? "to nothing" : `to ${timeText(lastRecordedAtMs)}`;
  return lostCommitCount === undefined ? to : `${to}, ${lostCommitCount} commits lost`;
}
