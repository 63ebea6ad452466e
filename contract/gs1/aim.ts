// AIM symbology identifiers (ISO/IEC 15424): what the three characters before a scan say about what is behind them.

/** What a symbol of an identifier carries. */
export type AimContent =
  /** A number of one of these lengths. Many scanners send a UPC-A without its leading zero, under ]E0 too. */
  | {
      readonly kind: "number";
      readonly lengths: readonly number[];
      readonly addOnLengths?: readonly number[];
    }
  /** A GS1 element string. */
  | { readonly kind: "elements" }
  /** Any text; it may be a Digital Link. */
  | { readonly kind: "text" }
  /** Nothing that GS1 has a meaning for. */
  | { readonly kind: "other"; readonly name: string };

const known: Readonly<Record<string, AimContent>> = {
  "]E0": { kind: "number", lengths: [13, 12] },
  "]E3": { kind: "number", lengths: [13, 12], addOnLengths: [2, 5] },
  "]E4": { kind: "number", lengths: [8] },
  "]I0": { kind: "number", lengths: [14] },
  "]I1": { kind: "number", lengths: [14] },
  "]I3": { kind: "number", lengths: [14] },
  "]C1": { kind: "elements" },
  "]e0": { kind: "elements" },
  "]e1": { kind: "elements" },
  "]e2": { kind: "elements" },
  "]d2": { kind: "elements" },
  "]Q3": { kind: "elements" },
  "]J1": { kind: "elements" },
  "]E1": { kind: "other", name: "an add-on of two digits" },
  "]E2": { kind: "other", name: "an add-on of five digits" },
};
/** Symbologies whose other modes carry text. */
const texts = "QdJ";
const names: Readonly<Record<string, string>> = {
  A: "Code 39",
  C: "Code 128",
  F: "Codabar",
  G: "Code 93",
  H: "Code 11",
  I: "ITF",
  K: "Code 49",
  L: "PDF417",
  M: "MSI",
  O: "OCR",
  P: "Plessey",
  R: "IATA 2 of 5",
  S: "Industrial 2 of 5",
  U: "MaxiCode",
  X: "a code of the scanner's own",
  Y: "a system expansion",
  z: "Aztec",
};

/** Bracket, letter, modifier; behind `]Y1` to `]Y9`, whose modifier counts them, the characters of a system expansion. */
const identifierPattern = /^\](?:[A-XZa-z][0-9A-Za-z]|Y(?:[0A-Za-z]|([1-9])(?=.)))/s;

/** A scan in its identifier, which many scanners are set not to send, and its data (ISO/IEC 15424). */
export function splitIdentifier(text: string): { symbology?: string; data: string } {
  const found = identifierPattern.exec(text);
  if (found === null) return { data: text };
  const end = found[0].length + Number(found[1] ?? 0);
  return { symbology: text.slice(0, end), data: text.slice(end) };
}

/** What an identifier announces, `]E0` with its bracket. */
export function aimContentOf(identifier: string): AimContent {
  const found = known[identifier];
  if (found !== undefined) return found;
  const letter = identifier[1] ?? "?";
  if (texts.includes(letter)) return { kind: "text" };
  return { kind: "other", name: names[letter] ?? "an unknown symbology" };
}
