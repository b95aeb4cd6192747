import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { startService, type TestService } from '../support.js';

let service: TestService;
beforeAll(async () => {
  service = await startService();
});
afterAll(() => service.close());

const BROWSER = 'text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8';
const get = (path: string, headers: Record<string, string> = {}) =>
  fetch(service.url + path, { headers, redirect: 'manual' });

describe('the page', () => {
  test('is at / for a browser, and JSON for everything else', async () => {
    const page = await get('/', { accept: BROWSER });
    expect(page.headers.get('content-type')).toBe('text/html; charset=utf-8');
    expect(page.headers.get('vary')).toContain('Accept');
    for (const accept of ['*/*', 'application/json', 'application/json, text/plain, */*']) {
      expect((await (await get('/', { accept })).json()) as object).toMatchObject({ name: 'img2vid' });
    }
  });

  test('may load and run nothing but its own script and style', async () => {
    const policy = (await get('/dashboard')).headers.get('content-security-policy') ?? '';
    expect(policy.split('; ')).toEqual(
      expect.arrayContaining([
        "default-src 'none'",
        "script-src 'self'",
        "style-src 'self'",
        "connect-src 'self'",
        "frame-ancestors 'none'",
        "base-uri 'none'",
      ]),
    );
    expect(policy).not.toMatch(/unsafe|\*|https?:/);
  });

  test('names every file by a relative address, from where a slash at the end leads away', async () => {
    const html = await (await get('/dashboard')).text();
    const addresses = [...html.matchAll(/(?:src|href)="([^"]+)"/g)].map(([, address]) => address);
    const files = addresses.filter((address) => !address.startsWith('data:'));
    expect(files).toHaveLength(3); // script, style, and the link for who has no scripts
    for (const address of files) expect(address).toMatch(/^\w/);
    expect((await get('/dashboard/')).headers.get('location')).toBe('../dashboard');
  });

  test('has less than 100 kB of script, which browsers keep for ever and get compressed', async () => {
    const html = await (await get('/dashboard')).text();
    const [script] = /dashboard\/main-\w+\.js/.exec(html) ?? [];
    const answer = await get(`/${script}`, { 'accept-encoding': 'identity' });
    expect(answer.headers.get('content-type')).toBe('text/javascript; charset=utf-8');
    expect(answer.headers.get('cache-control')).toContain('immutable');
    expect((await answer.arrayBuffer()).byteLength).toBeLessThan(100_000);
    expect((await get(`/${script}`, { 'accept-encoding': 'gzip' })).headers.get('content-encoding')).toBe(
      'gzip',
    );
    const etag = answer.headers.get('etag') ?? '';
    expect((await get(`/${script}`, { 'if-none-match': etag })).status).toBe(304);
  });

  test.each(['main.js', 'index.html', '..%2fserver%2fmain.js'])('has no file %s', async (name) => {
    expect((await get(`/dashboard/${name}`)).status).toBe(404);
  });
});
