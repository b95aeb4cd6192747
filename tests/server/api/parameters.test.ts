import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { cachedSvdXt } from '../../pipeline/manifests.js';
import { startService, type TestService } from '../support.js';

let service: TestService;
beforeAll(async () => {
  service = await startService({
    env: { MAX_UPLOAD_MB: '3', IMAGE_PROVIDER: 'imagineapi', IMAGE_PROVIDER_KEY: 'k' },
  });
});
afterAll(() => service.close());

interface Field {
  readonly name: string;
  readonly default: unknown;
}

interface Component {
  readonly name: string;
  readonly parameters: unknown;
}

test('every field has its range and what the model makes of it when it is left out', async () => {
  const { status, body } = await service.call('GET', '/parameters');
  expect(status).toBe(200);
  expect(body.model).toMatchObject({ name: 'test', abilities: { guidance: false } });
  expect(body.limits).toEqual({ pixels: 1024 * 1024 * 25, upload_bytes: 3 * 1024 * 1024 });
  expect(body.pictures_per_prompt).toBe(4);
  const field = (name: string) => (body.fields as Field[]).find((found) => found.name === name);
  expect(field('W')).toMatchObject({ min: 64, max: 1024, multipleOf: 8, default: 512 });
  expect(field('seed')?.default).toBeNull();
  expect(field('sampler')).toMatchObject({ type: 'choice', default: 'EulerEDMSampler' });
  expect(field('sigma_max')?.default).toBe(700);
});

test('a task made with nothing but the defaults is that of an empty request', async () => {
  const { fields } = (await service.call('GET', '/parameters')).body;
  const { params } = (await service.call('POST', '/estimate', { seed: 1 })).body;
  const defaults = (fields as Field[]).filter(({ default: value }) => value !== null);
  expect({ ...Object.fromEntries(defaults.map((field) => [field.name, field.default])), seed: 1 }).toEqual(
    params,
  );
});

test('branches for caching are those of the model, here and in the OpenAPI document', async () => {
  const branches = async ({ call }: TestService): Promise<unknown[]> => {
    const { fields } = (await call('GET', '/parameters')).body;
    const branch = (fields as Field[]).find(({ name }) => name === 'deepcache_branch');
    const { paths } = (await call('GET', '/openapi.json')).body;
    const { schema } = paths['/img2vid'].post.requestBody.content['application/json'];
    return [branch, schema.properties.deepcache_branch as unknown];
  };
  const cached = await startService({ manifest: cachedSvdXt() });
  expect(await branches(cached)).toMatchObject([
    { type: 'integer', choices: [0, 1, 3] },
    { type: 'integer', enum: [0, 1, 3] },
  ]);
  await cached.close();
  expect(await branches(service)).toMatchObject([{ choices: [] }, { type: 'integer', enum: [] }]);
});

test('components come with the parameters that each takes and their documented defaults', async () => {
  const { components, recipe } = (await service.call('GET', '/parameters')).body;
  const of = (kind: string, name: string) =>
    (components[kind] as Component[]).find((component) => component.name === name)?.parameters;
  expect(of('sampler', 'DPMPP2MSampler')).toEqual([]);
  expect(of('discretization', 'EDMDiscretization')).toMatchObject([
    { name: 'sigma_min', default: 0.0292 },
    { name: 'sigma_max', default: 14.6146 },
    { name: 'rho', default: 3 },
  ]);
  expect(recipe.discretization).toEqual({
    name: 'EDMDiscretization',
    params: { sigma_min: 0.002, sigma_max: 700, rho: 7 },
  });
});

test('presets come with what each of them sets', async () => {
  expect((await service.call('GET', '/parameters')).body.presets).toEqual({
    quality: {},
    fast: { steps: 3 },
  });
});
