import { gzipSync } from 'node:zlib';
import type { JsonEndpoint } from './endpoints.js';

/** Bytes that somebody may send in place of a request. */
export interface HostileRequest {
  readonly name: string;
  readonly bytes: Buffer;
  /** What may be answered; a connection that is closed without an answer is 0. */
  readonly answers: readonly number[];
}

const JSON_TYPE = 'application/json';

/** Prototype keys and odd values: refused as unknown or wrong fields, never merged into anything. */
const oddBodies = (body: JsonEndpoint['body']): readonly (readonly [string, string])[] => {
  const inside = JSON.stringify(body).slice(1, -1);
  return [
    ['__proto__ as a key', `{${inside}, "__proto__": {"polluted": true}}`],
    ['constructor as a key', `{${inside}, "constructor": {"prototype": {"polluted": true}}}`],
    ['a field that is a list', `{${inside}, "steps": [1]}`],
    ['a field that is an object', `{${inside}, "steps": {"$gt": 0}}`],
    ['a number beyond all', `{${inside}, "seed": 1e999}`],
    ['a number with a long tail', `{${inside}, "seed": 0.${'1'.repeat(10_000)}}`],
    ['a field of 100 kB', `{${inside}, "${'x'.repeat(100_000)}": 1}`],
    ['ten thousand fields', `{${Array.from({ length: 10_000 }, (_, i) => `"f${i}": 1`).join(',')}}`],
    ['depth', `{"prompt": ${'['.repeat(100_000)}${']'.repeat(100_000)}}`],
    ['depth without end', '['.repeat(500_000)],
    ['NUL', `{"prompt": "\0"}`],
    ['half a surrogate', `{"prompt": 5, "x": "\\ud800"}`],
    ['no JSON', '{"prompt":'],
    ['a list', '[]'],
    ['a word', '"fox"'],
    ['null', 'null'],
    ['bytes that are no text', '\xff\xfe{'],
  ];
};

const message = (
  { method, path }: JsonEndpoint,
  headers: readonly string[],
  body: string | Buffer,
  length: string | number = Buffer.byteLength(body),
): Buffer => {
  const head = [`${method} ${path} HTTP/1.1`, 'Host: localhost', 'Connection: close', ...headers];
  if (length !== '') head.push(`Content-Length: ${length}`);
  return Buffer.concat([Buffer.from(`${head.join('\r\n')}\r\n\r\n`), Buffer.from(body as string)]);
};

const chunked = (endpoint: JsonEndpoint, body: string): Buffer =>
  message(endpoint, [`Content-Type: ${JSON_TYPE}`, 'Transfer-Encoding: chunked'], body, '');

function forms(endpoint: JsonEndpoint): HostileRequest[] {
  const part = (i: number): string => `--x\r\nContent-Disposition: form-data; name="f${i}"\r\n\r\n1\r\n`;
  const many = `${Array.from({ length: 5000 }, (_, i) => part(i)).join('')}--x--\r\n`;
  const files = `${Array.from(
    { length: 100 },
    (_, i) => `--x\r\nContent-Disposition: form-data; name="image"; filename="${i}.png"\r\n\r\n1\r\n`,
  ).join('')}--x--\r\n`;
  const multipart = (name: string, body: string): HostileRequest => ({
    name,
    bytes: message(endpoint, ['Content-Type: multipart/form-data; boundary=x'], body),
    answers: [400, 413, 415, 422],
  });
  return [
    multipart('thousands of parts', many),
    multipart('a hundred files', files),
    multipart('a part without end', part(1)),
    multipart('a field of 1 MB', part(1).replace('1\r\n', `${'x'.repeat(1_000_000)}\r\n`)),
    multipart('a field with a name of 10 kB', part(1).replace('f1', 'x'.repeat(10_000))),
    multipart('a field named __proto__', `${part(1).replace('f1', '__proto__[polluted]')}--x--\r\n`),
    multipart('headers of a part without end', `--x\r\n${'X-A: 1\r\n'.repeat(5000)}`),
    {
      name: 'ten thousand urlencoded fields',
      bytes: message(
        endpoint,
        ['Content-Type: application/x-www-form-urlencoded'],
        Array.from({ length: 10_000 }, (_, i) => `f${i}=1`).join('&'),
      ),
      answers: [400, 413, 415, 422],
    },
    {
      name: 'urlencoded depth',
      bytes: message(
        endpoint,
        ['Content-Type: application/x-www-form-urlencoded'],
        `a${'[a]'.repeat(10_000)}=1&__proto__[polluted]=1`,
      ),
      answers: [400, 413, 415, 422],
    },
  ];
}

