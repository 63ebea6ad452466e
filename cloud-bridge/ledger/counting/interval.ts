// How sure a share is that was seen in a sample, and how many things there are that were seen twice. Pure.

/** Standard normal deviation of a two-sided interval of 95 %. */
export const sigmasOf95 = 1.959_963_984_540_054;

/** The Wilson score interval of a share: `hitCount` of `count`. Without a sample it is everything. */
export function wilsonInterval(hitCount: number, count: number, sigmas = sigmasOf95) {
  if (count === 0) return { low: 0, high: 1 };
  const share = hitCount / count;
  const square = sigmas ** 2;
  const centre = share + square / (2 * count);
  const spread = sigmas * Math.sqrt((share * (1 - share)) / count + square / (4 * count ** 2));
  const scale = 1 + square / count;
  return {
    low: Math.max(0, (centre - spread) / scale),
    high: Math.min(1, (centre + spread) / scale),
  };
}

/**
 * How many things there are, from two passes that each saw some of them and `bothCount` twice (Chapman 1951:
 * close to unbiased, and finite where nothing was seen twice).
 */
export function chapmanEstimate(firstCount: number, secondCount: number, bothCount: number) {
  return ((firstCount + 1) * (secondCount + 1)) / (bothCount + 1) - 1;
}

/** Numbers 0..count-1, `sampleCount` of them, each set as likely as any other; in order. */
export function drawSample(count: number, sampleCount: number, random: () => number): number[] {
  const indexes = Array.from({ length: count }, (_, index) => index);
  const wanted = Math.min(count, sampleCount);
  for (let at = 0; at < wanted; at += 1) {
    const other = at + Math.floor(random() * (count - at));
    [indexes[at], indexes[other]] = [indexes[other]!, indexes[at]!];
  }
  return indexes.slice(0, wanted).sort((a, b) => a - b);
}
