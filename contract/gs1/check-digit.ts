// The check digit of every GS1 number that is digits only (General Specifications 7.9): weights 3, 1,
// 3, ... from the right, the check digit itself left out.

/** The check digit that belongs behind `digits`. */
export function checkDigitOf(digits: string): number {
  let sum = 0;
  for (let index = 0; index < digits.length; index += 1) {
    const weight = (digits.length - index) % 2 === 1 ? 3 : 1;
    sum += weight * (digits.charCodeAt(index) - 48);
  }
  return (10 - (sum % 10)) % 10;
}

/** Whether `digits` is at least two digits, and the last is the check digit of the others. */
export function hasCheckDigit(digits: string): boolean {
  return /^\d{2,}$/.test(digits) && checkDigitOf(digits.slice(0, -1)) === Number(digits.at(-1));
}

/** Weights of the check pair's characters, from the right (General Specifications 7.9.5): the primes. */
const pairWeights = [
  2, 3, 5, 7, 11, 13, 17, 19, 23, 29, 31, 37, 41, 43, 47, 53, 59, 61, 67, 71, 73, 79, 83,
];
const characters82 =
  "!\"%&'()*+,-./0123456789:;<=>?ABCDEFGHIJKLMNOPQRSTUVWXYZ_abcdefghijklmnopqrstuvwxyz";
const characters32 = "23456789ABCDEFGHJKLMNPQRSTUVWXYZ";

/** The two check characters behind a Global Model Number; undefined where it is too long or has others than the 82. */
export function checkPairOf(text: string): string | undefined {
  if (text.length > pairWeights.length) return undefined;
  let sum = 0;
  for (let index = 0; index < text.length; index += 1) {
    const value = characters82.indexOf(text[index]!);
    if (value < 0) return undefined;
    sum += value * pairWeights[text.length - 1 - index]!;
  }
  const remainder = sum % 1021;
  return `${characters32[remainder >> 5]}${characters32[remainder & 31]}`;
}

/** Whether the last two characters are the check pair of the others. */
export function hasCheckPair(text: string): boolean {
  return text.length > 2 && checkPairOf(text.slice(0, -2)) === text.slice(-2);
}

// Weights of the check digit of a price or weight (General Specifications 7.9.3), as what each digit gives: for 2- and
// 5- the product's ones less its tens, for 5+ the two together, for 3 the ones.
const twoMinus = [0, 2, 4, 6, 8, 9, 1, 3, 5, 7] as const;
const three = [0, 3, 6, 9, 2, 5, 8, 1, 4, 7] as const;
const fivePlus = [0, 5, 1, 6, 2, 7, 3, 8, 4, 9] as const;
const fiveMinus = [0, 5, 9, 4, 8, 3, 7, 2, 6, 1] as const;

/** The check digit that belongs before a measure of four or five digits in a restricted circulation number. */
export function measureCheckDigitOf(digits: string): number {
  const weights =
    digits.length === 4
      ? [twoMinus, twoMinus, three, fiveMinus]
      : [fivePlus, twoMinus, fiveMinus, fivePlus, twoMinus];
  const sum = weights.reduce((total, table, index) => total + table[Number(digits[index])]!, 0);
  if (digits.length === 4) return (3 * sum) % 10;
  return fiveMinus.indexOf(((10 - (sum % 10)) % 10) as (typeof fiveMinus)[number]);
}
