import { once } from 'node:events';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';

/** A request as a fake saw it. */
export interface Seen {
  readonly call: string;
  readonly method: string;
  readonly path: string;
  readonly headers: IncomingMessage['headers'];
  /** Parsed where it is JSON. */
  readonly body: any; // eslint-disable-line @typescript-eslint/no-explicit-any
  /** Milliseconds, of performance.now(). */
  readonly at: number;
}

/** `drop` cuts the connection without an answer, `hang` never answers. */
export type Reply =
  | {
      readonly status?: number;
      readonly headers?: Record<string, string>;
      readonly json?: unknown;
      readonly body?: string | Buffer;
    }
  | 'drop'
  | 'hang';

export interface FakeServer {
  readonly url: string;
  readonly server: Server;
  readonly seen: readonly Seen[];
  /** The requests of one kind, in order. */
  readonly of: (call: string) => Seen[];
  /** Answers the next requests of a kind with these, before anything else. */
  readonly fault: (call: string, ...replies: readonly Reply[]) => void;
  readonly faultForever: (call: string, reply: Reply) => void;
  readonly close: () => Promise<void>;
}

const readBody = async (request: IncomingMessage): Promise<unknown> => {
  const chunks: Buffer[] = [];
  for await (const chunk of request) chunks.push(chunk as Buffer);
  const text = Buffer.concat(chunks).toString();
  try {
    return JSON.parse(text);
  } catch {
    return text;
  }
};

const send = (response: ServerResponse, reply: Reply): void => {
  if (reply === 'hang') return;
  if (reply === 'drop') {
    response.destroy();
    return;
  }
  const { status = 200, headers = {}, json, body } = reply;
  const bytes = json === undefined ? (body ?? '') : JSON.stringify(json);
  const type = json === undefined ? {} : { 'content-type': 'application/json' };
  response.writeHead(status, { ...type, ...headers }).end(bytes);
};

/** A server on loopback that tells its requests apart with `nameCall` and answers them with `answer`. */
export const startFakeServer = async (
  nameCall: (seen: Omit<Seen, 'call'>) => string,
  answer: (seen: Seen) => Reply,
): Promise<FakeServer> => {
  const seen: Seen[] = [];
  const faults = new Map<string, Reply[]>();
  const always = new Map<string, Reply>();
  const handle = async (request: IncomingMessage, response: ServerResponse): Promise<void> => {
    const at = performance.now();
    const { method = '', url = '', headers } = request;
    const raw = { method, path: url, headers, body: await readBody(request), at };
    const one = { ...raw, call: nameCall(raw) };
    seen.push(one);
    send(response, faults.get(one.call)?.shift() ?? always.get(one.call) ?? answer(one));
  };
  const server = createServer((request, response) => void handle(request, response));
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    server,
    seen,
    of: (call) => seen.filter((one) => one.call === call),
    fault: (call, ...replies) => {
      faults.set(call, [...(faults.get(call) ?? []), ...replies]);
    },
    faultForever: (call, reply) => {
      always.set(call, reply);
    },
    close: async () => {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
};
