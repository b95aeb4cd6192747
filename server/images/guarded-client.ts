import { addAbortSignal } from 'node:stream';
import type { Readable } from 'node:stream';
import axios from 'axios';
import type { AxiosInstance, AxiosResponse } from 'axios';
import type { GuardedAnswer, GuardedRequest } from './guarded-request.js';
import { downloadPicture } from './picture-download.js';
import { agentsFor, connectPinned, describeFailure, tcpConnector } from './pinned-connection.js';
import type { Connector } from './pinned-connection.js';
import { startClock } from './transfer-clock.js';
import type { TransferClock } from './transfer-clock.js';
import { TransferError } from './transfer-error.js';
import { parseUrl, permit, systemResolver } from './url-guard.js';
import type { GuardRules, Resolver } from './url-guard.js';

export interface GuardedClientOptions {
  /** Origins that may be private (see `GuardRules`); none by default. */
  readonly allowedOrigins?: readonly string[];
  readonly allowedPorts?: readonly number[];
  /** Bytes an answer may have, after decompression: 20 MB by default. */
  readonly maxBytes?: number;
  /** 5 by default. */
  readonly maxRedirects?: number;
  /** Milliseconds: 5 s for a connection, 10 s of silence, 60 s in all by default; name resolution counts. */
  readonly connectMs?: number;
  readonly idleMs?: number;
  readonly totalMs?: number;
  readonly ca?: string | Buffer;
  readonly resolve?: Resolver;
  readonly connect?: Connector;
}

/** The one client for every outgoing request that a request from outside can influence. */
export interface GuardedClient {
  /**
   * Any status is an answer.
   * @throws ServiceError `url_invalid`, UrlRefusedError, TransferError, or the reason of the signal
   */
  request(url: string, init?: GuardedRequest): Promise<GuardedAnswer>;
  /**
   * The bytes behind the URL of a picture, unchecked.
   * @throws ServiceError `url_invalid`, `url_refused`, `image_unreachable`, `image_too_large`, or the reason of the signal
   */
  download(url: string, init?: Pick<GuardedRequest, 'signal' | 'field'>): Promise<Buffer>;
}

interface Settings {
  readonly rules: GuardRules;
  readonly maxBytes: number;
  readonly maxRedirects: number;
  readonly connectMs: number;
  readonly idleMs: number;
  readonly totalMs: number;
  readonly ca?: string | Buffer;
  readonly connect: Connector;
  readonly http: AxiosInstance;
}

const REDIRECTS: readonly number[] = [301, 302, 303, 307, 308];
/** What of the caller's headers another origin may see. */
const SAFE_HEADERS: readonly string[] = ['accept', 'content-type', 'user-agent'];

/** Lets an unfinished wait go when the transfer is over; what it waited for may still settle, unheard. */
const unlessAborted = <T>(promise: Promise<T>, signal: AbortSignal): Promise<T> =>
  new Promise((resolve, reject) => {
    const abort = (): void => {
      reject(signal.reason as Error);
    };
    if (signal.aborted) abort();
    signal.addEventListener('abort', abort, { once: true });
    promise.then(resolve, reject).finally(() => {
      signal.removeEventListener('abort', abort);
    });
  });

const tooLarge = (maxBytes: number, cause?: unknown): TransferError =>
  new TransferError('too_large', `it has more than the ${maxBytes} bytes allowed`, cause);

/** Reads an answer to its end, counting what comes out of decompression; a length that is announced is believed first. */
const readBody = async (
  response: AxiosResponse<Readable>,
  maxBytes: number,
  clock: TransferClock,
): Promise<Buffer> => {
  const announced = Number(response.headers['content-length']);
  if (announced > maxBytes) throw tooLarge(maxBytes);
  const chunks: Buffer[] = [];
  let received = 0;
  for await (const chunk of addAbortSignal(clock.signal, response.data) as AsyncIterable<Buffer>) {
    clock.touch();
    received += chunk.length;
    if (received > maxBytes) throw tooLarge(maxBytes);
    chunks.push(chunk);
  }
  return Buffer.concat(chunks);
};

interface Hop extends Omit<GuardedRequest, 'signal' | 'maxRedirects'> {
  readonly url: URL;
}

