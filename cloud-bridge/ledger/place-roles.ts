// What the role of a place says of the stock on it: which orders it may be promised to, and whether it is the shop's.
// Pure.

import type { LocationRole, Plan } from "../../contract/plan.ts";

/** The channel that dark stores serve. */
export const webChannel = "web";

interface RoleMeaning {
  /** Orders to which units here may be promised. */
  readonly promisedTo: "all" | "web" | "none";
  /** Customers take units from here, or staff fill shelves from here, or neither: here it is for orders alone. */
  readonly use: "shop" | "back" | "orders";
}

export const roleMeanings: Readonly<Record<LocationRole, RoleMeaning>> = {
  floor: { promisedTo: "all", use: "shop" },
  shelf: { promisedTo: "all", use: "shop" },
  till: { promisedTo: "all", use: "shop" },
  exit: { promisedTo: "all", use: "shop" },
  stockroom: { promisedTo: "all", use: "back" },
  dock: { promisedTo: "all", use: "back" },
  // Nobody walks in and no till sells from it; what shelves lack is not taken from it.
  dark_store: { promisedTo: "web", use: "orders" },
  // What stands here belongs to somebody already.
  collection_point: { promisedTo: "none", use: "orders" },
};

/** A place for orders alone, and for which. */
export interface OrderPlace {
  readonly location: string;
  readonly promisedTo: "web" | "none";
}

/** The places of a plan that are for orders alone; those that lie in another one, and say no more than it, are left out. */
export function orderPlacesOf({ locations }: Pick<Plan, "locations">): OrderPlace[] {
  const places = locations.flatMap(({ location, role }): OrderPlace[] => {
    const { promisedTo } = roleMeanings[role];
    return promisedTo === "all" ? [] : [{ location, promisedTo }];
  });
  const kindAt = orderPlaceIndex(places);
  return [...new Set(places.map(({ location }) => location))].flatMap((location) => {
    const promisedTo = kindAt(location);
    const isSaid = promisedTo === "all" || promisedTo === kindAt(parentOf(location));
    return isSaid ? [] : { location, promisedTo };
  });
}

/** To which orders units at a location may be promised: of all places that hold it the strictest rules. */
export function orderPlaceIndex(places: readonly OrderPlace[]) {
  const kinds = new Map<string, OrderPlace["promisedTo"]>();
  for (const { location, promisedTo } of places) {
    if (kinds.get(location) !== "none") kinds.set(location, promisedTo);
  }
  return (location: string): RoleMeaning["promisedTo"] => {
    let kind: RoleMeaning["promisedTo"] = "all";
    if (kinds.size === 0) return kind;
    for (let at = location; at !== ""; at = parentOf(at)) {
      const own = kinds.get(at);
      if (own === "none") return own;
      kind = own ?? kind;
    }
    return kind;
  };
}

/** The places of a plan that shelves are filled from. */
export function backRoomsOf({ locations }: Pick<Plan, "locations">): string[] {
  const kindAt = orderPlaceIndex(orderPlacesOf({ locations }));
  return locations.flatMap(({ location, role }) =>
    roleMeanings[role].use === "back" && kindAt(location) === "all" ? location : [],
  );
}

/** The location that holds another; empty where none does. */
function parentOf(location: string): string {
  return location.slice(0, Math.max(0, location.lastIndexOf("/")));
}
