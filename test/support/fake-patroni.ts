import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';

/** What a node answers at a path of its REST API: a body, one with another code, or nothing at all. */
type Told = object | string | { readonly code: number; readonly body: object } | undefined;

/** Patroni of one node, as far as its REST API goes. What it tells may change while it is asked. */
export class FakePatroni implements AsyncDisposable {
  readonly told: Record<string, Told | (() => Told | Promise<Told>)> = {};
  readonly #server: Server;

  private constructor() {
    this.#server = createServer(async (request, response) => {
      const says = this.told[request.url ?? ''];
      const told = typeof says === 'function' ? await says() : says;
      if (told === undefined) {
        request.socket.destroy();
        return;
      }
      const coded = typeof told === 'object' && 'code' in told && 'body' in told ? told : undefined;
      response.writeHead(typeof coded?.code === 'number' ? coded.code : 200);
      const body = coded?.body ?? told;
      response.end(typeof body === 'string' ? body : JSON.stringify(body));
    });
  }

  static async listening(): Promise<FakePatroni> {
    const patroni = new FakePatroni();
    await new Promise<void>((resolve) => patroni.#server.listen(0, '127.0.0.1', resolve));
    return patroni;
  }

  get port(): number {
    return (this.#server.address() as AddressInfo).port;
  }

  get url(): string {
    return `http://127.0.0.1:${this.port}`;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#server.closeAllConnections();
    await new Promise((resolve) => this.#server.close(resolve));
  }
}