/** Small as it is sent, and 64 MB of blanks. */
const bomb = gzipSync(Buffer.alloc(64 << 20, ' '));

function transport(endpoint: JsonEndpoint): HostileRequest[] {
  const json = `Content-Type: ${JSON_TYPE}`;
  const body = JSON.stringify(endpoint.body);
  const request = (name: string, bytes: Buffer, answers: readonly number[]): HostileRequest => ({
    name,
    bytes,
    answers,
  });
  return [
    request('a gzip bomb', message(endpoint, [json, 'Content-Encoding: gzip'], bomb), [400, 413, 415]),
    request(
      'depth with an Idempotency-Key',
      message(endpoint, [json, 'Idempotency-Key: deep'], `{"x": ${'['.repeat(50_000)}${']'.repeat(50_000)}}`),
      [endpoint.refused],
    ),
    request('no gzip at all', message(endpoint, [json, 'Content-Encoding: gzip'], body), [400, 415, 422]),
    request('nothing', message(endpoint, [json], ''), [201, endpoint.refused]),
    request('an unknown encoding', message(endpoint, [json, 'Content-Encoding: x'], body), [400, 415, 422]),
    request('an unknown charset', message(endpoint, [`${json}; charset=x`], body), [200, 201, 400, 415]),
    request('an unknown type', message(endpoint, ['Content-Type: image/svg+xml'], '<svg/>'), [400, 415, 422]),
    request('a length that is no number', message(endpoint, [json], body, 'x'), [0, 400]),
    request('a length below zero', message(endpoint, [json], body, -1), [0, 400]),
    request('two lengths', message(endpoint, [json, 'Content-Length: 3'], body), [0, 400]),
    request('a length and chunks', message(endpoint, [json, 'Transfer-Encoding: chunked'], body), [0, 400]),
    request('a length beyond all', message(endpoint, [json], body, '99999999999'), [413]),
    request('a body longer than its length', message(endpoint, [json], `${body}{"x": 1}`, 5), [400, 422]),
    request('chunks that are none', chunked(endpoint, 'zz\r\n{}\r\n0\r\n\r\n'), [0, 400]),
    request('a chunk of all memory', chunked(endpoint, 'ffffffffffffffff\r\n{}'), [0, 400, 408, 413]),
    request('headers without end', message(endpoint, [`X-A: ${'x'.repeat(100_000)}`], ''), [0, 431]),
  ];
}

/** Everything that may be wrong with a request to an endpoint that takes JSON. */
export const hostileRequests = (endpoint: JsonEndpoint): HostileRequest[] => [
  ...oddBodies(endpoint.body).map(([name, body]): HostileRequest => ({
    name,
    bytes: message(endpoint, [`Content-Type: ${JSON_TYPE}`], Buffer.from(body, 'latin1')),
    answers: [endpoint.refused, 413, ...(endpoint.lenient ? [200, 201, 202] : [])],
  })),
  ...forms(endpoint),
  ...transport(endpoint),
];

/** What may stand where a picture's base64, its data URL or its address should. */
export const HOSTILE_PICTURE_TEXTS: readonly string[] = [
  'iVBORw0KGgo=',
  'iVBO Rw0K\nGgo=',
  'iVBORw0KGgo',
  '_-_-_-_-',
  '!!!!',
  '='.repeat(1000),
  'data:image/png;base64,',
  'data:image/png;base64,!!!!',
  'data:text/html;base64,PHNjcmlwdD4=',
  'data:image/svg+xml,<svg onload="alert(1)"/>',
  'data:,',
  'file:///etc/passwd',
  'http://user:word@93.184.216.34/',
  'gopher://127.0.0.1:11211/_stats',
  'javascript:alert(1)',
  '//host/share',
  '../../../etc/passwd',
];

/** Addresses that are no worse than others to look at, and that nobody may have fetched. */
export const HOSTILE_ADDRESSES: readonly string[] = [
  'http://127.0.0.1:1/x.png',
  'http://2130706433/',
  'http://localhost:5000/status',
  'http://169.254.169.254/latest/meta-data/',
  'http://metadata.google.internal/computeMetadata/v1/',
  'http://[::1]/',
  'http://[::ffff:10.0.0.1]/',
  'http://192.168.1.250.nip.io/',
  `http://93.184.216.34/${'x'.repeat(10_000)}`,
];
