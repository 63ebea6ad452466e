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
