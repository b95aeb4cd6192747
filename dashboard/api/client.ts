/** What the service, or the way to it, had against a request. */
export class ApiError extends Error {
  constructor(
    /** HTTP status; 0 where there was no answer. */
    readonly status: number,
    message: string,
    readonly code?: string,
    /** The field at fault. */
    readonly field?: string,
  ) {
    super(message);
    this.name = 'ApiError';
  }
}

const KEY = 'img2vid-api-key';

/** The access key, entered once and kept in this browser; empty while there is none. */
export const apiKey = (): string => localStorage.getItem(KEY) ?? '';

export function setApiKey(key: string): void {
  if (key === '') localStorage.removeItem(KEY);
  else localStorage.setItem(KEY, key);
}

/** Whether another tab has changed the key. */
export const isKeyChange = ({ key }: StorageEvent): boolean => key === KEY || key === null;

/** Paths are given as the service writes them, from its root; the page may lie under any path of a proxy. */
export const addressOf = (path: string): string =>
  new URL(path.replace(/^\//, ''), document.baseURI.replace(/#.*$/, '')).href;

/** One request with the access key. @throws ApiError for every answer that is not a success, and for none */
export async function request(path: string, init: RequestInit = {}): Promise<Response> {
  const headers = new Headers(init.headers);
  const key = apiKey();
  if (key !== '') headers.set('Authorization', `Bearer ${key}`);
  let response: Response;
  try {
    response = await fetch(addressOf(path), { ...init, headers });
  } catch (cause) {
    if (init.signal?.aborted) throw cause;
    throw new ApiError(0, 'The service cannot be reached');
  }
  if (!response.ok && response.status !== 304) throw await errorOf(response);
  return response;
}

export async function requestJson<T>(path: string, init?: RequestInit): Promise<T> {
  return (await (await request(path, init)).json()) as T;
}

/** A request with a JSON body. */
export const withJson = (method: string, body: unknown): RequestInit => ({
  method,
  headers: { 'Content-Type': 'application/json' },
  body: JSON.stringify(body),
});

async function errorOf(response: Response): Promise<ApiError> {
  const body = (await response.json().catch(() => ({}))) as Partial<Record<string, unknown>>;
  const text = (value: unknown): string | undefined => (typeof value === 'string' ? value : undefined);
  const message = text(body.message) ?? `The service answered with ${response.status}`;
  return new ApiError(response.status, message, text(body.code), text(body.field));
}
