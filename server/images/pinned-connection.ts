import { once } from 'node:events';
import { Agent as HttpAgent } from 'node:http';
import { Agent as HttpsAgent } from 'node:https';
import { connect as connectSocket, isIP } from 'node:net';
import type { Socket } from 'node:net';
import { connect as connectTls } from 'node:tls';
import { systemErrorCode } from '../../pipeline/system-error.js';
import { TransferError } from './transfer-error.js';
import type { PermittedTarget, ResolvedAddress } from './url-guard.js';

/** Opens a TCP connection to one address. The only place where a socket is made; tests put a fake in its place. */
export type Connector = (
  target: ResolvedAddress & { readonly port: number },
  signal: AbortSignal,
) => Promise<Socket>;

export interface ConnectOptions {
  readonly connect: Connector;
  /** Milliseconds for one attempt: TCP and, apart from it, TLS. */
  readonly connectMs: number;
  /** Certificates trusted besides, for self-hosted providers. */
  readonly ca?: string | Buffer;
  readonly signal: AbortSignal;
}

/** An error that comes between two listeners must not end the process. */
const ignore = (): void => undefined;

export const tcpConnector: Connector = async ({ address, family, port }, signal) => {
  const socket = connectSocket({ host: address, family, port });
  socket.on('error', ignore);
  try {
    await once(socket, 'connect', { signal });
  } catch (error) {
    socket.destroy();
    throw error;
  }
  return socket;
};

const REASONS: Readonly<Record<string, string>> = {
  ECONNREFUSED: 'the host refused the connection',
  ECONNRESET: 'the connection was cut',
  EHOSTUNREACH: 'the host cannot be reached',
  ENETUNREACH: 'the host cannot be reached',
  ETIMEDOUT: 'the host does not answer',
  EPIPE: 'the connection was cut',
  ERR_BAD_RESPONSE: 'the answer was cut short',
  ERR_CANCELED: 'the connection was cut',
};

/** What went wrong, in words that name no address: Node's own messages do. */
export const describeFailure = (error: unknown): string => {
  const code = systemErrorCode(error) ?? '';
  if (code in REASONS) return REASONS[code];
  if (/CERT|TLS|SSL|SELF_SIGNED|UNABLE_TO/.test(code)) return 'its certificate or encryption is not accepted';
  if (/^(?:Z_|ERR__|ERR_BROTLI|HPE_)/.test(code)) return 'the answer is malformed';
  return 'the connection failed';
};

/** Runs one attempt with its own time limit; the limit's end says so, an outer abort keeps its reason. */
const within = async <T>(o: ConnectOptions, attempt: (signal: AbortSignal) => Promise<T>): Promise<T> => {
  const limit = new AbortController();
  const timer = setTimeout(() => {
    limit.abort();
  }, o.connectMs);
  try {
    return await attempt(AbortSignal.any([o.signal, limit.signal]));
  } catch (error) {
    o.signal.throwIfAborted();
    if (limit.signal.aborted)
      throw new TransferError('timeout', `no connection within ${o.connectMs / 1000} s`, error);
    throw new TransferError('network', describeFailure(error), error);
  } finally {
    clearTimeout(timer);
  }
};

/** Encrypts a connection in the name of the original host: SNI and certificate know nothing of the pinned address. */
const encrypt = (socket: Socket, hostname: string, o: ConnectOptions): Promise<Socket> =>
  within(o, async (signal) => {
    const secured = connectTls({
      socket,
      host: hostname,
      ...(isIP(hostname) === 0 ? { servername: hostname } : {}),
      ...(o.ca === undefined ? {} : { ca: o.ca }),
      ALPNProtocols: ['http/1.1'],
      rejectUnauthorized: true,
    });
    secured.on('error', ignore);
    try {
      await once(secured, 'secureConnect', { signal });
    } catch (error) {
      secured.destroy();
      socket.destroy();
      throw error;
    }
    return secured;
  });

/** Connects to the first permitted address that answers, and to no other. @throws TransferError of the last attempt */
export const connectPinned = async (target: PermittedTarget, o: ConnectOptions): Promise<Socket> => {
  let failure: unknown = new TransferError('network', 'the host has no address');
  for (const address of target.addresses) {
    o.signal.throwIfAborted();
    let socket: Socket;
    try {
      socket = await within(o, (signal) => o.connect({ ...address, port: target.port }, signal));
    } catch (error) {
      failure = error;
      continue;
    }
    return target.secure ? encrypt(socket, target.hostname, o) : socket;
  }
  throw failure;
};

/** Agents that hand out one connection that is already open: no name is resolved and no socket made behind them. */
export const agentsFor = (
  socket: Socket,
): { readonly httpAgent: HttpAgent; readonly httpsAgent: HttpsAgent } => ({
  httpAgent: Object.assign(new HttpAgent({ keepAlive: false }), { createConnection: () => socket }),
  httpsAgent: Object.assign(new HttpsAgent({ keepAlive: false }), { createConnection: () => socket }),
});
