// The application identifiers (General Specifications 3.2): how each one's value is written, and what it goes with.
// A line of `ai-rows.ts` is `AI form... [fixed] [key[=qualifiers]] [unlinked] [needs=...] [without=...] : title`.
// A form is made of components, `N6`, `X1-20` or `N4?` (may be absent), each with its linters behind colons.

import assert from "node:assert/strict";
import { type Linter, linters } from "./ai-linters.ts";
import { aiRows, logisticMeasures, needs, tradeMeasures } from "./ai-rows.ts";

/** Numeric, the 82 characters of most texts, the 39 of component parts, or those of Base64url. */
export type CharacterSet = "N" | "X" | "Y" | "Z";

/** A part of a value. */
export interface Component {
  readonly characters: CharacterSet;
  readonly lengthMin: number;
  readonly lengthMax: number;
  /** It may be missing, with all that are behind it. */
  readonly isOptional: boolean;
  readonly linters: readonly Linter[];
}

/** One application identifier. */
export interface AiDefinition {
  readonly ai: string;
  readonly title: string;
  readonly components: readonly Component[];
  readonly lengthMin: number;
  readonly lengthMax: number;
  /** Its length is pre-defined, so that no separator need follow (General Specifications figure 7.8.5-2). */
  readonly isPredefined: boolean;
  /** Alternatives of identifiers that must be there too, digits `n` standing for any; none: it stands alone. */
  readonly needs: readonly (readonly string[])[];
  /** Those that must not be there. */
  readonly without: readonly string[];
  /** Of a primary key of Digital Links: the sequences of qualifiers it may have. */
  readonly qualifiers: readonly (readonly string[])[] | undefined;
  /** Whether it may stand in the query of a Digital Link. */
  readonly isLinkAttribute: boolean;
}

/** Application identifiers by their first two digits: how many digits they have (figure 7.8.5-1). */
const aiLengths: readonly number[] = Array.from({ length: 100 }, (_, prefix) => {
  if (prefix <= 22 || prefix === 30 || prefix === 37 || prefix >= 90) return 2;
  if ((prefix >= 23 && prefix <= 25) || (prefix >= 40 && prefix <= 42) || prefix === 71) return 3;
  const isLong =
    (prefix >= 31 && prefix <= 36) || [39, 43, 70, 72].includes(prefix) || prefix >= 80;
  return isLong && prefix <= 82 ? 4 : 0;
});

const measureRows = (lines: string, what: string): string[] =>
  lines
    .trim()
    .split("\n")
    .map((line) => {
      const [family, title] = [line.slice(0, 3), line.slice(4)];
      return `${family}0-${family}5 N6 fixed needs=${what} without=${family}n : ${title}`;
    });

/** Every known application identifier. */
export const aiDefinitions: ReadonlyMap<string, AiDefinition> = new Map(
  [
    ...aiRows.trim().split("\n"),
    ...measureRows(tradeMeasures, "sold"),
    ...measureRows(logisticMeasures, "00|01"),
  ].flatMap((row) => definitionsOf(row).map((definition) => [definition.ai, definition] as const)),
);

/** Primary keys of Digital Links. */
export const linkKeys: readonly AiDefinition[] = [...aiDefinitions.values()].filter(
  ({ qualifiers }) => qualifiers !== undefined,
);

/** The identifier that begins at `at`; undefined where none does. */
export function definitionAt(data: string, at: number): AiDefinition | undefined {
  const [first, second] = [data.charCodeAt(at) - 48, data.charCodeAt(at + 1) - 48];
  if (!(first >= 0 && first <= 9 && second >= 0 && second <= 9)) return undefined;
  const length = aiLengths[10 * first + second]!;
  return length === 0 ? undefined : aiDefinitions.get(data.slice(at, at + length));
}

/** Whether an identifier fits a pattern in which `n` is any digit. */
export function fitsPattern(ai: string, pattern: string): boolean {
  if (ai.length !== pattern.length) return false;
  for (let at = 0; at < ai.length; at += 1) {
    if (pattern[at] !== "n" && pattern[at] !== ai[at]) return false;
  }
  return true;
}

function definitionsOf(row: string): AiDefinition[] {
  const [left, title] = row.split(" : ");
  const [range, ...words] = left!.split(" ");
  assert(range !== undefined && title !== undefined, row);
  const optionOf = (name: string) =>
    words.find((word) => word.startsWith(`${name}=`))?.slice(name.length + 1);
  const components = words.filter((word) => /^[NXYZ]\d/.test(word)).map(componentOf);
  const qualifiers = optionOf("key")
    ?.split("|")
    .map((sequence) => sequence.split(","));
  const needed = optionOf("needs")
    ?.split("|")
    .flatMap((each) => (needs[each] ?? each).split("|"));
  const definition = {
    title,
    components,
    lengthMin: sum(components.map((each) => (each.isOptional ? 0 : each.lengthMin))),
    lengthMax: sum(components.map((each) => each.lengthMax)),
    isPredefined: words.includes("fixed"),
    needs: needed?.map((each) => each.split("+")) ?? [],
    without: optionOf("without")?.split(",") ?? [],
    qualifiers: words.includes("key") ? [] : qualifiers,
    isLinkAttribute: !words.includes("unlinked"),
  };
  const [first, last = first] = range.split("-");
  const count = Number(last) - Number(first) + 1;
  return Array.from({ length: count }, (_, index) => {
    const ai = String(Number(first) + index).padStart(first!.length, "0");
    return { ai, ...definition };
  });
}

function componentOf(word: string): Component {
  const [, characters, min, max, mark, names] = /^([NXYZ])(\d+)(?:-(\d+))?(\?)?((?::\w+)*)$/.exec(
    word,
  )!;
  return {
    characters: characters as CharacterSet,
    lengthMin: Number(min),
    lengthMax: Number(max ?? min),
    isOptional: mark === "?",
    linters: names!.split(":").slice(1).map(linterOf),
  };
}

function linterOf(name: string): Linter {
  const linter = linters[name];
  assert(linter !== undefined, `a linter ${name}`);
  return linter;
}

function sum(numbers: readonly number[]): number {
  return numbers.reduce((total, each) => total + each, 0);
}
