// Fits the portal's model: multinomial logistic regression by Adam on all samples at once, with a little
// ridge, towards nothing or towards weights that are good already. Deterministic: no chance in it.

import type { PortalWeights } from "./portal-model.ts";

/** One look at a window and what it really was: a class by its number in `passageClasses`. */
export interface Sample {
  readonly odd: readonly number[];
  readonly even: readonly number[];
  readonly label: number;
  readonly weight: number;
}

const stepCount = 500;
const learningRate = 0.1;
const ridge = 2e-5;

/** Weights to stay near to, and how much it takes to leave them. */
export interface Anchor {
  readonly weights: PortalWeights;
  readonly pull: number;
}

/** The weights that fit best; with an anchor, those that fit better than it does by more than the way to them costs. */
export function fitWeights(samples: readonly Sample[], anchor?: Anchor): PortalWeights {
  const oddCount = samples[0]!.odd.length;
  const evenCount = samples[0]!.even.length;
  const layout = { oddCount, evenCount, size: oddCount + 4 * (evenCount + 1) };
  const { scales, means } = scaling(samples, layout);
  const rows = samples.map(({ odd, even }) =>
    Float64Array.from([
      ...odd.map((value, index) => value / scales[index]!),
      ...even.map((value, index) => (value - means[index]!) / scales[oddCount + index]!),
    ]),
  );
  const from = anchor && {
    parameters: parametersOf(anchor.weights, scales, means),
    pull: anchor.pull,
  };
  const parameters = descend(samples, rows, layout, from);
  const evens = (head: number) => {
    const from = oddCount + head * (evenCount + 1);
    const scaled = [...parameters.slice(from + 1, from + 1 + evenCount)];
    const even = scaled.map((value, index) => value / scales[oddCount + index]!);
    const shift = even.reduce((sum, value, index) => sum + value * means[index]!, 0);
    return { bias: round(parameters[from]! - shift), even: even.map(round) };
  };
  const moved = evens(0);
  return {
    movedBias: moved.bias,
    movedOdd: [...parameters.slice(0, oddCount)].map((value, index) =>
      round(value / scales[index]!),
    ),
    movedEven: moved.even,
    stayed: [evens(1), evens(2), evens(3)],
  };
}

/** Weights as the parameters of scaled figures. */
function parametersOf(
  { movedOdd, movedBias, movedEven, stayed }: PortalWeights,
  scales: readonly number[],
  means: readonly number[],
): Float64Array {
  const heads = [{ bias: movedBias, even: movedEven }, ...stayed].flatMap(({ bias, even }) => [
    even.reduce((sum, weight, index) => sum + weight * means[index]!, bias),
    ...even.map((weight, index) => weight * scales[movedOdd.length + index]!),
  ]);
  return Float64Array.from([...movedOdd.map((weight, index) => weight * scales[index]!), ...heads]);
}

interface Layout {
  readonly oddCount: number;
  readonly evenCount: number;
  readonly size: number;
}

function scaling(samples: readonly Sample[], { oddCount, evenCount }: Layout) {
  const count = samples.length;
  const means = Array.from({ length: evenCount }, (_, index) =>
    samples.reduce((sum, { even }) => sum + even[index]! / count, 0),
  );
  const sd = (square: (sample: Sample) => number) =>
    Math.sqrt(samples.reduce((sum, sample) => sum + square(sample) / count, 0)) || 1;
  const scales = [
    ...Array.from({ length: oddCount }, (_, index) => sd(({ odd }) => odd[index]! ** 2)),
    ...means.map((mean, index) => sd(({ even }) => (even[index]! - mean) ** 2)),
  ];
  return { scales, means };
}

function descend(
  samples: readonly Sample[],
  rows: readonly Float64Array[],
  layout: Layout,
  anchor?: { readonly parameters: Float64Array; readonly pull: number },
): Float64Array {
  const origin = anchor?.parameters ?? new Float64Array(layout.size);
  const pull = anchor?.pull ?? ridge;
  const parameters = Float64Array.from(origin);
  const first = new Float64Array(layout.size);
  const second = new Float64Array(layout.size);
  const total = samples.reduce((sum, { weight }) => sum + weight, 0);
  for (let step = 1; step <= stepCount; step += 1) {
    const gradient = new Float64Array(layout.size);
    for (const [index, sample] of samples.entries()) {
      learn(sample, rows[index]!, parameters, gradient, layout);
    }
    const rate = learningRate * Math.min(1, (2 * (stepCount - step)) / stepCount);
    for (let index = 0; index < layout.size; index += 1) {
      const slope = gradient[index]! / total + pull * (parameters[index]! - origin[index]!);
      first[index] = 0.9 * first[index]! + 0.1 * slope;
      second[index] = 0.999 * second[index]! + 0.001 * slope * slope;
      const mean = first[index]! / (1 - 0.9 ** step);
      const square = second[index]! / (1 - 0.999 ** step);
      parameters[index]! -= (rate * mean) / (Math.sqrt(square) + 1e-8);
    }
  }
  return parameters;
}

const powers = new Float64Array(5);

// Adds one sample's part of the gradient. Heads: moved (in and out share it), passing by, turned, standing.
function learn(
  { label, weight }: Sample,
  row: Float64Array,
  parameters: Float64Array,
  gradient: Float64Array,
  { oddCount, evenCount }: Layout,
): void {
  let way = 0;
  for (let i = 0; i < oddCount; i += 1) way += parameters[i]! * row[i]!;
  for (let head = 0; head < 4; head += 1) {
    const from = oddCount + head * (evenCount + 1);
    let sum = parameters[from]!;
    for (let i = 0; i < evenCount; i += 1) sum += parameters[from + 1 + i]! * row[oddCount + i]!;
    powers[head + 1] = sum;
  }
  powers[0] = powers[1]! + way;
  powers[1]! -= way;
  let highest = powers[0]!;
  for (let index = 1; index < 5; index += 1) highest = Math.max(highest, powers[index]!);
  let all = 0;
  for (let index = 0; index < 5; index += 1)
    all += powers[index] = Math.exp(powers[index]! - highest);
  for (let index = 0; index < 5; index += 1) {
    powers[index] = weight * (powers[index]! / all - (index === label ? 1 : 0));
  }
  const turn = powers[0]! - powers[1]!;
  for (let i = 0; i < oddCount; i += 1) gradient[i]! += turn * row[i]!;
  powers[1]! += powers[0]!;
  for (let head = 0; head < 4; head += 1) {
    const from = oddCount + head * (evenCount + 1);
    const error = powers[head + 1]!;
    gradient[from]! += error;
    for (let i = 0; i < evenCount; i += 1) gradient[from + 1 + i]! += error * row[oddCount + i]!;
  }
}

function round(value: number): number {
  return Number(value.toPrecision(5));
}
