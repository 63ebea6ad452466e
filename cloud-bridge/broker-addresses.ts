// How many connections each address holds, and how many come a second, so that one of them cannot take all there are, nor
// all the time that their handshakes cost.

import { isIPv6 } from "node:net";
import { PublishRate } from "./broker-rate.ts";

/** This machine itself: what runs here (a fleet of simulators, a proxy that ends the stores' lines) may take them all. */
const ownAddresses: readonly string[] = ["127.0.0.1", "::1"];
const groupsOfNetwork = 4;

/** Whom an address stands for: itself, or for IPv6 its network of 64 bits, which one customer has whole. */
export function holderOf(remoteAddress: string): string {
  const mapped = /^::ffff:(\d+\.\d+\.\d+\.\d+)$/i.exec(remoteAddress)?.[1];
  const [address = ""] = (mapped ?? remoteAddress).toLowerCase().split("%");
  if (!isIPv6(address) || ownAddresses.includes(address)) return address;
  const [before = "", after] = address.split("::");
  const groups = before === "" ? [] : before.split(":");
  const behind = after === undefined || after === "" ? [] : after.split(":");
  // An IPv4 address at the end takes the place of two groups.
  const behindCount = behind.length + (behind.at(-1)?.includes(".") ? 1 : 0);
  while (groups.length + behindCount < 2 * groupsOfNetwork) groups.push("0");
  const network = [...groups, ...behind].slice(0, groupsOfNetwork);
  return `${network.map((group) => group.replace(/^0+(?=.)/, "")).join(":")}::/64`;
}

/** The connections of each holder. */
export class ConnectionsPerAddress {
  readonly #countMax: number;
  readonly #counts = new Map<string, number>();

  constructor(countMax: number) {
    this.#countMax = countMax;
  }

  /** Counts a connection in; undefined where the holder has as many as it may, else what counts it out, once. */
  enter(remoteAddress: string): (() => void) | undefined {
    const holder = holderOf(remoteAddress);
    const count = this.#counts.get(holder) ?? 0;
    if (count >= this.#countMax && !ownAddresses.includes(holder)) return undefined;
    this.#counts.set(holder, count + 1);
    return () => {
      const left = (this.#counts.get(holder) ?? 0) - 1;
      if (left > 0) this.#counts.set(holder, left);
      else this.#counts.delete(holder);
    };
  }
}

/** After this without a connection a holder may bring as many at once as one that never came, and is forgotten. */
const forgottenAfterMs = 2000;

/** How fast the connections of each holder come. */
export class ConnectionRates {
  readonly #perSecond: number;
  readonly #rates = new Map<string, { readonly rate: PublishRate; atMs: number }>();

  constructor(perSecond: number) {
    this.#perSecond = perSecond;
  }

  /** Holders that are remembered. */
  get holderCount(): number {
    return this.#rates.size;
  }

  /** Whether one more may come now: so many a second, twice as many at once. */
  takes(remoteAddress: string, nowMs: number): boolean {
    const holder = holderOf(remoteAddress);
    if (ownAddresses.includes(holder)) return true;
    const { rate } = this.#rates.get(holder) ?? { rate: new PublishRate(this.#perSecond, nowMs) };
    this.#rates.delete(holder);
    this.#rates.set(holder, { rate, atMs: nowMs });
    // In the order in which they came last.
    for (const [name, { atMs }] of this.#rates) {
      if (nowMs - atMs < forgottenAfterMs) break;
      this.#rates.delete(name);
    }
    return rate.takes(nowMs);
  }
}
