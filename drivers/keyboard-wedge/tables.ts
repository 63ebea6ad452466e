// What a key types, by layout: usages of the HID keyboard page (HID Usage Tables, page 0x07), plain,
// with Shift and with AltGr. Only the layouts that scanners are commonly set to.

/** Modifier bits of a boot report. */
export const modifiers = {
  leftControl: 0x01,
  leftShift: 0x02,
  leftAlt: 0x04,
  rightControl: 0x10,
  rightShift: 0x20,
  rightAlt: 0x40,
} as const;

/** Keys with a meaning of their own. */
export const usages = { enter: 0x28, tab: 0x2b, space: 0x2c, capsLock: 0x39, keypadEnter: 0x58 };

/** Keypad keys: digits and signs, the same in every layout. */
export const keypad: ReadonlyMap<number, string> = new Map(
  [..."/*-+"]
    .map((sign, index): [number, string] => [0x54 + index, sign])
    .concat([..."1234567890."].map((sign, index) => [0x59 + index, sign])),
);

/** A level of a layout: 26 letters, 10 digits, 12 signs in the order of `signUsages`; blank is nothing. */
type Level = readonly [letters: string, digits: string, signs: string];

/** Where the keys of the three strings are: `- = [ ] \ ; ' \` , . /` of the US, and the key beside left Shift. */
const signUsages = [0x2d, 0x2e, 0x2f, 0x30, 0x31, 0x33, 0x34, 0x35, 0x36, 0x37, 0x38, 0x64];
const letterUsageFirst = 0x04;
const digitUsageFirst = 0x1e;
/** On ISO boards the key beside Enter, which HID names apart; the same key as 0x31. */
const isoHashUsage = 0x32;

const latin = "abcdefghijklmnopqrstuvwxyz";
const none26 = " ".repeat(26);
const none10 = " ".repeat(10);

const levels = {
  us: [
    [latin, "1234567890", "-=[]\\;'`,./\\"],
    [latin.toUpperCase(), "!@#$%^&*()", '_+{}|:"~<>?|'],
    [none26, none10, ""],
  ],
  uk: [
    [latin, "1234567890", "-=[]#;'`,./\\"],
    [latin.toUpperCase(), '!"£$%^&*()', "_+{}~:@¬<>?|"],
    [none26, "   €      ", "       ¦"],
  ],
  de: [
    ["abcdefghijklmnopqrstuvwxzy", "1234567890", "ß´ü+#öä^,.-<"],
    ["ABCDEFGHIJKLMNOPQRSTUVWXZY", '!"§$%&/()=', "?`Ü*'ÖÄ°;:_>"],
    ["    €       µ   @         ", " ²³   {[]}", "\\  ~       |"],
  ],
  fr: [
    ["qbcdefghijkl,noparstuvzxyw", "&é\"'(-è_çà", ")=^$*mù²;:!<"],
    ["QBCDEFGHIJKL?NOPARSTUVZXYW", "1234567890", "°+¨£µM% ./§>"],
    ["    €                     ", " ~#{[|`\\^@", "]} ¤"],
  ],
} satisfies Record<string, readonly [Level, Level, Level]>;

/** A layout's name. */
export type Layout = keyof typeof levels;
export const layouts = Object.keys(levels) as [Layout, ...Layout[]];

/** Dead keys: usage and level. They type nothing until the next key. */
const deadKeys: Readonly<Record<Layout, readonly string[]>> = {
  us: [],
  uk: [],
  de: ["46:0", "46:1", "53:0"],
  fr: ["47:0", "47:1"],
};

/** What a key types. */
export interface KeyText {
  readonly text: string;
  readonly isDead: boolean;
}

const tables = new Map<Layout, ReadonlyMap<string, KeyText>>();

/** All keys of a layout, by `usage:level`; level 0 is plain, 1 Shift, 2 AltGr. */
export function keysOf(layout: Layout): ReadonlyMap<string, KeyText> {
  const table = tables.get(layout) ?? tableOf(layout);
  tables.set(layout, table);
  return table;
}

function tableOf(layout: Layout): ReadonlyMap<string, KeyText> {
  const table = new Map<string, KeyText>();
  for (const [level, [letters, digits, signs]] of levels[layout].entries()) {
    const set = (usage: number, text: string | undefined) => {
      const key = `${usage}:${level}`;
      if (text === undefined || text === " ") return;
      table.set(key, { text, isDead: deadKeys[layout].includes(key) });
    };
    for (const [index, text] of [...letters].entries()) set(letterUsageFirst + index, text);
    for (const [index, text] of [...digits].entries()) set(digitUsageFirst + index, text);
    for (const [index, usage] of signUsages.entries()) set(usage, [...signs][index]);
    set(isoHashUsage, [...signs][signUsages.indexOf(0x31)]);
  }
  return table;
}