/** Where an answer sends the request next; undefined where it is the last. */
const nextHop = (hop: Hop, response: AxiosResponse<Readable>): Hop | undefined => {
  const location: unknown = response.headers.location;
  if (!REDIRECTS.includes(response.status) || typeof location !== 'string') return undefined;
  if (!URL.canParse(location, hop.url.href))
    throw new TransferError('redirects', 'it redirects to no valid URL');
  const url = new URL(location, hop.url);
  const { method = 'GET', headers = {}, body, ...rest } = hop;
  const safe = Object.entries(headers).filter(([name]) => SAFE_HEADERS.includes(name.toLowerCase()));
  const kept = { ...rest, url, headers: url.origin === hop.url.origin ? headers : Object.fromEntries(safe) };
  const toGet = response.status === 303 ? method !== 'HEAD' : response.status < 303 && method === 'POST';
  return toGet ? { ...kept, method: 'GET' } : { ...kept, method, ...(body === undefined ? {} : { body }) };
};

/** One request to one permitted place. `follow` says whether a redirect is to be followed. */
const perform = async (
  s: Settings,
  hop: Hop,
  clock: TransferClock,
  follow: boolean,
): Promise<GuardedAnswer | Hop> => {
  const { signal } = clock;
  signal.throwIfAborted();
  const target = await unlessAborted(permit(hop.url, s.rules, hop.field), signal);
  const { connect, connectMs, ca } = s;
  const socket = await connectPinned(target, {
    connect,
    connectMs,
    signal,
    ...(ca === undefined ? {} : { ca }),
  });
  clock.touch();
  const cut = (): void => {
    socket.destroy();
  };
  signal.addEventListener('abort', cut, { once: true });
  try {
    const response = await s.http.request<Readable>({
      url: hop.url.href,
      method: hop.method ?? 'GET',
      headers: { 'User-Agent': 'img2vid', ...hop.headers, Host: hop.url.host },
      ...(hop.body === undefined ? {} : { data: Buffer.from(hop.body) }),
      ...agentsFor(socket),
      signal,
    });
    clock.touch();
    const next = follow ? nextHop(hop, response) : undefined;
    if (next) return next;
    const body = await readBody(response, s.maxBytes, clock);
    return {
      status: response.status,
      headers: Object.fromEntries(Object.entries(response.headers)),
      body,
      url: hop.url.href,
    };
  } catch (error) {
    // The abort is what happened; the broken stream is only how it shows.
    signal.throwIfAborted();
    if (error instanceof TransferError) throw error;
    throw new TransferError('network', describeFailure(error), error);
  } finally {
    signal.removeEventListener('abort', cut);
    socket.destroy();
  }
};

const request = async (s: Settings, text: string, init: GuardedRequest = {}): Promise<GuardedAnswer> => {
  const { signal, maxRedirects = s.maxRedirects, ...rest } = init;
  let hop: Hop = { ...rest, url: parseUrl(text, init.field) };
  const clock = startClock(s, signal);
  try {
    for (let followed = 0; ; followed++) {
      const outcome = await perform(s, hop, clock, maxRedirects > 0);
      if ('status' in outcome) return outcome;
      if (followed === maxRedirects)
        throw new TransferError('redirects', `it redirects more than ${maxRedirects} times`);
      hop = outcome;
    }
  } finally {
    clock.stop();
  }
};

/**
 * Makes a client that goes nowhere but to the public internet (and to the origins it is allowed): http and https without
 * credentials, every address of a name checked and the checked one connected to, every redirect checked like the first
 * URL, no proxy from the environment, sizes and times limited.
 */
export const createGuardedClient = (options: GuardedClientOptions = {}): GuardedClient => {
  const { allowedOrigins = [], allowedPorts, ca } = options;
  const settings: Settings = {
    rules: {
      allowedOrigins: new Set(allowedOrigins.map((origin) => new URL(origin).origin)),
      resolve: options.resolve ?? systemResolver,
      ...(allowedPorts === undefined ? {} : { allowedPorts }),
    },
    maxBytes: options.maxBytes ?? 20 * 2 ** 20,
    maxRedirects: options.maxRedirects ?? 5,
    connectMs: options.connectMs ?? 5_000,
    idleMs: options.idleMs ?? 10_000,
    totalMs: options.totalMs ?? 60_000,
    connect: options.connect ?? tcpConnector,
    ...(ca === undefined ? {} : { ca }),
    // An instance of our own: what others hang on the shared one does not reach it.
    http: axios.create({
      adapter: 'http',
      proxy: false,
      maxRedirects: 0,
      responseType: 'stream',
      decompress: true,
      validateStatus: () => true,
      maxContentLength: -1,
      maxBodyLength: -1,
      timeout: 0,
    }),
  };
  return {
    request: (url, init) => request(settings, url, init),
    download: (url, init) => downloadPicture((text, more) => request(settings, text, more), url, init),
  };
};
