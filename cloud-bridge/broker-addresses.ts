// How many connections each address holds, so that one of them cannot take all there are.

import { isIPv6 } from "node:net";

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
