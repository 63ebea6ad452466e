// A byte stream to a device. Three members, no more: serial, TCP and memory are the same to a driver.

/** An open connection. Single use: after it ended a new one is opened. */
export interface Transport {
  /**
   * What arrives, in pieces of any size. Ends when `close` was called; throws GatewayError
   * DRIVER_PORT_LOST when the device went away.
   */
  readonly chunks: AsyncIterable<Uint8Array>;
  /** Resolves when the bytes were handed to the device; rejects with DRIVER_PORT_LOST. */
  write(bytes: Uint8Array): Promise<void>;
  /** Idempotent; resolves when the port is free again. */
  close(): Promise<void>;
}

/** Opens a new connection: GatewayError DRIVER_PORT_MISSING, _BUSY, _DENIED or _FAILED when it cannot. */
export type OpenTransport = () => Promise<Transport>;
