// The server's side of leases: advisory locks of sessions, each held by one, and a session that says nothing for too long is
// ended. Its time goes on while a worker stands still.

import { TransientError } from "../../cloud-bridge/ledger/postgres.ts";
import type { AnyLeaseSession } from "../../cloud-bridge/workers/leases.ts";
import type { VirtualTime } from "./virtual-clock.ts";

/** The locks of one ledger. */
export class LeaseServer {
  readonly #time: VirtualTime;
  readonly #leaseMs: number;
  readonly #sessions = new Set<VirtualLeaseSession>();

  constructor(time: VirtualTime, leaseMs: number) {
    this.#time = time;
    this.#leaseMs = leaseMs;
  }

  /** Begins a session. */
  open(): VirtualLeaseSession {
    const session: VirtualLeaseSession = new VirtualLeaseSession({
      sessions: this.#sessions,
      endLater: () => this.#time.after(this.#leaseMs, () => session.abandon()),
    });
    this.#sessions.add(session);
    return session;
  }

  /** Whether a lease is another session's. */
  isOthers(lease: number, session: VirtualLeaseSession | undefined): boolean {
    return [...this.#sessions].some((other) => other !== session && other.held.has(lease));
  }
}

/** One worker's session on such a server. */
export class VirtualLeaseSession implements AnyLeaseSession {
  readonly held = new Set<number>();
  readonly #sessions: Set<VirtualLeaseSession>;
  readonly #endLater: () => () => void;
  #cancelEnd: () => void;

  constructor(server: { sessions: Set<VirtualLeaseSession>; endLater: () => () => void }) {
    this.#sessions = server.sessions;
    this.#endLater = server.endLater;
    this.#cancelEnd = server.endLater();
  }

  async look() {
    this.#speak();
    const taken = new Set([...this.#sessions].flatMap(({ held }) => [...held]));
    return { memberCount: this.#sessions.size, taken, held: new Set(this.held) };
  }

  async take(leases: readonly number[]) {
    this.#speak();
    const sessions = [...this.#sessions];
    const taken = leases.filter((lease) => sessions.every(({ held }) => !held.has(lease)));
    for (const lease of taken) this.held.add(lease);
    return taken;
  }

  async give(lease: number) {
    this.#speak();
    this.held.delete(lease);
  }

  async notify() {
    this.#speak();
  }

  async close() {
    this.abandon();
  }

  abandon(): void {
    this.#cancelEnd();
    this.#sessions.delete(this);
  }

  #speak(): void {
    if (!this.#sessions.has(this))
      throw new TransientError("the session was ended", true, undefined);
    this.#cancelEnd();
    this.#cancelEnd = this.#endLater();
  }
}
