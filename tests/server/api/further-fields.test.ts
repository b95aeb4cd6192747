import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import type { ClipParams } from '../../../pipeline/clip-params.js';
import { cachedSvdXt, fewStep, svdXt } from '../../pipeline/manifests.js';
import { startService, type Answer, type TestService } from '../support.js';

const photo = readFileSync(fileURLToPath(new URL('../../data/rocket.jpg', import.meta.url)));

let cached: TestService;
let plain: TestService;
beforeAll(async () => {
  cached = await startService({ manifest: cachedSvdXt() });
  plain = await startService({ manifest: svdXt() });
});
afterAll(async () => {
  await cached.close();
  await plain.close();
});

type Fields = Readonly<Record<string, string | number>>;

interface Api {
  readonly send: (service: TestService, fields: Fields) => Promise<Answer>;
  /** What reached the worker of the newest task. */
  readonly made: (service: TestService) => ClipParams | null | undefined;
  /** The answer to a field that is refused. */
  readonly refusal: (field: string, allowed: string) => object;
}

const lastJob = ({ jobs }: TestService): ClipParams | undefined => jobs.at(-1)?.params;
const unprocessable = (field: string, allowed: string): object => ({
  status: 422,
  body: { detail: [{ loc: ['body', field], msg: expect.stringContaining(allowed) }] },
});

const APIS: readonly (readonly [string, Api])[] = [
  [
    '/gpu/animate',
    {
      send: ({ call }, fields) => call('POST', '/gpu/animate', fields),
      made: lastJob,
      refusal: unprocessable,
    },
  ],
  [
    '/api/img2video',
    {
      send: async (service, fields) => {
        const form = new FormData();
        for (const [name, value] of Object.entries(fields)) form.append(name, String(value));
        form.append('image', new Blob([new Uint8Array(photo)]), 'p.jpg');
        const answer = await service.call('POST', '/api/img2video', form);
        const task = await service.table.findExternal('img2video', '', String(answer.body.id));
        if (task) await service.ended(task.id);
        return answer;
      },
      made: lastJob,
      refusal: (field, allowed) => ({
        status: 400,
        body: { error: expect.stringContaining(`\`${field}\` to be ${allowed}`) },
      }),
    },
  ],
  [
    '/generate-video',
    {
      send: async (service, fields) => {
        const body = { scenes: ['a', 'b'], animate: true, async: true, ...fields };
        const answer = await service.call('POST', '/generate-video', body);
        if (answer.status === 202) await service.ended(answer.body.id);
        return answer;
      },
      made: ({ stories }) => stories.at(-1)?.params.clip,
      refusal: unprocessable,
    },
  ],
];

describe.each(APIS)('%s', (path, { send, made, refusal }) => {
  test('takes a preset, which decides the steps as well', async () => {
    expect((await send(cached, { preset: 'fast' })).status).toBeLessThan(300);
    expect(made(cached)).toMatchObject({
      steps: 10,
      discretization: 'AlignYourSteps',
      guidance_sigma_min: 0.5,
      deepcache_interval: 2,
      deepcache_branch: 0,
    });
  });

  test('takes noise levels, an interval of guidance and caching', async () => {
    const fields = {
      discretization: 'AlignYourSteps',
      guidance_sigma_min: 0.1,
      guidance_sigma_max: 100,
      deepcache_interval: 3,
      deepcache_branch: 1,
    };
    expect((await send(cached, fields)).status).toBeLessThan(300);
    expect(made(cached)).toMatchObject(fields);
  });

  test.each([
    ['preset', 'quick', 'one of quality, fast'],
    ['discretization', 'Even', 'one of EDMDiscretization, '],
    ['deepcache_branch', 2, 'one of 0, 1, 3'],
  ])('refuses %s = %p by name, with what is allowed', async (field, value, allowed) => {
    expect(await send(cached, { [field]: value })).toMatchObject(refusal(field, allowed));
  });

  test.each([
    ['guidance_sigma_min', -1],
    ['deepcache_interval', 0],
  ])('refuses %s = %p by name', async (field, value) => {
    expect(await send(cached, { [field]: value })).toMatchObject(
      refusal(field, path === '/api/img2video' ? 'a' : 'greater than or equal to'),
    );
  });

  test('refuses caching by name where the model has no branches', async () => {
    const lacking = 'the model test was converted without branches';
    const branch = await send(plain, { deepcache_branch: 0 });
    expect(branch).toMatchObject(refusal('deepcache_branch', 'left out: the model has none'));
    const interval = await send(plain, { deepcache_interval: 3 });
    expect(interval).toMatchObject(refusal('deepcache_interval', `1 or left out: ${lacking}`));
  });

  test('is described with them', async () => {
    const { paths } = (await cached.call('GET', '/openapi.json')).body;
    const [content] = Object.values(paths[path].post.requestBody.content);
    expect(content).toMatchObject({
      schema: {
        properties: {
          preset: { enum: ['quality', 'fast'] },
          discretization: { default: 'EDMDiscretization' },
          guidance_sigma_min: { minimum: 0 },
          guidance_sigma_max: { minimum: 0 },
          deepcache_interval: { minimum: 1, maximum: 100 },
          deepcache_branch: { enum: [0, 1, 3] },
        },
      },
    });
  });
});

test('a story whose scenes stand still warns that they have no effect', async () => {
  const body = { scenes: ['a', 'b'], async: true, preset: 'fast' };
  const answer = await cached.call('POST', '/generate-video', body);
  expect(answer.body.warnings).toEqual(['preset has no effect: the scenes are not animated']);
  expect((await cached.call('POST', '/generate-video', { ...body, preset: 'quick' })).status).toBe(422);
});

test('animated scenes warn of what has no effect', async () => {
  const body = { scenes: ['a', 'b'], animate: true, async: true, deepcache_branch: 1 };
  const answer = await cached.call('POST', '/generate-video', body);
  expect(answer.body.warnings).toEqual([expect.stringMatching(/^deepcache_branch has no effect/)]);
});

test('the usual steps of /gpu/animate are the recipe’s where weights are distilled to a few', async () => {
  const few = await startService({ manifest: fewStep() });
  expect((await few.call('POST', '/gpu/animate', {})).body.num_steps).toBe(4);
  expect((await few.call('POST', '/gpu/animate', { num_steps: 8 })).body.num_steps).toBe(8);
  await few.close();
  expect((await cached.call('POST', '/gpu/animate', {})).body.num_steps).toBe(18);
});
