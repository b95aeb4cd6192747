import { ServiceError } from '../errors.js';

/**
 * The guard does not let a request go where its URL, or a redirect on its way, leads. Never retried: the answer would be
 * the same. The message says which rule it was, not what a name resolved to.
 */
export class UrlRefusedError extends ServiceError {
  constructor(reason: string, field?: string) {
    super(400, 'url_refused', `The URL is not allowed: ${reason}`, {
      ...(field === undefined ? {} : { field }),
      allowed: 'an http or https URL on the public internet, without credentials',
    });
    this.name = 'UrlRefusedError';
  }
}
