/** What a guarded request is made of. */
export interface GuardedRequest {
  readonly method?: 'GET' | 'HEAD' | 'POST' | 'PUT' | 'PATCH' | 'DELETE';
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: string | Uint8Array;
  /** 0 gives a redirect back as it is. */
  readonly maxRedirects?: number;
  readonly signal?: AbortSignal;
  /** The request field the URL came from, named in errors. */
  readonly field?: string;
}

/** What came back. */
export interface GuardedAnswer {
  readonly status: number;
  /** By lower-case name. */
  readonly headers: Readonly<Record<string, unknown>>;
  readonly body: Buffer;
  /** Where the answer came from, after redirects. */
  readonly url: string;
}
