// Who may do what: the one table of roles. A token has a role, and the stores it is limited to.

/** What a route needs; its name in the API's description. */
export const permissions = [
  "stock.read",
  "claims.read",
  "claims.write",
  "limits.write",
  "alerts.read",
  "alerts.write",
  "counts.read",
  "counts.write",
  "count-plans.write",
  "catalogue.read",
  "catalogue.write",
  "plan.read",
  "plan.write",
  "facts.write",
  "receiving.write",
  "transfers.write",
  "returns.write",
  "edges.read",
  "quarantine.read",
  "quarantine.write",
  "epcis.read",
  "epcis.capture",
  "webhooks.manage",
  "audit.read",
] as const;
export type Permission = (typeof permissions)[number];

/** Roles, from the whole chain down to one machine. */
export const roles = [
  "network-director",
  "regional-lead",
  "store-manager",
  "associate",
  "technician",
  "integration",
] as const;
export type Role = (typeof roles)[number];

const reads = [
  ...["stock.read", "claims.read", "alerts.read", "counts.read"],
  ...["catalogue.read", "plan.read", "edges.read"],
] as Permission[];
const floorWork: readonly Permission[] = [
  ...["claims.write", "alerts.write", "counts.write", "receiving.write"],
  ...["transfers.write", "returns.write"],
] as Permission[];
const storeLead: readonly Permission[] = [
  ...reads,
  ...floorWork,
  ...([
    "limits.write",
    "count-plans.write",
    "quarantine.read",
    "epcis.read",
    "audit.read",
  ] as const),
];

/** Role -> what it may do, in the stores of its token. */
export const permissionsOf: Readonly<Record<Role, readonly Permission[]>> = {
  "network-director": permissions,
  "regional-lead": [...storeLead, "plan.write", "catalogue.write"],
  "store-manager": storeLead,
  associate: [...reads, ...floorWork],
  technician: [...reads, "alerts.write", "plan.write", "quarantine.read", "quarantine.write"],
  integration: [
    ...reads,
    ...(["claims.write", "facts.write", "receiving.write", "transfers.write"] as const),
    ...(["returns.write", "catalogue.write", "epcis.read"] as const),
    ...(["epcis.capture", "webhooks.manage"] as const),
  ],
};

/** Whether a role has a permission; what names none is the network director's alone. */
export function mayDo(role: Role, permission: Permission | undefined): boolean {
  return (
    role === "network-director" ||
    (permission !== undefined && permissionsOf[role].includes(permission))
  );
}
