// The network of the simulation: a broker between edges and bridge that loses, repeats, delays (and so
// reorders), cuts off, half-opens and forgets. Edges have clean sessions; a second client under the same
// id throws the first one out, as MQTT wants it.

import type { Random } from "../../simulators/random.ts";
import type { VirtualTime } from "./virtual-clock.ts";

/** How bad the network is. Shares are probabilities per message. */
export interface LinkFaults {
  readonly dropShare: number;
  readonly repeatShare: number;
  /** Of the messages that come late, up to `lateMsMax`, and so overtake each other. */
  readonly lateShare: number;
  readonly delayMsMax: number;
  readonly lateMsMax: number;
  /** Of each edge's way up, one message after the other; Infinity where it is not felt. */
  readonly bytesPerSecond: number;
}

/** The network after the faults are over. */
export const soundLink: LinkFaults = {
  dropShare: 0,
  repeatShare: 0,
  lateShare: 0,
  delayMsMax: 50,
  lateMsMax: 0,
  bytesPerSecond: Number.POSITIVE_INFINITY,
};

/** What a client hears. */
export interface ClientEvents {
  readonly onOffline: () => void;
  readonly onMessage: (topic: string, payload: Uint8Array) => void;
}

/** A bridge, or one of several; two that hear the same topic both get what is said there. */
export interface Bridge {
  readonly hears: (topic: string) => boolean;
  readonly take: (topic: string, payload: Uint8Array) => void;
}

interface Session {
  readonly clientId: string;
  readonly topics: ReadonlySet<string>;
  readonly events: ClientEvents;
  /** Nothing passes, and the client has not noticed yet. */
  isHalfOpen: boolean;
  /** What it was given to send is out by then. */
  busyUntilMs: number;
}

/** Most messages kept for a bridge that is away. */
const backlogCountMax = 1000;

/** The broker and all lines to it. */
export class VirtualBroker {
  faults: LinkFaults;
  /** Nothing reaches the edges, though what they send arrives. */
  isMuteToEdges = false;
  /** Whether messages for an absent bridge are kept (a durable session) or lost (an embedded broker). */
  readonly #isDurable: boolean;
  readonly #time: VirtualTime;
  readonly #random: Random;
  #sessions: Session[] = [];
  readonly #bridges = new Set<Bridge>();
  #backlog: { topic: string; payload: Uint8Array }[] = [];
  /** Grows when the broker forgets: what is under way then never arrives. */
  #era = 0;

  constructor(options: {
    time: VirtualTime;
    random: Random;
    faults: LinkFaults;
    isDurable: boolean;
  }) {
    this.#time = options.time;
    this.#random = options.random;
    this.faults = options.faults;
    this.#isDurable = options.isDurable;
  }

  /** A client connects and subscribes; it is online when this returns. */
  connect(clientId: string, topics: readonly string[], events: ClientEvents): Line {
    const former = this.#sessions.find((session) => session.clientId === clientId);
    if (former !== undefined) this.#end(former);
    const session = {
      clientId,
      topics: new Set(topics),
      events,
      isHalfOpen: false,
      busyUntilMs: 0,
    };
    this.#sessions.push(session);
    return {
      publish: (topic, payload) => {
        const deliver = () => {
          const isThere = this.#sessions.includes(session) && !session.isHalfOpen;
          if (isThere) this.toBridge(topic, payload);
        };
        const transferMs = this.#transferMs(session, payload.length);
        if (transferMs === 0) deliver();
        else this.#time.after(transferMs, deliver);
        return transferMs;
      },
      halfOpen: () => {
        session.isHalfOpen = true;
      },
      end: () => this.#end(session),
    };
  }

  /** A bridge is there (again): takes what waited for it. The returned function takes it away. */
  attachBridge(bridge: Bridge): () => void {
    this.#bridges.add(bridge);
    this.drain();
    return () => this.#bridges.delete(bridge);
  }

  /** Offers what waits once more. */
  drain(): void {
    for (const { topic, payload } of this.#backlog.splice(0)) this.#offer(topic, payload);
  }

  /** Carries a message to the bridge. */
  toBridge(topic: string, payload: Uint8Array): void {
    this.#carry(() => this.#offer(topic, payload));
  }

  /** Carries a message to whoever is subscribed when it arrives. */
  toEdges(topic: string, payload: Uint8Array): void {
    if (this.isMuteToEdges) return;
    this.#carry(() => {
      for (const session of [...this.#sessions]) {
        if (session.isHalfOpen || !session.topics.has(topic)) continue;
        session.events.onMessage(topic, payload);
      }
    });
  }

  /** The broker dies and comes back with nothing: sessions, queues and what was under way are gone. */
  forget(): void {
    this.#era += 1;
    this.#backlog = [];
    for (const session of [...this.#sessions]) this.#end(session);
  }

  #offer(topic: string, payload: Uint8Array): void {
    const bridges = [...this.#bridges].filter(({ hears }) => hears(topic));
    for (const { take } of bridges) take(topic, payload);
    if (bridges.length > 0 || !this.#isDurable) return;
    if (this.#backlog.length < backlogCountMax) this.#backlog.push({ topic, payload });
  }

  #end(session: Session): void {
    if (!this.#sessions.includes(session)) return;
    this.#sessions = this.#sessions.filter((other) => other !== session);
    session.events.onOffline();
  }

  #carry(deliver: () => void): void {
    const { dropShare, repeatShare } = this.faults;
    if (this.#random() < dropShare) return;
    const copyCount = this.#random() < repeatShare ? 2 : 1;
    const era = this.#era;
    for (let copy = 0; copy < copyCount; copy += 1) {
      this.#time.after(this.#delayMs(), () => {
        if (era === this.#era) deliver();
      });
    }
  }

  /** How long a message takes, those before it included. */
  #transferMs(session: Session, sizeBytes: number): number {
    const { nowMs } = this.#time;
    const startMs = Math.max(nowMs, session.busyUntilMs);
    session.busyUntilMs = startMs + Math.floor((sizeBytes * 1_000) / this.faults.bytesPerSecond);
    return session.busyUntilMs - nowMs;
  }

  #delayMs(): number {
    const { lateShare, lateMsMax, delayMsMax } = this.faults;
    const limitMs = this.#random() < lateShare ? lateMsMax : delayMsMax;
    return 1 + Math.floor(this.#random() * limitMs);
  }
}

/** One client's connection. */
export interface Line {
  /** Gives how long the message takes to be out. */
  readonly publish: (topic: string, payload: Uint8Array) => number;
  /** From now on nothing passes, and nobody notices. */
  readonly halfOpen: () => void;
  readonly end: () => void;
}
