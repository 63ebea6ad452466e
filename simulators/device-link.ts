// The device's end of a real line: what a pty and a TCP listener have in common.

/** An open line on which a driver may connect, go and come again. */
export interface DeviceLink {
  /** Where a driver finds it: a path, or `127.0.0.1:port`. */
  readonly address: string;
  /** Sends; bytes that nobody takes are lost, as on a wire. */
  write(bytes: Uint8Array): void;
  /** Pulls the plug. */
  close(): Promise<void>;
}
