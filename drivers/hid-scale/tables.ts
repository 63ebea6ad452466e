// Numbers of the HID page for weighing devices (USB "Device Class Definition for Point of Sale
// Devices", usage page 0x8D): status, units and what they weigh.

/** Status of a scale: usages 0x70-0x78 of the page, counted from 1 in the report. */
export const scaleStatuses = {
  fault: 1,
  stable_at_zero: 2,
  in_motion: 3,
  stable: 4,
  under_zero: 5,
  over_limit: 6,
  needs_calibration: 7,
  needs_zeroing: 8,
} as const;
export type ScaleStatus = keyof typeof scaleStatuses;

/** Units: usages 0x51-0x5C, from 1. A tael is 37.5, 37.8 or 50 g by country: it has no grams here. */
export const scaleUnits = {
  milligram: { code: 1, grams: 0.001 },
  gram: { code: 2, grams: 1 },
  kilogram: { code: 3, grams: 1000 },
  carat: { code: 4, grams: 0.2 },
  tael: { code: 5, grams: undefined },
  grain: { code: 6, grams: 0.064_798_91 },
  pennyweight: { code: 7, grams: 1.555_173_84 },
  tonne: { code: 8, grams: 1_000_000 },
  ton: { code: 9, grams: 907_184.74 },
  troy_ounce: { code: 10, grams: 31.103_476_8 },
  ounce: { code: 11, grams: 28.349_523_125 },
  pound: { code: 12, grams: 453.592_37 },
} as const;
export type ScaleUnit = keyof typeof scaleUnits;

/** The status of a code; undefined for one that the page does not have. */
export function statusOf(code: number): ScaleStatus | undefined {
  const names = Object.keys(scaleStatuses) as ScaleStatus[];
  return names.find((name) => scaleStatuses[name] === code);
}

/** The unit of a code; undefined for one that the page does not have. */
export function unitOf(code: number): ScaleUnit | undefined {
  const names = Object.keys(scaleUnits) as ScaleUnit[];
  return names.find((name) => scaleUnits[name].code === code);
}
