// Where a webhook may lead: to the public internet over TLS, or to networks that the configuration allows. The address is
// looked at when the connection is made, so a name that changes its address later gains nothing.

import { lookup as dnsLookup, type LookupAddress, type LookupOptions } from "node:dns";
import { BlockList, isIP, isIPv4 } from "node:net";
import { GatewayError } from "../../contract/errors.ts";

/** IPv4 that is nobody's public address (RFC 6890, and what stands beside it). */
const hiddenIpv4 = [
  ...["0.0.0.0/8", "10.0.0.0/8", "100.64.0.0/10", "127.0.0.0/8", "169.254.0.0/16"],
  ...["172.16.0.0/12", "192.0.0.0/24", "192.0.2.0/24", "192.88.99.0/24", "192.168.0.0/16"],
  ...["198.18.0.0/15", "198.51.100.0/24", "203.0.113.0/24", "224.0.0.0/4", "240.0.0.0/4"],
];
/** Of IPv6 only this is public, but for what carries IPv4 within or is for documents. */
const publicIpv6 = ["2000::/3"];
const hiddenIpv6 = ["2001::/23", "2001:db8::/32", "2002::/16"];

type LookupCallback = (
  error: NodeJS.ErrnoException | null,
  address: string | LookupAddress[],
  family?: number,
) => void;

/** Decides about URLs and addresses. */
export class WebhookGuard {
  readonly #hidden = listOf([...hiddenIpv4, ...hiddenIpv6]);
  readonly #public = listOf(publicIpv6);
  readonly #allowed: BlockList;

  /** `allowedNetworks` as `10.1.0.0/16`; CONFIG_INVALID for what is none. */
  constructor(allowedNetworks: readonly string[] = []) {
    this.#allowed = listOf(allowedNetworks);
  }

  /** Why a subscription to this URL is refused; undefined when it is not. */
  problemOf(text: string): string | undefined {
    if (!URL.canParse(text)) return "must be a URL, like https://example.com/gondola";
    const url = new URL(text);
    if (url.protocol !== "https:" && url.protocol !== "http:") return "must begin with https://";
    if (url.username !== "" || url.password !== "") return "must not hold a user or a password";
    const host = hostOf(url);
    if (isIP(host) !== 0) return this.problemOfAddress(host, url.protocol);
    return undefined;
  }

  /** Why a connection to this address is refused. */
  problemOfAddress(address: string, protocol: string): string | undefined {
    if (contains(this.#allowed, address)) return undefined;
    if (protocol !== "https:")
      return `http:// is only for networks that are allowed, not ${address}`;
    const isPublic = isIPv4(address) || contains(this.#public, address);
    if (isPublic && !contains(this.#hidden, address)) return undefined;
    return `${address} is no public address, nor in webhooks.allowedNetworks`;
  }

  /** A `lookup` for a request: fails where any address of the name is refused. */
  lookupFor(protocol: string) {
    return (hostname: string, options: LookupOptions, callback: LookupCallback): void => {
      dnsLookup(hostname, { ...options, all: true }, (error, addresses) => {
        if (error !== null) return callback(error, "");
        const problem = addresses
          .map(({ address }) => this.problemOfAddress(address, protocol))
          .find((each) => each !== undefined);
        if (problem !== undefined) return callback(new Error(problem), "");
        const [first] = addresses;
        if (options.all === true) callback(null, addresses);
        else callback(null, first!.address, first!.family);
      });
    };
  }
}

/** The host of a URL as an address or a name, without the brackets of IPv6. */
export function hostOf({ hostname }: URL): string {
  return hostname.replace(/^\[(.*)\]$/, "$1");
}

function contains(list: BlockList, address: string): boolean {
  return list.check(address, isIPv4(address) ? "ipv4" : "ipv6");
}

function listOf(networks: readonly string[]): BlockList {
  const list = new BlockList();
  for (const network of networks) {
    const [address = "", bits] = network.split("/");
    const family = isIPv4(address) ? "ipv4" : "ipv6";
    try {
      list.addSubnet(address, Number(bits ?? (family === "ipv4" ? 32 : 128)), family);
    } catch (error) {
      const message = `webhooks.allowedNetworks: ${network} is no network, like 10.1.0.0/16`;
      throw new GatewayError("CONFIG_INVALID", message, { cause: error });
    }
  }
  return list;
}
