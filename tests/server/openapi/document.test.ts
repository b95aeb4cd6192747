import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import type Router from '@koa/router';
import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { taskSchema, taskWithUrlsSchema, errorSchema } from '../../../server/openapi/task-schema.js';
import { startService, type TestService } from '../support.js';

const photo = readFileSync(fileURLToPath(new URL('../../data/rocket.jpg', import.meta.url)));

interface Document {
  readonly openapi: string;
  readonly servers: readonly { readonly url: string }[];
  readonly paths: Readonly<Record<string, Readonly<Record<string, Operation>>>>;
}
interface Operation {
  readonly summary?: string;
  readonly tags?: readonly string[];
  readonly requestBody?: {
    readonly content: Readonly<Record<string, { readonly schema: { readonly properties: Fields } }>>;
  };
}
type Fields = Readonly<Record<string, Readonly<Record<string, unknown>>>>;

let service: TestService;
let document: Document;
beforeAll(async () => {
  service = await startService();
  document = (await service.call('GET', '/openapi.json')).body as Document;
});
afterAll(() => service.close());

/** Pages and assets for readers are not endpoints. */
const UNDOCUMENTED = /^\/(docs|dashboard)?(\/|$)/;

/** `post /tasks/{id}` for every route of the application. */
function routes(): string[] {
  const middleware = service.app.middleware as unknown as readonly { readonly router?: Router }[];
  const router = middleware.find((one) => one.router !== undefined)?.router;
  return (router?.stack ?? [])
    .flatMap(({ methods, path }) => methods.map((method) => [method, String(path)]))
    .filter(([method, path]) => method !== 'HEAD' && !UNDOCUMENTED.test(path))
    .map(([method, path]) => `${method.toLowerCase()} ${path.replace(/:(\w+)/g, '{$1}')}`)
    .sort();
}

describe('the OpenAPI document', () => {
  test('describes every endpoint that there is, and no other', () => {
    const documented = Object.entries(document.paths).flatMap(([path, operations]) =>
      Object.keys(operations).map((method) => `${method} ${path}`),
    );
    expect(documented.sort()).toEqual(routes());
  });

  test('is of version 3.1, and every operation has a summary and a tag', () => {
    expect(document.openapi).toBe('3.1.0');
    for (const operation of Object.values(document.paths).flatMap((path) => Object.values(path))) {
      expect(operation.summary).toMatch(/\w/);
      expect(operation.tags).toHaveLength(1);
    }
  });

  test('has the ranges and defaults that the service goes by, with the model’s own', () => {
    const fields = document.paths['/img2vid'].post.requestBody?.content['application/json'].schema.properties;
    expect(fields).toMatchObject({
      W: { type: 'integer', minimum: 64, maximum: 1024, multipleOf: 8, default: 512 },
      steps: { minimum: 1, maximum: 1000, default: 7 },
      sampler: { enum: expect.arrayContaining(['HeunEDMSampler']), default: 'EulerEDMSampler' },
      webhook_events_filter: { description: expect.any(String) },
      prompt: { maxLength: 8192 },
    });
    expect(fields).not.toHaveProperty('image');
    const form = document.paths['/img2vid'].post.requestBody?.content['multipart/form-data'].schema;
    expect(form?.properties.image).toMatchObject({ type: 'string', format: 'binary' });
  });

  test('the server is where the document is, or the public address', async () => {
    expect(document.servers).toEqual([{ url: '.' }]);
    const pod = await startService({ env: { BASE_URL: 'https://clips.example/' } });
    try {
      const { servers } = (await pod.call('GET', '/openapi.json')).body as Document;
      expect(servers).toEqual([{ url: 'https://clips.example' }]);
    } finally {
      await pod.close();
    }
  });
});

describe('answers are what the document says', () => {
  test('a task at every stage, in both APIs', async () => {
    const form = new FormData();
    form.append('num_cols', '2');
    form.append('image', new Blob([new Uint8Array(photo)]), 'p.jpg');
    const { body } = await service.call('POST', '/tasks', form);
    taskWithUrlsSchema.strict().parse(body);
    taskSchema.strict().parse(await service.ended(body.id));
    taskWithUrlsSchema.strict().parse((await service.call('GET', `/tasks/${body.id}`)).body);
    const failed = await service.call('POST', '/img2vid', { prompt: 'a fox' });
    taskSchema.strict().parse(failed.body);
  });

  test('an error', async () => {
    errorSchema.strict().parse((await service.call('POST', '/img2vid', { prompt: 'a', steps: 0 })).body);
    errorSchema.strict().parse((await service.call('GET', '/tasks/none')).body);
  });
});
