import { once } from 'node:events';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';

export interface Received {
  readonly headers: Record<string, string>;
  readonly text: string;
  // eslint-disable-next-line @typescript-eslint/no-explicit-any
  readonly body: any;
}

export interface Receiver {
  readonly origin: string;
  readonly url: string;
  readonly received: readonly Received[];
  /** Waits until so many messages have come. */
  readonly until: (count: number) => Promise<void>;
  readonly close: () => Promise<void>;
}

/** How a receiver answers its `n`th message, from 0: with a status, or by hand. */
export type Answering = (n: number, message: Received, response: ServerResponse) => number | undefined;

/** Somebody's server that takes webhooks. */
export async function startReceiver(answer: Answering = () => 204): Promise<Receiver> {
  const received: Received[] = [];
  const waiting = new Set<() => void>();
  const take = async (request: IncomingMessage, response: ServerResponse): Promise<void> => {
    const chunks: Buffer[] = [];
    for await (const chunk of request) chunks.push(chunk as Buffer);
    const text = Buffer.concat(chunks).toString();
    const message = { headers: request.headers as Record<string, string>, text, body: JSON.parse(text) };
    received.push(message);
    const status = answer(received.length - 1, message, response);
    if (status !== undefined) response.writeHead(status).end();
    for (const look of waiting) look();
  };
  const server = createServer((request, response) => {
    take(request, response).catch(() => response.destroy());
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const origin = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  const until = async (count: number): Promise<void> => {
    while (received.length < count) {
      await new Promise<void>((resolve) => {
        const look = (): void => {
          waiting.delete(look);
          resolve();
        };
        waiting.add(look);
      });
    }
  };
  const close = async (): Promise<void> => {
    server.close();
    server.closeAllConnections();
    await once(server, 'close');
  };
  return { origin, url: `${origin}/hook?token=hidden`, received, until, close };
}
