// A barcode scanner on loopback TCP that sends serialised items without end: each scan is another unit,
// so that every accepted event can be found again in the ledger by its serial.

import type { AddressInfo } from "node:net";
import { createServer, type Server, type Socket } from "node:net";

const gtin = "09506000134352";

/** A running source of scans. */
export class ScanSource {
  readonly #server: Server;
  readonly #sockets = new Set<Socket>();
  #timer: NodeJS.Timeout | undefined;
  #perSecond = 1;
  sentCount = 0;

  private constructor(server: Server) {
    this.#server = server;
    server.on("connection", (socket) => {
      this.#sockets.add(socket);
      socket.on("close", () => this.#sockets.delete(socket));
      // A killed edge resets its connection; the next one connects anew.
      socket.on("error", () => socket.destroy());
    });
  }

  static async open(): Promise<ScanSource> {
    const server = createServer();
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
    return new ScanSource(server);
  }

  get port(): number {
    return (this.#server.address() as AddressInfo).port;
  }

  /** Sends `perSecond` scans a second to whoever is connected, or as many as before. */
  start(perSecond = this.#perSecond): void {
    this.#perSecond = perSecond;
    this.#timer = setInterval(() => {
      for (const socket of this.#sockets) {
        this.sentCount += 1;
        socket.write(`]d201${gtin}21S${this.sentCount}\r`);
      }
    }, 1000 / perSecond);
  }

  stop(): void {
    clearInterval(this.#timer);
  }

  async close(): Promise<void> {
    this.stop();
    for (const socket of this.#sockets) socket.destroy();
    await new Promise<void>((resolve) => this.#server.close(() => resolve()));
  }
}
