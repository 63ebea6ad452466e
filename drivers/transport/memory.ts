// A port without hardware: the driver's end is a transport like any other, the device's end is a few
// direct calls. Nothing waits for a real timer, so simulated devices run in virtual time over it.

import { GatewayError } from "../../contract/errors.ts";
import { Inbox } from "./inbox.ts";
import type { Transport } from "./transport.ts";

/** A port in memory. One driver at a time opens it; one device at a time is plugged into it. */
export class MemoryPort {
  readonly #name: string;
  #onReceived: ((bytes: Uint8Array) => void) | undefined;
  #inbox: Inbox | undefined;

  constructor(name: string) {
    this.#name = name;
  }

  /** Driver's end. DRIVER_PORT_MISSING without a device, DRIVER_PORT_BUSY when it is open already. */
  readonly open = async (): Promise<Transport> => {
    if (this.#onReceived === undefined) {
      throw new GatewayError("DRIVER_PORT_MISSING", `nothing is plugged into ${this.#name}`, {
        retryable: true,
      });
    }
    if (this.isOpen) {
      const message = `${this.#name} is held by another driver of this process`;
      throw new GatewayError("DRIVER_PORT_BUSY", message, { retryable: true });
    }
    const inbox = new Inbox();
    this.#inbox = inbox;
    return {
      chunks: inbox,
      write: async (bytes) => {
        if (inbox.isClosed) throw this.#lost();
        this.#onReceived?.(bytes.slice());
      },
      close: async () => inbox.end(),
    };
  };

  /** Whether a driver has it open. */
  get isOpen(): boolean {
    return this.#inbox?.isClosed === false;
  }

  /** Device's end: plugs a device in; it is called with what the driver writes. */
  plug(onReceived: (bytes: Uint8Array) => void): void {
    this.#onReceived = onReceived;
  }

  /** Device's end: sends to the driver. False when nobody has the port open: the bytes are gone, as on a wire. */
  send(bytes: Uint8Array): boolean {
    if (!this.isOpen) return false;
    this.#inbox?.push(bytes.slice());
    return true;
  }

  /** Device's end: pulls the plug. An open transport is lost, and opening fails until `plug`. */
  unplug(): void {
    this.#onReceived = undefined;
    this.#inbox?.fail(this.#lost());
  }

  #lost(): GatewayError {
    return new GatewayError("DRIVER_PORT_LOST", `${this.#name} was unplugged`, { retryable: true });
  }
}
