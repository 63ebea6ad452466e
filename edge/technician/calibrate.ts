// `gondola-edge calibrate`: tare and slope of a weight shelf's cells. Two steps, each a measurement of some seconds:
// with nothing on the cells their tares; with a known weight on one its slope. What to write into the configuration
// is printed: a person decides, and the file stays the one place where a shelf is described.

import { GatewayError } from "../../contract/errors.ts";
import type { Reading } from "../../contract/reading.ts";
import type { EdgeConfig } from "../config.ts";

/** A cell whose samples scatter more than this does not stand still. */
const sdGramsMax = 20;
/** Fewer samples say nothing. */
const sampleCountMin = 10;
/** A slope further off than this is a wrong weight, or a broken cell. */
const gainErrorMax = 0.2;

/** What is asked for. */
export interface CalibrateRequest {
  readonly deviceId: string;
  /** A weight that lies on `cell`; absent: nothing lies on any. */
  readonly known?: { readonly cell: number; readonly weightGrams: number } | undefined;
}

/** What a cell showed. */
export interface CellMeasurement {
  readonly cell: number;
  readonly sampleCount: number;
  readonly meanGrams: number;
  readonly sdGrams: number;
}

/** Means of what cells showed; samples that are not `ok` are left out. */
export function measureCells(readings: readonly Reading[], deviceId: string): CellMeasurement[] {
  const byCell = new Map<number, number[]>();
  for (const reading of readings) {
    if (reading.kind !== "weight" || reading.deviceId !== deviceId || reading.status !== "ok")
      continue;
    byCell.set(reading.cell, [...(byCell.get(reading.cell) ?? []), reading.weightGrams]);
  }
  return [...byCell]
    .sort(([one], [other]) => one - other)
    .map(([cell, grams]) => {
      const meanGrams = grams.reduce((sum, each) => sum + each, 0) / grams.length;
      const squares = grams.reduce((sum, each) => sum + (each - meanGrams) ** 2, 0);
      return {
        cell,
        sampleCount: grams.length,
        meanGrams,
        sdGrams: Math.sqrt(squares / grams.length),
      };
    });
}

/**
 * Lines for the shelf's `cells` in the configuration; what is wrong with a cell stands in its line. CONFIG_INVALID for
 * a device that is no weight shelf or has no such cell.
 */
export function calibrationLines(
  config: Pick<EdgeConfig, "shelves">,
  { deviceId, known }: CalibrateRequest,
  measurements: readonly CellMeasurement[],
): { readonly lines: string[]; readonly isWhole: boolean } {
  const shelf = config.shelves.find((each) => each.deviceId === deviceId);
  if (shelf === undefined) {
    const names = config.shelves.map((each) => each.deviceId).join(", ") || "none";
    throw new GatewayError(
      "CONFIG_INVALID",
      `no shelf has device ${deviceId}; there are: ${names}`,
    );
  }
  const cells = shelf.cells.filter(({ cell }) => known === undefined || known.cell === cell);
  if (cells.length === 0) {
    throw new GatewayError("CONFIG_INVALID", `shelf ${deviceId} has no cell ${known?.cell}`);
  }
  let isWhole = true;
  const lines = cells.map((place) => {
    const measured = measurements.find(({ cell }) => cell === place.cell);
    const trouble = troubleOf(measured);
    if (measured === undefined || trouble !== undefined) {
      isWhole = false;
      return `# cell ${place.cell}: ${trouble}`;
    }
    const { cell, location, tareGrams, gain } = place;
    const shown = `shows ${measured.meanGrams.toFixed(1)} g, scatter ${measured.sdGrams.toFixed(1)} g`;
    if (known === undefined) {
      const tare = (measured.meanGrams * gain).toFixed(1);
      return `- { cell: ${cell}, location: ${location}, tareGrams: ${tare}${gain === 1 ? "" : `, gain: ${gain}`} } # ${shown}`;
    }
    const loadGrams = measured.meanGrams * gain - (tareGrams ?? 0);
    const slope = (known.weightGrams / loadGrams) * gain;
    if (tareGrams === undefined || !(Math.abs(slope - 1) <= gainErrorMax)) {
      isWhole = false;
      return tareGrams === undefined
        ? `# cell ${cell}: its tare comes first: empty it and run this without --weight`
        : `# cell ${cell}: ${shown}, which is not ${known.weightGrams} g above its tare: is that weight on it?`;
    }
    const tare = ((tareGrams / gain) * slope).toFixed(1);
    return `- { cell: ${cell}, location: ${location}, tareGrams: ${tare}, gain: ${slope.toFixed(5)} } # ${shown}`;
  });
  return { lines, isWhole };
}

function troubleOf(measured: CellMeasurement | undefined): string | undefined {
  if (measured === undefined) return "no usable sample came: is it plugged in, or overloaded?";
  if (measured.sampleCount < sampleCountMin) return `only ${measured.sampleCount} samples came`;
  if (measured.sdGrams <= sdGramsMax) return undefined;
  return `scatters by ${measured.sdGrams.toFixed(1)} g: it does not stand still`;
}
