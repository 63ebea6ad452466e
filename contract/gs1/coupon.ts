// The North American coupon codes (AI 8110 and 8112, "North American Coupon Application Guideline"): fields whose
// lengths stand before them. They are checked, not understood: a coupon is no stock.

/** Walks a coupon's fields; the first fault stays. */
class Fields {
  fault: string | undefined;
  #rest: string;

  constructor(text: string) {
    this.#rest = text;
    if (/\D/.test(text)) this.fault = "is no coupon: it has digits only";
  }

  get isAtEnd(): boolean {
    return this.#rest === "";
  }

  /** The next digits; a fault where there are fewer. */
  take(length: number, what: string): string {
    const taken = this.#rest.slice(0, length);
    this.#rest = this.#rest.slice(length);
    if (taken.length < length) this.#fail(`ends within its ${what}`);
    return taken;
  }

  /** A digit of those that are allowed. */
  digit(allowed: string, what: string): string {
    const taken = this.take(1, what);
    if (taken !== "" && !allowed.includes(taken)) this.#fail(`has a wrong ${what}`);
    return taken;
  }

  /** A field with its length before it, as a digit that counts what it has above `base`. */
  sized(allowed: string, base: number, what: string): void {
    const size = this.digit(allowed, `length of its ${what}`);
    this.take(base + Number(size), what);
  }

  /** A date of six digits; empty where it is none. */
  date(what: string): string {
    const taken = this.take(6, what);
    const [month, day] = [Number(taken.slice(2, 4)), Number(taken.slice(4))];
    if (month < 1 || month > 12 || day < 1 || day > 31) this.#fail(`has a wrong ${what}`);
    return taken;
  }

  /** Whether the next field is this one; it is stepped into then. */
  opens(field: string): boolean {
    if (!this.#rest.startsWith(field)) return false;
    this.#rest = this.#rest.slice(1);
    return true;
  }

  #fail(text: string): void {
    this.fault ??= text;
  }

  end(): string | undefined {
    if (!this.isAtEnd) this.#fail("has more than a coupon has");
    return this.fault;
  }
}

const purchaseCodes = "012349";

/** What is wrong with a coupon code (8110); undefined where nothing is. */
export function couponFault(text: string): string | undefined {
  const fields = new Fields(text);
  fields.sized("0123456", 6, "company prefix");
  fields.take(6, "offer code");
  fields.sized("12345", 0, "save value");
  fields.sized("12345", 0, "first purchase requirement");
  fields.digit(purchaseCodes, "first purchase requirement code");
  fields.take(3, "first family code");
  if (fields.opens("1")) {
    fields.digit("0123", "rules of further purchases");
    purchase(fields, "second");
  }
  if (fields.opens("2")) purchase(fields, "third");
  const expires = fields.opens("3") ? fields.date("last day") : undefined;
  const starts = fields.opens("4") ? fields.date("first day") : undefined;
  if (fields.opens("5")) fields.sized("0123456789", 6, "serial number");
  if (fields.opens("6")) fields.sized("1234567", 6, "retailer");
  if (fields.opens("9")) {
    fields.digit("01256", "save value code");
    fields.digit("012", "item that the save value is of");
    fields.take(1, "store coupon flag");
    fields.digit("01", "flag against multiplying");
  }
  const fault = fields.end();
  if (fault !== undefined) return fault;
  return expires !== undefined && starts !== undefined && expires < starts
    ? "ends before it begins"
    : undefined;
}

function purchase(fields: Fields, which: string): void {
  fields.sized("12345", 0, `${which} purchase requirement`);
  fields.digit(purchaseCodes, `${which} purchase requirement code`);
  fields.take(3, `${which} family code`);
  // 9 says that the company is the one before.
  if (!fields.opens("9")) fields.sized("0123456", 6, `${which} company prefix`);
}

/** What is wrong with a coupon of the positive offer file (8112); undefined where nothing is. */
export function paperlessCouponFault(text: string): string | undefined {
  const fields = new Fields(text);
  fields.digit("01", "format");
  fields.sized("0123456", 6, "funder");
  fields.take(6, "offer code");
  fields.sized("0123456789", 6, "serial number");
  return fields.end();
}
