// Where clients of the embedded broker come in: a TCP port, with TLS behind it or without. Who may not come in is sent
// away before anything is done for it, and who does not say in time who it is as well.

import { createServer, type Server, type Socket } from "node:net";
import {
  createServer as createTlsServer,
  type SecureContextOptions,
  type Server as TlsServer,
} from "node:tls";
import { errorMessageOf } from "../contract/errors.ts";
import { ConnectionRates, ConnectionsPerAddress } from "./broker-addresses.ts";
import { systemClock } from "./clock.ts";
import type { EmbeddedBrokerSettings } from "./config.ts";
import { listen } from "./listen.ts";
import type { SparingLog } from "./log.ts";

export interface BrokerDoorOptions {
  readonly settings: EmbeddedBrokerSettings;
  readonly isSecure: boolean;
  readonly warnings: SparingLog;
  readonly count: (name: string) => void;
  /** A connection that came in; with TLS after its handshake. */
  readonly onSocket: (socket: Socket) => void;
  readonly onError: (error: Error) => void;
}

/** Sockets beyond the clients' limit, so that one of them is there to be told so (and one for the bridge). */
const spareConnectionCount = 16;

/** A port, and all connections to it from the first packet on. */
export class BrokerDoor {
  readonly #options: BrokerDoorOptions;
  readonly #server: Server;
  readonly #tls: TlsServer | undefined;
  readonly #sockets = new Set<Socket>();
  readonly #addresses: ConnectionsPerAddress;
  readonly #rates: ConnectionRates;

  constructor(options: BrokerDoorOptions) {
    this.#options = options;
    const { settings, count } = options;
    this.#addresses = new ConnectionsPerAddress(settings.addressConnectionCountMax);
    this.#rates = new ConnectionRates(settings.addressConnectionsPerSecondMax);
    this.#server = createServer({ noDelay: true, keepAlive: true, keepAliveInitialDelay: 60_000 });
    this.#server.maxConnections = settings.connectionCountMax + spareConnectionCount;
    this.#server.on("connection", (socket) => this.#onConnection(socket));
    this.#server.on("drop", () => count("broker_connections_dropped"));
    this.#server.on("error", options.onError);
    if (options.isSecure) this.#tls = this.#createTls();
  }

  /** Starts to listen; the port. Throws BROKER_PORT_BUSY or LISTEN_FAILED. */
  async open(place: { host: string; port: number }): Promise<number> {
    return await listen(this.#server, { ...place, busyCode: "BROKER_PORT_BUSY" });
  }

  /** Shows another certificate, and asks clients for those of other authorities, from now on. */
  setSecureContext(context: SecureContextOptions): void {
    this.#tls?.setSecureContext(context);
  }

  /** Ends every connection, also those whose handshake goes on. */
  cutAll(): void {
    for (const socket of this.#sockets) socket.destroy();
  }

  /** Takes no connection any more; resolves when the last has ended. */
  async close(): Promise<void> {
    await new Promise<void>((resolve) => this.#server.close(() => resolve()));
  }

  #onConnection(socket: Socket): void {
    const { onSocket } = this.#options;
    const leave = this.#enter(socket.remoteAddress);
    if (leave === undefined) {
      socket.destroy();
      return;
    }
    this.#sockets.add(socket);
    socket.once("close", () => {
      leave();
      this.#sockets.delete(socket);
    });
    if (this.#tls === undefined) onSocket(socket);
    else this.#tls.emit("connection", socket);
  }

  /** Lets a connection in from an address; undefined where it has as many as it may, or they come too fast. */
  #enter(address: string | undefined): (() => void) | undefined {
    // Gone already.
    if (address === undefined) return undefined;
    const { count, settings, warnings } = this.#options;
    const { addressConnectionCountMax, addressConnectionsPerSecondMax } = settings;
    const refuse = (counter: string, message: string) => {
      count(counter);
      warnings.warn("BROKER_LIMIT", { address, message }, "client refused");
    };
    const leave = this.#addresses.enter(address);
    if (leave === undefined) {
      refuse("broker_address_refused", `${addressConnectionCountMax} connections from one address`);
    } else if (!this.#rates.takes(address, systemClock.monotonicMs())) {
      leave();
      const message = `more than ${addressConnectionsPerSecondMax} connections a second from one address`;
      refuse("broker_address_rate_refused", message);
      return undefined;
    }
    return leave;
  }

  /** Never listens itself: it is given the connections that were let in. */
  #createTls(): TlsServer {
    const { settings, count, warnings, onSocket } = this.#options;
    const tls = createTlsServer({
      ...{ requestCert: true, rejectUnauthorized: true },
      handshakeTimeout: settings.connectTimeoutMs,
    });
    tls.on("secureConnection", onSocket);
    tls.on("tlsClientError", (error, socket) => {
      const address = socket.remoteAddress;
      // Node.js tells of a handshake that takes too long, and leaves the connection to whoever hears it.
      socket.destroy();
      count("broker_handshakes_failed");
      const isLate = (error as NodeJS.ErrnoException).code === "ERR_TLS_HANDSHAKE_TIMEOUT";
      const code = isLate ? "BROKER_LIMIT" : "CERTIFICATE_FOREIGN";
      // Of a certificate that is not taken (CERT_REVOKED, CERT_HAS_EXPIRED) the error itself says nothing.
      const reason = socket.authorizationError as unknown;
      const message = reason ? String(reason) : errorMessageOf(error);
      warnings.warn(code, { message, address }, "client refused");
    });
    tls.on("error", this.#options.onError);
    return tls;
  }
}
