import { lookup } from 'node:dns/promises';
import { isIP } from 'node:net';
import { ServiceError } from '../errors.js';
import { systemErrorCode } from '../../pipeline/system-error.js';
import { isLocalName, isPublicAddress } from './address-policy.js';
import { TransferError } from './transfer-error.js';
import { UrlRefusedError } from './url-refused.js';

export interface ResolvedAddress {
  readonly address: string;
  readonly family: number;
}

/** Gives every address of a host name; rejects or gives none where there is none. */
export type Resolver = (hostname: string) => Promise<readonly ResolvedAddress[]>;

export interface GuardRules {
  /**
   * Origins such as `http://10.0.0.5:8188` that may be private: self-hosted providers from the configuration. A client with
   * such origins must never be given a URL of a user's: it would reach them.
   */
  readonly allowedOrigins: ReadonlySet<string>;
  /** Ports that may be asked; every port when left out. */
  readonly allowedPorts?: readonly number[];
  readonly resolve: Resolver;
}

/** A URL that passed, with the very addresses that passed: nothing else may be connected to. */
export interface PermittedTarget {
  readonly url: URL;
  /** Without the brackets of an IPv6 address and without a trailing dot. */
  readonly hostname: string;
  readonly port: number;
  readonly secure: boolean;
  readonly addresses: readonly ResolvedAddress[];
}

const LONGEST_URL = 8192;
/** A name with more addresses than this is no ordinary host; the first ones do. */
const MOST_ADDRESSES = 8;

/** Every address of a name, as the system resolves it. */
export const systemResolver: Resolver = (hostname) => lookup(hostname, { all: true });

/** Reads a URL once, as WHATWG does; every later check looks at the result alone. @throws ServiceError `url_invalid` */
export const parseUrl = (text: string, field?: string): URL => {
  if (text.length <= LONGEST_URL && URL.canParse(text)) return new URL(text);
  const reason =
    text.length > LONGEST_URL ? `is longer than ${LONGEST_URL} characters` : 'is not a valid URL';
  throw new ServiceError(400, 'url_invalid', `The value ${reason}`, {
    ...(field === undefined ? {} : { field }),
    allowed: `an http or https URL of at most ${LONGEST_URL} characters`,
  });
};

const resolveAll = async (hostname: string, resolve: Resolver): Promise<readonly ResolvedAddress[]> => {
  let addresses: readonly ResolvedAddress[];
  try {
    addresses = await resolve(hostname);
  } catch (error) {
    const code = systemErrorCode(error);
    const reason = code === 'EAI_AGAIN' ? 'the name service does not answer' : 'the host name is not known';
    throw new TransferError('network', reason, error);
  }
  if (addresses.length === 0) throw new TransferError('network', 'the host name is not known');
  return addresses;
};

/**
 * Decides whether a URL may be asked, and at which addresses. All addresses of a name are looked at, and one that is not
 * public refuses the whole: a mixed answer is how a check and a connection are made to disagree.
 *
 * @throws UrlRefusedError, or TransferError where the name has no address
 */
export const permit = async (url: URL, rules: GuardRules, field?: string): Promise<PermittedTarget> => {
  const refuse = (reason: string): UrlRefusedError => new UrlRefusedError(reason, field);
  if (url.protocol !== 'http:' && url.protocol !== 'https:') throw refuse('only http and https are served');
  if (url.username !== '' || url.password !== '') throw refuse('it carries credentials');
  const secure = url.protocol === 'https:';
  const port = url.port === '' ? (secure ? 443 : 80) : Number(url.port);
  const hostname = url.hostname.replace(/^\[|\]$/g, '').replace(/\.$/, '');
  const trusted = rules.allowedOrigins.has(url.origin);
  const notPublic = 'it does not lead to the public internet';
  if (!trusted) {
    if (rules.allowedPorts && !rules.allowedPorts.includes(port)) throw refuse('its port is not served');
    if (isLocalName(hostname)) throw refuse(notPublic);
  }
  const family = isIP(hostname);
  const addresses =
    family === 0 ? await resolveAll(hostname, rules.resolve) : [{ address: hostname, family }];
  if (!trusted && !addresses.every(({ address }) => isPublicAddress(address))) throw refuse(notPublic);
  return { url, hostname, port, secure, addresses: addresses.slice(0, MOST_ADDRESSES) };
};
