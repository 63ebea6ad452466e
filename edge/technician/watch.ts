// `gondola-edge watch`: what the devices say at this moment, per antenna, cell and line: how often, how
// strong, what last. A table that is drawn anew on a terminal, lines elsewhere.

import type { Reading } from "../../contract/reading.ts";

/** One row: a device and its antenna, cell or line. */
interface Row {
  readonly source: string;
  readingCount: number;
  /** Since the last look. */
  newCount: number;
  last: string;
  /** Sum of milliwatts since the last look, as a mean of dBm would favour weak reads. */
  powerMw: number;
  /** Different tags since the start. */
  readonly epcs: Set<string>;
}

/** Tags that are told apart on one antenna; further ones are read, and not counted as new. */
const epcCountMax = 20_000;
/** Rows that are shown. */
const rowCountMax = 200;

/** Keeps the rows. Pure: fed with readings, asked for lines. */
export class WatchTable {
  readonly #rows = new Map<string, Row>();
  #leftOutCount = 0;

  take(reading: Reading): void {
    const source = sourceOf(reading);
    let row = this.#rows.get(source);
    if (row === undefined) {
      if (this.#rows.size >= rowCountMax) {
        this.#leftOutCount += 1;
        return;
      }
      row = { source, readingCount: 0, newCount: 0, last: "", powerMw: 0, epcs: new Set() };
      this.#rows.set(source, row);
    }
    row.readingCount += 1;
    row.newCount += 1;
    row.last = lastOf(reading);
    if (reading.kind !== "tag") return;
    row.powerMw += 10 ** (reading.rssiDbm / 10);
    if (row.epcs.size < epcCountMax) row.epcs.add(reading.epc);
  }

  /** The table over the last `periodMs`, then the count begins anew. */
  lines(periodMs: number): string[] {
    const rows = [...this.#rows.values()].sort((a, b) => (a.source < b.source ? -1 : 1));
    const lines = rows.map((row) => {
      const rate = (1000 * row.newCount) / periodMs;
      const tags = row.epcs.size === 0 ? "" : `${row.epcs.size} tags`;
      const mean = row.powerMw === 0 ? "" : meanDbm(row.powerMw, row.newCount);
      row.newCount = 0;
      row.powerMw = 0;
      const columns = [rate.toFixed(1).padStart(8), tags.padEnd(11), mean.padEnd(10)];
      return `${row.source.padEnd(28)} ${columns.join(" ")} ${row.last}`.trimEnd();
    });
    const header = `${"device".padEnd(28)} ${"per s".padStart(8)} ${"".padEnd(11)} ${"mean".padEnd(10)} last`;
    const leftOut =
      this.#leftOutCount === 0 ? [] : [`${this.#leftOutCount} readings of further rows`];
    return [header, ...lines, ...leftOut];
  }
}

function meanDbm(powerMw: number, count: number): string {
  return `${(10 * Math.log10(powerMw / count)).toFixed(1)} dBm`;
}

function sourceOf(reading: Reading): string {
  const { deviceId } = reading;
  switch (reading.kind) {
    case "tag":
      return `${deviceId} antenna ${reading.antenna}`;
    case "weight":
      return `${deviceId} cell ${reading.cell}`;
    case "input":
      return `${deviceId} ${reading.line}`;
    case "scan":
      return `${deviceId} scans`;
    case "device":
      return `${deviceId} state`;
  }
}

function lastOf(reading: Reading): string {
  switch (reading.kind) {
    case "tag":
      return `${reading.epc} ${reading.rssiDbm} dBm`;
    case "weight":
      return reading.status === "ok" ? `${reading.weightGrams} g` : reading.status;
    case "input":
      return reading.active ? "active" : "idle";
    case "scan":
      return JSON.stringify(`${reading.symbology ?? ""}${reading.data}`.slice(0, 60));
    case "device":
      return [reading.state, reading.reason].filter(Boolean).join(": ").slice(0, 120);
  }
}
