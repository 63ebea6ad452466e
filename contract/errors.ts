// The one error class of Gondola and every code it can carry. A code names one situation for ever:
// codes are added, never renamed, reused or matched by text.

/** Every code a `GatewayError`, a quarantine row or an acknowledgement can carry. */
export const errorCodes = {
  CONFIG_INVALID:
    "a configuration, plan or scenario file is wrong; the message names path and range",
  CONFIG_UNREADABLE: "a configuration, plan or scenario file cannot be read",
  CONFIG_REFUSED:
    "a configuration sent to an edge is not taken: it would move the edge, cut it off or make its outbox smaller, the edge's own file was edited, or the disk does not keep it; the message says which",
  CERTIFICATE_REFUSED:
    "a renewed certificate is not taken by an edge: not of its key, name or authority, no later end, or the disk does not keep it; the message says which",
  CONFIG_RETURNED:
    "a configuration sent to an edge did not do well on trial; the one before it runs again",
  DRIVER_KIND_UNKNOWN: "no driver of that kind is registered",
  DRIVER_PORT_MISSING: "the port does not exist",
  DRIVER_PORT_BUSY: "the port is held by another process; the message names it",
  DRIVER_PORT_DENIED: "no permission for the port; the message names the group",
  DRIVER_PORT_LOST: "the port closed under the driver (unplugged, powered off, connection cut)",
  DRIVER_PORT_FAILED: "the port failed in another way",
  DRIVER_NOT_IDENTIFIED: "something is connected, but it is not the device that was configured",
  DRIVER_GARBAGE: "bytes arrive, but no valid frame: wrong speed, parity or dialect",
  DRIVER_SILENT: "the device stopped answering",
  DRIVER_TAKEN: "the device serves another client and takes only one",
  DRIVER_COMMAND_REFUSED: "the device answered a command with an error",
  DRIVER_NATIVE_MISSING: "a native package of the driver is not installed or does not load",
  EVENT_INVALID: "an event does not fit its schema",
  EVENT_TOO_LARGE: "an event is larger than 16 KiB",
  OUTBOX_CORRUPT: "the buffer file is damaged; it is set aside and a new outbox begins",
  OUTBOX_FULL: "the buffer cannot take an event even after shedding",
  OUTBOX_FAILED: "the buffer's disk failed; the process must stop and start anew",
  OUTBOX_QUEUE_FULL: "more events wait for the next commit than the named limit",
  BATCH_UNREADABLE: "a batch cannot be decoded; nothing of it was posted",
  BATCH_TOO_LARGE: "a batch inflates past 256 KiB or has more than 500 events",
  VERSION_UNSUPPORTED: "the batch is of a schema version this bridge does not speak; nothing moved",
  TOPIC_FOREIGN: "a topic outside the contract, or ids in the payload that differ from the topic's",
  OUTBOX_HOLE: "the batch begins beyond the ledger's position; the old position is acknowledged",
  OUTBOX_DIVERGED: "the outbox's digest chain does not continue the ledger's; the outbox is frozen",
  LEDGER_FAILED: "the ledger's disk or database failed; the process must stop and start anew",
  LEDGER_REFUSED:
    "the ledger could not do what was asked of it and undid it; whatever else is asked goes on",
  LEDGER_CORRUPT: "the ledger's chain, sums or balances do not verify",
  LEDGER_SET_BACK:
    "the ledger is at an earlier state than it was: restored from a backup, or its storage lost the end",
  LEDGER_RULE:
    "an event is readable but cannot be posted (for example a location of another store)",
  BROKER_PORT_BUSY: "the broker's port is in use",
  PASSWORD_WRONG: "a client's user and password are nobody's, or too many before were wrong",
  CERTIFICATE_FOREIGN: "a client's certificate names nobody of this chain, or somebody else",
  BROKER_LIMIT: "a client reached a limit of the embedded broker and was refused or cut off",
  HTTP_PORT_BUSY: "the HTTP port is in use",
  LISTEN_FAILED: "a port cannot be listened on (permission, address); the message says why",
  MESSAGE_INVALID: "a message other than a batch does not fit its schema",
  EDGE_UNKNOWN: "an edge that the ledger has nothing of told of itself",
  EDGE_LIMIT: "more edges, or more devices and antennas of one edge, than numbers are kept of",
  COUNT_REFUSED: "what a command asked to count cannot be counted now; the message says why",
  TARE_REFUSED: "a shelf's tare cannot be set now, or there is no such cell; the message says why",
  REWIND_REFUSED:
    "events cannot be sent again from there; the message says what the edge still has",
  COMMAND_UNSIGNED:
    "the edge has a command key, and a command that changes something came unsigned",
  COMMAND_SIGNATURE_WRONG: "a signed command is not signed with the edge's command key",
  COMMAND_FOREIGN: "a signed command names another edge",
  COMMAND_EXPIRED: "a signed command is too late, or good for longer than is allowed",
  COMMAND_REPEATED: "a signed command's counter was taken already; nothing was carried out again",
  COMMAND_KEY_MISSING: "the edge has no command key, or one that cannot be used",
  COMMAND_COUNTER_FAILED:
    "the edge cannot read or keep the counter of signed commands; nothing was carried out",
  COMMAND_UNANSWERED: "no reply to a command: the broker cannot be reached, or the edge is silent",
  SCENARIO_FAILED: "a simulated scenario did not run to its end",
} as const;

/** One of the codes above. */
export type ErrorCode = keyof typeof errorCodes;

/** An operating error: expected in the field, named by its code. Programmer errors are assertions. */
export class GatewayError extends Error {
  override readonly name = "GatewayError";
  readonly code: ErrorCode;
  /** Whether the same call may succeed later without anybody changing anything. */
  readonly retryable: boolean;

  constructor(
    code: ErrorCode,
    message: string,
    options: { cause?: unknown; retryable?: boolean } = {},
  ) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause });
    this.code = code;
    this.retryable = options.retryable ?? false;
  }
}

/** The code of an error of ours, or undefined for any other value. */
export function errorCodeOf(error: unknown): ErrorCode | undefined {
  return error instanceof GatewayError ? error.code : undefined;
}

/** The text of anything that was thrown. */
export function errorMessageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
