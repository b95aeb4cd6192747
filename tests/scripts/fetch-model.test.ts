import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from '@jest/globals';
import { spawn } from 'node:child_process';
import { createHash } from 'node:crypto';
import { once } from 'node:events';
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync } from 'node:fs';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join, relative } from 'node:path';
import { fileURLToPath } from 'node:url';
import { readManifest } from '../../pipeline/manifest.js';

const script = fileURLToPath(new URL('../../dist/scripts/fetch-model.js', import.meta.url));
const weights = fileURLToPath(new URL('../data/networks/tiny-svd', import.meta.url));
const COMMIT = 'beef'.padEnd(40, '0');
const paths = readdirSync(weights, { recursive: true, withFileTypes: true })
  .filter((entry) => entry.isFile())
  .map((entry) => relative(weights, join(entry.parentPath, entry.name)));

let hub: Server;
let folder: string;
/** What the hub answers to everything; 200 lets it serve the tiny pipeline. */
let status: number;
let asked: string[];

const listing = (): unknown[] =>
  paths.map((path) => {
    const content = readFileSync(join(weights, path));
    const sha256 = createHash('sha256').update(content).digest('hex');
    return { type: 'file', path, size: content.length, oid: 'x', lfs: { oid: sha256, size: content.length } };
  });

beforeAll(async () => {
  hub = createServer((request, response) => {
    const path = decodeURIComponent(new URL(request.url ?? '', 'http://hub').pathname);
    asked.push(path);
    const json = (body: unknown): void =>
      void response.writeHead(200, { 'content-type': 'application/json' }).end(JSON.stringify(body));
    if (status !== 200) return void response.writeHead(status).end();
    if (path.startsWith('/api/models/own/tiny/revision/')) {
      const cardData = {
        license: 'other',
        license_name: 'test-licence',
        license_link: 'https://a.example/l',
      };
      return json({ id: 'x', modelId: 'own/tiny', sha: COMMIT, cardData });
    }
    if (path === `/api/models/own/tiny/tree/${COMMIT}`) return json(listing());
    const content = readFileSync(join(weights, path.replace(`/own/tiny/resolve/${COMMIT}/`, '')));
    const [, from, to] = /bytes=(\d+)-(\d+)/.exec(request.headers.range ?? '') ?? [];
    const body = from === undefined ? content : content.subarray(Number(from), Number(to) + 1);
    response.writeHead(from === undefined ? 200 : 206, {
      etag: '"x"',
      'content-length': body.length,
      ...(from === undefined ? {} : { 'content-range': `bytes ${from}-${to}/${content.length}` }),
    });
    response.end(body);
  });
  hub.listen(0, '127.0.0.1');
  await once(hub, 'listening');
});
afterAll(() => {
  hub.closeAllConnections();
  hub.close();
});
beforeEach(() => {
  status = 200;
  asked = [];
  folder = mkdtempSync(join(tmpdir(), 'fetch-'));
});
afterEach(() => rmSync(folder, { recursive: true }));

const run = async (...args: string[]) => {
  const child = spawn(process.execPath, [script, ...args], {
    env: {
      PATH: process.env.PATH,
      MODELS_DIR: folder,
      HF_ENDPOINT: `http://127.0.0.1:${(hub.address() as AddressInfo).port}`,
    },
  });
  const text = { out: '', err: '' };
  child.stdout.on('data', (data) => (text.out += String(data)));
  child.stderr.on('data', (data) => (text.err += String(data)));
  const [code] = (await once(child, 'close')) as [number];
  return { code, ...text };
};

describe('fetch-model', () => {
  test('states licence and size first, then fetches and converts into a model that can be read', async () => {
    const { code, out } = await run('own/tiny');
    expect(code).toBe(0);
    const lines = out.split('\n');
    expect(lines[1]).toBe('licence: test-licence (https://a.example/l)');
    expect(lines[2]).toMatch(/^\d+ files, \d+\.\d\d GB/);
    const manifest = await readManifest(join(folder, 'tiny'));
    expect(manifest).toMatchObject({
      name: 'tiny',
      family: 'svd',
      licence: 'test-licence (https://a.example/l)',
    });
    expect(statSync(join(folder, 'tiny', 'weights.data')).size).toBeGreaterThan(1e6);
  });

  test('with --no-convert only downloads', async () => {
    expect((await run('own/tiny', '--no-convert')).code).toBe(0);
    expect(existsSync(join(folder, '.weights', 'own--tiny', 'unet', 'config.json'))).toBe(true);
    expect(existsSync(join(folder, 'tiny'))).toBe(false);
  });

  test('refuses an occupied model folder before it fetches anything', async () => {
    await run('own/tiny');
    asked = [];
    const { code, err } = await run('own/tiny');
    expect(code).toBe(1);
    expect(err).toContain(join(folder, 'tiny'));
    expect(asked).toEqual([]);
  });

  test('says what to do when the hub wants a token', async () => {
    status = 401;
    const { code, err } = await run('own/tiny');
    expect(code).toBe(1);
    expect(err).toMatch(/HF_TOKEN/);
    expect(err).not.toContain('    at ');
  });
});
