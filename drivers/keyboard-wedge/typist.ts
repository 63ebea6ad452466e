// Keys become text: layout, Shift, AltGr, Caps Lock, dead keys, Control with a letter, and Alt with a
// number on the keypad, which is how many scanners send what has no key (GS1's FNC1 as Alt 029).

import { keypad, keysOf, type Layout, modifiers, usages } from "./tables.ts";

/** Keys that went down together, under the modifiers that were held. */
export interface KeyEvent {
  readonly modifiers: number;
  readonly pressed: readonly number[];
}

/** What dead keys put on the next letter. */
const accents: Readonly<Record<string, string>> = {
  "^": "\u0302",
  "´": "\u0301",
  "`": "\u0300",
  "¨": "\u0308",
};
/** Longest number typed under Alt; the last code point has seven digits. */
const altDigitCountMax = 7;
const codePointMax = 0x10ffff;
/** 80-9F hex of Windows-1252; five have no character. Node's own decoder takes them for Latin-1. */
const windows1252 = "€\ufffd‚ƒ„…†‡ˆ‰Š‹Œ\ufffdŽ\ufffd\ufffd‘’“”•–—˜™š›œ\ufffdžŸ";

/** Types what one keyboard sends. Enter is CR, Tab is HT. */
export class Typist {
  readonly #keys;
  #capsLock = false;
  #dead = "";
  #altDigits = "";

  constructor(layout: Layout) {
    this.#keys = keysOf(layout);
  }

  /** The text of an event; empty for keys that type nothing. */
  take(event: KeyEvent): string {
    const isAltHeld = (event.modifiers & modifiers.leftAlt) !== 0;
    const before = isAltHeld ? "" : this.#endAlt();
    return before + event.pressed.map((usage) => this.#press(usage, event.modifiers)).join("");
  }

  /** A pause: what was begun is given up. */
  reset(): void {
    this.#dead = "";
    this.#altDigits = "";
  }

  #press(usage: number, held: number): string {
    if (usage === usages.capsLock) {
      this.#capsLock = !this.#capsLock;
      return "";
    }
    const digit = keypad.get(usage);
    const isAltOnly = (held & (modifiers.leftAlt | modifiers.leftControl)) === modifiers.leftAlt;
    if (isAltOnly && digit !== undefined && /\d/.test(digit)) {
      if (this.#altDigits.length < altDigitCountMax) this.#altDigits += digit;
      return "";
    }
    if (usage === usages.enter || usage === usages.keypadEnter) return this.#after("\r");
    if (usage === usages.tab) return this.#after("\t");
    if (usage === usages.space) return this.#after(" ");
    if (digit !== undefined) return this.#after(digit);
    return this.#letter(usage, held);
  }

  #letter(usage: number, held: number): string {
    const isControl = (held & (modifiers.leftControl | modifiers.rightControl)) !== 0;
    const isAlt = (held & modifiers.leftAlt) !== 0;
    const isAltGr = (held & modifiers.rightAlt) !== 0 || (isControl && isAlt);
    const isShift = (held & (modifiers.leftShift | modifiers.rightShift)) !== 0;
    const plain = this.#keys.get(`${usage}:0`)?.text ?? "";
    if (isControl && !isAltGr) return controlCharacter(plain);
    const hasCase = plain.toUpperCase() !== plain && /^[a-z]$/.test(plain);
    const isUpper = hasCase && this.#capsLock ? !isShift : isShift;
    const key = this.#keys.get(`${usage}:${isAltGr ? 2 : isUpper ? 1 : 0}`);
    if (key === undefined) return "";
    if (!key.isDead) return this.#after(key.text);
    const before = this.#dead;
    this.#dead = key.text;
    return before;
  }

  // A dead key and what follows: one accented letter, the accent alone (space), or both.
  #after(text: string): string {
    const dead = this.#dead;
    this.#dead = "";
    if (dead === "") return text;
    if (text === " ") return dead;
    const accented = (text + (accents[dead] ?? "")).normalize("NFC");
    return accented.length === 1 ? accented : dead + text;
  }

  // Windows: with a leading zero the code is of Windows-1252, else of the DOS page, which agrees with it
  // in ASCII only; above 255 it is Unicode. What would be a guess becomes U+FFFD.
  #endAlt(): string {
    const digits = this.#altDigits;
    this.#altDigits = "";
    if (digits === "") return "";
    const code = Number(digits);
    if (code > codePointMax) return "\ufffd";
    if (code < 128 || code > 255) return String.fromCodePoint(code);
    if (!digits.startsWith("0")) return "\ufffd";
    return code < 0xa0 ? windows1252[code - 0x80]! : String.fromCodePoint(code);
  }
}

/** Control and a key, as terminals have it: `]` is GS. */
function controlCharacter(plain: string): string {
  return /^[a-z[\\\]]$/.test(plain)
    ? String.fromCharCode(plain.toUpperCase().charCodeAt(0) & 0x1f)
    : "";
}
