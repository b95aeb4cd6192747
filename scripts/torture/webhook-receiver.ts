import { createServer, type Server } from 'node:http';
import { once } from 'node:events';
import type { AddressInfo } from 'node:net';
import { text } from 'node:stream/consumers';

interface Message {
  readonly type: string;
  readonly data: { readonly id: string };
}

/** Takes what the service tells, and remembers the ends of tasks. */
export class WebhookReceiver {
  /** Of each task the ends it was told of: `webhook-id` and type. A repeated delivery is the same one. */
  readonly ends = new Map<string, Set<string>>();
  readonly #server: Server;

  private constructor(server: Server) {
    this.#server = server;
  }

  static async open(): Promise<WebhookReceiver> {
    const server = createServer();
    const receiver = new WebhookReceiver(server);
    server.on('request', (request, response) => {
      void text(request)
        .then((body) => receiver.#take(JSON.parse(body) as Message, String(request.headers['webhook-id'])))
        .catch(() => undefined) // the sender was killed in the middle
        .finally(() => response.end());
    });
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    return receiver;
  }

  get origin(): string {
    return `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}`;
  }

  close(): void {
    this.#server.close();
    this.#server.closeAllConnections();
  }

  #take({ type, data }: Message, messageId: string): void {
    if (type === 'task.started' || type === 'task.progress') return;
    const ends = this.ends.get(data.id) ?? new Set();
    this.ends.set(data.id, ends.add(`${messageId} ${type}`));
  }
}
