// A cable that can be cut: a TCP relay on loopback. Cut, its connections really break and new ones
// are refused, until it is mended. Between the two it may be slow, or worse.

import { once } from "node:events";
import { type AddressInfo, connect, createServer, type Server, type Socket } from "node:net";
import { type LinkWeather, WeatheredLine } from "./link-weather.ts";

/** A relay on a free port of the loopback address. */
export class TcpProxy {
  readonly #targetPort: () => number;
  readonly #sockets = new Set<Socket>();
  #server: Server | undefined;
  #port = 0;
  /** What happens to what it carries, from the next piece on. */
  weather: LinkWeather = {};

  private constructor(targetPort: () => number) {
    this.#targetPort = targetPort;
  }

  /** Opens a relay; `targetPort` is asked at every connection, as the target may move. */
  static async open(targetPort: () => number): Promise<TcpProxy> {
    const proxy = new TcpProxy(targetPort);
    await proxy.mend();
    return proxy;
  }

  /** Where to connect; the same before and after a cut. */
  get port(): number {
    return this.#port;
  }

  get isCut(): boolean {
    return this.#server === undefined;
  }

  /** Breaks every connection and refuses new ones. Idempotent. */
  async cut(): Promise<void> {
    const server = this.#server;
    this.#server = undefined;
    for (const socket of this.#sockets) socket.destroy();
    if (server === undefined) return;
    await new Promise<void>((resolve) => server.close(() => resolve()));
  }

  /** Lets connections through again. Idempotent. */
  async mend(): Promise<void> {
    if (this.#server !== undefined) return;
    const server = createServer((inner) => this.#join(inner));
    this.#server = server;
    server.listen(this.#port, "127.0.0.1");
    await once(server, "listening");
    this.#port = (server.address() as AddressInfo).port;
  }

  /** Ends for good. */
  async close(): Promise<void> {
    await this.cut();
  }

  #join(inner: Socket): void {
    const outer = connect(this.#targetPort(), "127.0.0.1");
    const reset = () => {
      for (const socket of [inner, outer]) if (!socket.destroyed) socket.resetAndDestroy();
    };
    for (const [socket, other] of [
      [inner, outer],
      [outer, inner],
    ] as const) {
      this.#sockets.add(socket);
      socket.setNoDelay(true);
      // A broken end breaks the other one, as a cable would; whoever is connected deals with it.
      socket.on("error", () => other.destroy());
      const line = new WeatheredLine(() => this.weather, reset);
      socket.on("close", () => {
        this.#sockets.delete(socket);
        line.destroy();
        other.destroy();
      });
      socket.pipe(line).pipe(other);
    }
  }
}
