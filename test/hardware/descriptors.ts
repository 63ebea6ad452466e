// Report descriptors of the HID devices that the tests make, by hand from HID 1.11 chapter 6.2.2, the usages of the
// point-of-sale tables (pages 0x8C and 0x8D) and appendix B.1 (boot keyboard). In hex.

/** Input report 3 of page 0x8D: status, unit, exponent, weight in two bytes; output report 2: zero. */
export const scaleDescriptor = [
  "068D00 0920 A101",
  "8503 0932 A102 1500 26FF00 7508 9505 0940 8102 C0",
  "8502 0981 A102 1500 26FF00 7508 9501 0982 9102 C0",
  "C0",
].join("");

/** Input report 2 of page 0x8C, 63 bytes of decoded data after its id. */
export const scannerDescriptor = [
  "068C00 0902 A101",
  "8502 1500 26FF00 7508 953F 09FE 8102",
  "C0",
].join("");

/** A boot keyboard: modifiers, a reserved byte, six keys; five lights. */
export const keyboardDescriptor = [
  "0501 0906 A101",
  "0507 19E0 29E7 1500 2501 7501 9508 8102 9501 7508 8103",
  "9505 7501 0508 1901 2905 9102 9501 7503 9103",
  "9506 7508 1500 2565 0507 1900 2965 8100",
  "C0",
].join("");

/** A descriptor's bytes. */
export function descriptorBytes(hex: string): Buffer {
  return Buffer.from(hex.replaceAll(" ", ""), "hex");
}
