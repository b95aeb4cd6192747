import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
import type { IncomingMessage, Server, ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { chooseFiles, fetchModel, HubError } from '../../../networks/hub/index.js';

const COMMIT = 'c0ffee'.padEnd(40, '0');
const LARGE = 'unet/diffusion_pytorch_model.fp16.safetensors';
const WEIGHTS = Buffer.from(Uint8Array.from({ length: 300_000 }, (_, i) => (i * 7) % 251));

const FILES: Readonly<Record<string, Buffer>> = {
  'model_index.json': Buffer.from('{}'),
  'unet/config.json': Buffer.from('{"a": 1}'),
  [LARGE]: WEIGHTS,
  'unet/diffusion_pytorch_model.safetensors': Buffer.from('full unet'),
  'vae/config.json': Buffer.from('{"b": 1}'),
  'vae/diffusion_pytorch_model.fp16.safetensors': Buffer.from('half vae'),
  'image_encoder/config.json': Buffer.from('{"c": 1}'),
  'image_encoder/model.safetensors': Buffer.from('full vision'),
  'svd_xt.safetensors': Buffer.from('single file'),
  'output_tile.gif': Buffer.from('gif'),
};
const CHOSEN = Object.keys(FILES).filter((name) => !/svd_xt|gif|unet.*model\.safetensors/.test(name));

/** A hub on the loopback that holds FILES; tests bend what it answers for the large file. */
class FakeHub {
  readonly asked: string[] = [];
  readonly #server: Server;
  /** How many bytes of each answer for the large file arrive before the line breaks. */
  breaks: number[] = [];
  ignoresRanges = false;
  content = WEIGHTS;
  status = 200;
  repositories: Readonly<Record<string, Readonly<Record<string, Buffer>>>> = { 'own/er': FILES };

  constructor() {
    this.#server = createServer((request, response) => this.#answer(request, response));
  }

  async start(): Promise<void> {
    await new Promise<void>((resolve) => this.#server.listen(0, '127.0.0.1', resolve));
  }
  get url(): string {
    return `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}`;
  }
  async stop(): Promise<void> {
    this.#server.closeAllConnections();
    await new Promise((resolve) => this.#server.close(resolve));
  }

  #answer(request: IncomingMessage, response: ServerResponse): void {
    const path = decodeURIComponent(new URL(request.url ?? '', 'http://hub').pathname);
    const { range, authorization } = request.headers;
    this.asked.push(`${path} ${range ?? ''} ${authorization ?? ''}`.trim());
    if (this.status !== 200) return void response.writeHead(this.status).end();
    for (const [repository, files] of Object.entries(this.repositories)) {
      if (path.startsWith(`/api/models/${repository}/revision/`))
        return json(response, { id: 'x', modelId: repository, sha: COMMIT });
      if (path === `/api/models/${repository}/tree/${COMMIT}`)
        return json(response, Object.entries(files).map(treeEntry));
      const name = path.replace(`/${repository}/resolve/${COMMIT}/`, '');
      if (name in files)
        return this.#send(response, name === LARGE ? this.content : files[name], name === LARGE, range);
    }
    response.writeHead(404).end();
  }

  #send(response: ServerResponse, content: Buffer, isLarge: boolean, range: string | undefined): void {
    const [, from, to] = /bytes=(\d+)-(\d+)/.exec(range ?? '') ?? [];
    const isProbe = to === '0';
    const whole = from === undefined || (this.ignoresRanges && isLarge && !isProbe);
    const body = whole ? content : content.subarray(Number(from), Number(to) + 1);
    response.writeHead(whole ? 200 : 206, {
      etag: '"x"',
      'content-length': body.length,
      ...(whole ? {} : { 'content-range': `bytes ${from}-${to}/${content.length}` }),
    });
    const stop = isLarge && !isProbe ? this.breaks.shift() : undefined;
    if (stop === undefined) response.end(body);
    else response.write(body.subarray(0, stop), () => response.destroy());
  }
}

function json(response: ServerResponse, content: unknown): void {
  response.writeHead(200, { 'content-type': 'application/json' }).end(JSON.stringify(content));
}

function treeEntry([path, content]: [string, Buffer]) {
  const git = createHash('sha1').update(`blob ${content.length}\0`).update(content).digest('hex');
  const sha256 = createHash('sha256').update(content).digest('hex');
  const lfs = path.endsWith('.safetensors')
    ? { lfs: { oid: sha256, size: content.length, pointerSize: 100 } }
    : {};
  return { type: 'file', path, size: content.length, oid: git, ...lfs };
}

let hub: FakeHub;
let folder: string;
let waits: number[];
beforeEach(async () => {
  hub = new FakeHub();
  await hub.start();
  folder = mkdtempSync(join(tmpdir(), 'hub-'));
  waits = [];
});
afterEach(async () => {
  await hub.stop();
  rmSync(folder, { recursive: true });
});

const fetch = (options: Parameters<typeof fetchModel>[2] = {}) => {
  const wait = (attempt: number) => Promise.resolve(waits.push(attempt));
  return fetchModel('own/er', folder, { hubUrl: hub.url, wait, ...options });
};
const at = (name: string) => join(folder, name);
const rangesOf = (name: string) =>
  hub.asked
    .filter((line) => line.includes(`/resolve/${COMMIT}/${name}`))
    .map((line) => line.split(' ')[1] ?? '');

test('a pipeline is fetched whole, with half weights where there are some, pinned to a commit', async () => {
  const seen: number[] = [];
  const fetched = await fetch({ onProgress: (bytes) => seen.push(bytes) });
  expect(fetched).toMatchObject({ repository: 'own/er', commit: COMMIT });
  expect(fetched.files.toSorted()).toEqual(CHOSEN.toSorted());
  for (const name of CHOSEN) expect(readFileSync(at(name)).equals(FILES[name])).toBe(true);
  expect(existsSync(at('svd_xt.safetensors'))).toBe(false);
  expect(hub.asked.filter((line) => line.includes('/resolve/') && !line.includes(COMMIT))).toEqual([]);
  expect(seen.at(-1)).toBe(fetched.bytes);
  expect(waits).toEqual([]);
});

test('a distilled UNet is fetched beside the other networks of its model, and none but it', async () => {
  const file = 'AnimateLCM-SVD-xt.safetensors';
  const others = { 'AnimateLCM-SVD-xt-1.1.safetensors': Buffer.from('1.1'), 'README.md': Buffer.from('x') };
  hub.repositories = {
    'stabilityai/stable-video-diffusion-img2vid-xt': FILES,
    'wangfuyun/AnimateLCM-SVD-xt': { [file]: WEIGHTS, ...others },
  };
  const wait = (attempt: number) => Promise.resolve(waits.push(attempt));
  const fetched = await fetchModel('animatelcm-svd-xt', folder, { hubUrl: hub.url, wait });
  expect(fetched.unet).toBe(at(file));
  const settingsAndOthers = CHOSEN.filter((name) => name !== LARGE);
  expect(fetched.files.toSorted()).toEqual([...settingsAndOthers, file].toSorted());
  expect(readFileSync(at(file)).equals(WEIGHTS)).toBe(true);
  expect(fetched.licence).toContain('of the UNet');
  hub.repositories = { ...hub.repositories, 'wangfuyun/AnimateLCM-SVD-xt': others };
  await expect(fetchModel('animatelcm-svd-xt', folder, { hubUrl: hub.url, wait })).rejects.toThrow(
    `The repository has no ${file}; it has AnimateLCM-SVD-xt-1.1.safetensors`,
  );
});

test('what is about to be fetched is told first, and refused when the disk is short', async () => {
  const plans: unknown[] = [];
  const total = CHOSEN.reduce((sum, name) => sum + FILES[name].length, 0);
  const options = { hubUrl: hub.url, onPlan: (plan: unknown) => plans.push(plan) };
  const short = fetchModel('own/er', folder, { ...options, free: () => Promise.resolve(total - 1) });
  await expect(short).rejects.toMatchObject({ code: 'disk_full', needed: total, free: total - 1 });
  expect(plans).toEqual([
    {
      repository: 'own/er',
      commit: COMMIT,
      licence: 'not stated',
      files: CHOSEN.length,
      bytes: total,
      missing: total,
    },
  ]);
  expect(hub.asked.filter((line) => line.includes('/resolve/'))).toEqual([]);
  await fetchModel('own/er', folder, { ...options, free: () => Promise.resolve(total) });
  await fetchModel('own/er', folder, { ...options, free: () => Promise.resolve(0) }); // nothing is missing
  expect(plans[2]).toMatchObject({ bytes: total, missing: 0 });
});

test('a second fetch transfers nothing', async () => {
  await fetch();
  hub.asked.length = 0;
  await fetch();
  expect(hub.asked.filter((line) => line.includes('/resolve/'))).toEqual([]);
});

describe('a transfer goes on', () => {
  test('where it broke, and the whole is right', async () => {
    hub.breaks = [100_000, 50_000];
    await fetch();
    expect(readFileSync(at(LARGE)).equals(WEIGHTS)).toBe(true);
    const starts = rangesOf(LARGE)
      .filter((range) => range !== 'bytes=0-0')
      .map((range) => Number(/bytes=(\d+)/.exec(range)?.[1] ?? 0));
    expect(starts).toHaveLength(3);
    expect(starts[0]).toBe(0);
    expect(starts[1]).toBeGreaterThan(0);
    expect(starts[2]).toBeGreaterThan(starts[1]);
    expect(existsSync(at(`${LARGE}.part`))).toBe(false);
  });

  test('from what a former run left', async () => {
    mkdirSync(dirname(at(LARGE)), { recursive: true });
    writeFileSync(at(`${LARGE}.part`), WEIGHTS.subarray(0, 299_990));
    await fetch();
    expect(rangesOf(LARGE).at(-1)).toBe('bytes=299990-299999');
    expect(readFileSync(at(LARGE)).equals(WEIGHTS)).toBe(true);
  });

  test('from the start where the server ignores ranges, or the left part is wrong or too long', async () => {
    mkdirSync(dirname(at(LARGE)), { recursive: true });
    hub.ignoresRanges = true;
    for (const left of [WEIGHTS.subarray(0, 1000), Buffer.alloc(1000), Buffer.alloc(400_000)]) {
      writeFileSync(at(`${LARGE}.part`), left);
      await fetch();
      expect(readFileSync(at(LARGE)).equals(WEIGHTS)).toBe(true);
      rmSync(at(LARGE));
    }
  });
});

describe('a fetch fails', () => {
  test('when the content is not what was described, and keeps nothing of it', async () => {
    hub.content = Buffer.from(WEIGHTS);
    hub.content[7] ^= 1;
    await expect(fetch()).rejects.toThrow(/unet.*not what the hub describes/);
    expect([existsSync(at(LARGE)), existsSync(at(`${LARGE}.part`))]).toEqual([false, false]);
  });

  test('after six attempts that bring nothing, and not while each brings something', async () => {
    hub.breaks = [1000, 1000, 1000, 1000, 1000, 1000, 1000, ...new Array<number>(6).fill(0)];
    await expect(fetch()).rejects.toBeInstanceOf(HubError);
    expect(waits.length).toBeGreaterThanOrEqual(6);
    expect(waits.slice(-4)).toEqual([2, 3, 4, 5]);
  });

  test('at once when the hub refuses, with what to do', async () => {
    hub.status = 401;
    await expect(fetch()).rejects.toThrow(/accept the licence .* HF_TOKEN/);
    expect(hub.asked).toHaveLength(1);
  });

  test('for a name that is no repository and a token that is none', async () => {
    await expect(fetchModel('../x', folder)).rejects.toThrow(
      "svd, svd-xt, svd-xt-1.1, animatelcm-svd-xt, animatelcm-svd-xt-1.1 or OWNER/NAME, got '../x'",
    );
    await expect(fetch({ token: 'secret' })).rejects.toThrow('begin with hf_');
    expect(hub.asked).toEqual([]);
  });

  test('when it is aborted, and goes on later', async () => {
    const abort = new AbortController();
    const onProgress = (bytes: number) => bytes > 10_000 && abort.abort();
    await expect(fetch({ signal: abort.signal, onProgress })).rejects.toMatchObject({ name: 'AbortError' });
    expect(existsSync(at(LARGE))).toBe(false);
    await fetch();
    expect(readFileSync(at(LARGE)).equals(WEIGHTS)).toBe(true);
  });
});

test('the token goes to the hub, and into no message', async () => {
  await fetch({ token: 'hf_abc' });
  expect(hub.asked.every((line) => line.endsWith('Bearer hf_abc'))).toBe(true);
  hub.status = 403;
  rmSync(at(LARGE));
  await expect(fetch({ token: 'hf_abc' })).rejects.not.toThrow('hf_abc');
});

describe('the choice of files', () => {
  const names = Object.keys(FILES);
  test('takes the full weights when they are preferred', () => {
    const chosen = chooseFiles(names, 'full');
    expect(chosen).toContain('unet/diffusion_pytorch_model.safetensors');
    expect(chosen).not.toContain(LARGE);
    expect(chosen).toContain('vae/diffusion_pytorch_model.fp16.safetensors');
  });
  test('takes shards with their index', () => {
    const shards = [
      'unet/diffusion_pytorch_model.fp16-00001-of-00002.safetensors',
      'unet/diffusion_pytorch_model.fp16-00002-of-00002.safetensors',
      'unet/diffusion_pytorch_model.safetensors.index.fp16.json',
    ];
    expect(chooseFiles([...names.filter((name) => name !== LARGE), ...shards], 'fp16')).toEqual(
      expect.arrayContaining(shards),
    );
  });
  test('refuses a repository of something else, and paths that lead out of it', () => {
    expect(() => chooseFiles(['config.json'], 'fp16')).toThrow('no unet/*.safetensors');
    expect(() => chooseFiles([...names, 'unet/../../x.safetensors'], 'fp16')).toThrow('outside of itself');
  });
});
