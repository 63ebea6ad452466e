// The 82 characters that serials, lots and other texts of GS1 may have (General Specifications 7.11, TDS
// table A-1).

/** A whole text of 1 to `lengthMax` of these characters. */
export function text82(lengthMax: number): RegExp {
  return new RegExp(`^[!-"%-?A-Z_a-z]{1,${lengthMax}}$`);
}

/** Whether all characters are of the set; an empty text has none that is not. */
export function hasOnly82(text: string): boolean {
  return /^[!-"%-?A-Z_a-z]*$/.test(text);
}
