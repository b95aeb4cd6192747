/** Which bytes of a file a request is to get: both ends are included. */
export interface ByteRange {
  readonly start: number;
  readonly end: number;
}

/** What a `Range` header asks of a file: all of it, one part, or a part that it does not have. */
export type RangeRequest = ByteRange | 'whole' | 'unsatisfiable';

/**
 * Reads a `Range` header (RFC 9110, section 14) for a file of `size` bytes. Another unit, a malformed header and a list of
 * several ranges all mean the whole file: a server may ignore a range it does not care to serve.
 */
export const parseByteRange = (header: string | undefined, size: number): RangeRequest => {
  const match = /^\s*bytes\s*=\s*(\d*)\s*-\s*(\d*)\s*$/i.exec(header ?? '');
  if (!match || (match[1] === '' && match[2] === '')) return 'whole';
  if (match[1] === '') {
    const length = Math.min(Number(match[2]), size);
    return length === 0 ? 'unsatisfiable' : { start: size - length, end: size - 1 };
  }
  const start = Number(match[1]);
  const last = match[2] === '' ? Infinity : Number(match[2]);
  if (last < start) return 'whole';
  return start >= size ? 'unsatisfiable' : { start, end: Math.min(last, size - 1) };
};
