// A TCP proxy before one server that can go silent as a machine without power does: nothing is forwarded any more, and
// nobody is told that a connection has ended.

import { once } from "node:events";
import { type AddressInfo, connect, createServer, type Server, type Socket } from "node:net";

/** Two sockets; `isCut`: neither hears of the other any more. */
interface Pair {
  readonly client: Socket;
  readonly server: Socket;
  isCut: boolean;
}

/** Listens on loopback until `close`. */
export class SilentProxy {
  readonly #server: Server;
  readonly #port: number;
  readonly #pairs = new Set<Pair>();
  readonly #sockets = new Set<Socket>();
  #isSilent = false;
  #trap: { readonly text: string; readonly isForwarded: boolean } | undefined;

  private constructor(server: Server, port: number) {
    this.#server = server;
    this.#port = port;
    server.on("connection", (client) => this.#join(client));
  }

  static async open(port: number): Promise<SilentProxy> {
    // Else Node would answer the end of a connection by itself.
    const server = createServer({ allowHalfOpen: true }).listen(0, "127.0.0.1");
    await once(server, "listening");
    return new SilentProxy(server, port);
  }

  get port(): number {
    return (this.#server.address() as AddressInfo).port;
  }

  /** Whether something went silent at `silenceAt`. */
  get hasFallenSilent(): boolean {
    return this.#trap === undefined;
  }

  /** Every connection that stands goes silent for ever, and new ones are as long as nobody calls `listen`. */
  silence(): void {
    this.#isSilent = true;
    for (const pair of this.#pairs) pair.isCut = true;
  }

  /** New connections are forwarded again. */
  listen(): void {
    this.#isSilent = false;
  }

  /** The connection whose client says this first goes silent, before or after the server has got it. */
  silenceAt(text: string, isForwarded: boolean): void {
    this.#trap = { text, isForwarded };
  }

  async close(): Promise<void> {
    for (const socket of this.#sockets) socket.destroy();
    this.#server.close();
    await once(this.#server, "close");
  }

  #join(client: Socket): void {
    this.#keep(client);
    if (this.#isSilent) return void client.resume();
    const server = connect(this.#port, "127.0.0.1");
    this.#keep(server);
    const pair: Pair = { client, server, isCut: false };
    this.#pairs.add(pair);
    client.on("data", (data) => {
      const trap = this.#trap;
      const isCaught = trap !== undefined && data.includes(trap.text);
      if (isCaught) {
        this.#trap = undefined;
        pair.isCut = true;
      }
      if (!pair.isCut || (isCaught && trap.isForwarded)) server.write(data);
    });
    server.on("data", (data) => {
      if (!pair.isCut) client.write(data);
    });
    for (const event of ["end", "close"]) {
      client.on(event, () => pair.isCut || server.destroySoon());
      server.on(event, () => pair.isCut || client.destroySoon());
    }
  }

  #keep(socket: Socket): void {
    this.#sockets.add(socket);
    socket.on("error", () => socket.destroy()).on("close", () => this.#sockets.delete(socket));
  }
}
