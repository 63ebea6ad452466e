// Bits of an EPC, read and written from the most significant end. What does not fit is remembered as a
// refusal and not thrown: a tag with nonsense on it is an everyday thing.

const nibbles: ReadonlyMap<string, string> = new Map(
  Array.from({ length: 16 }, (_, value) => [
    value.toString(16).toUpperCase(),
    value.toString(2).padStart(4, "0"),
  ]),
);

/** Reads fields one after the other. After the first refusal everything reads as zero. */
export class BitReader {
  readonly #bits: string;
  #at = 0;
  #refusal: string | undefined;

  constructor(hex: string) {
    this.#bits = Array.from(hex.toUpperCase(), (digit) => nibbles.get(digit) ?? "").join("");
    if (this.#bits.length !== hex.length * 4) this.refuse("not hexadecimal");
  }

  /** Why the bits are no EPC, once that is known. */
  get refusal(): string | undefined {
    return this.#refusal;
  }

  get leftBitCount(): number {
    return this.#bits.length - this.#at;
  }

  /** Remembers the first reason. */
  refuse(reason: string): void {
    this.#refusal ??= reason;
  }

  /** The next bits as text; zeros where there are none. */
  take(count: number): string {
    if (count > this.leftBitCount) this.refuse("fewer bits than the scheme needs");
    if (this.#refusal !== undefined) return "0".repeat(count);
    this.#at += count;
    return this.#bits.slice(this.#at - count, this.#at);
  }

  /** At most 52 bits. */
  number(count: number): number {
    return count === 0 ? 0 : Number.parseInt(this.take(count), 2);
  }

  /** Any number of bits as a decimal text without leading zeros. */
  decimal(count: number): string {
    if (count <= 52) return String(this.number(count));
    return BigInt(`0b${this.take(count)}`).toString();
  }
}

/** Writes fields one after the other. */
export class BitWriter {
  #bits = "";
  #refusal: string | undefined;

  get refusal(): string | undefined {
    return this.#refusal;
  }

  get bitCount(): number {
    return this.#bits.length;
  }

  refuse(reason: string): void {
    this.#refusal ??= reason;
  }

  number(value: number, count: number): void {
    this.decimal(String(value), count);
  }

  /** A decimal text in `count` bits; one that is too large is refused. */
  decimal(text: string, count: number): void {
    const isNumber = /^\d{1,60}$/.test(text);
    if (!isNumber) this.refuse(`"${text}" is no number`);
    const value = isNumber ? BigInt(text) : 0n;
    const bits = value === 0n ? "" : value.toString(2);
    if (bits.length > count) this.refuse(`${text} does not fit into ${count} bits`);
    this.#bits += bits.padStart(count, "0");
  }

  /** All bits as hex digits, filled with zeros to whole words of 16 bits, as a tag's memory holds them. */
  hex(): string {
    const padded = this.#bits.padEnd(Math.ceil(this.#bits.length / 16) * 16, "0");
    const digits = padded.match(/.{4}/g) ?? [];
    return digits.map((digit) => Number.parseInt(digit, 2).toString(16).toUpperCase()).join("");
  }
}
