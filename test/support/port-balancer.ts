// One port before several servers, as a TCP load balancer has it: each connection goes to the next that answers.

import { once } from "node:events";
import { type AddressInfo, connect, createServer, type Server, type Socket } from "node:net";

/** Listens on loopback until `close`. */
export class PortBalancer {
  readonly #server: Server;
  readonly #sockets = new Set<Socket>();
  #turn = 0;

  private constructor(server: Server, ports: readonly number[]) {
    this.#server = server;
    server.on("connection", (socket) => void this.#join(socket, ports));
  }

  static async open(ports: readonly number[]): Promise<PortBalancer> {
    const server = createServer().listen(0, "127.0.0.1");
    await once(server, "listening");
    return new PortBalancer(server, ports);
  }

  get port(): number {
    return (this.#server.address() as AddressInfo).port;
  }

  async close(): Promise<void> {
    for (const socket of this.#sockets) socket.destroy();
    this.#server.close();
    await once(this.#server, "close");
  }

  async #join(client: Socket, ports: readonly number[]): Promise<void> {
    this.#keep(client);
    for (let attempt = 0; attempt < ports.length; attempt += 1) {
      this.#turn += 1;
      const server = connect(ports[this.#turn % ports.length]!, "127.0.0.1");
      this.#keep(server);
      const isThere = await new Promise<boolean>((resolve) => {
        server.once("connect", () => resolve(true)).once("close", () => resolve(false));
      });
      if (!isThere) continue;
      client.pipe(server).pipe(client);
      client.on("close", () => server.destroy());
      server.on("close", () => client.destroy());
      return;
    }
    client.destroy();
  }

  #keep(socket: Socket): void {
    this.#sockets.add(socket);
    socket.on("error", () => socket.destroy()).on("close", () => this.#sockets.delete(socket));
  }
}
