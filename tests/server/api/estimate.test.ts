import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { estimateSchema } from '../../../server/openapi/service-paths.js';
import { startService, type TestService } from '../support.js';

let service: TestService;
beforeAll(async () => {
  service = await startService();
});
afterAll(() => service.close());

test('says what a clip costs without making a task', async () => {
  const { status, body } = await service.call('POST', '/estimate', {
    sampler: 'HeunEDMSampler',
    steps: '10',
    num_cols: 2,
    seed: 4,
  });
  expect(status).toBe(200);
  expect(body).toMatchObject({
    params: { steps: 10, sampler: 'HeunEDMSampler', s_churn: 0, seed: 4 },
    warnings: [],
    evaluations: 38,
    seconds: null,
    wait_seconds: null,
    memory_bytes: null,
  });
  estimateSchema.strict().parse(body);
  expect((await service.call('GET', '/tasks')).body.total).toBe(0);
});

test('has a time as soon as a clip has been made', async () => {
  const { id } = (await service.call('POST', '/tasks', { prompt: 'a fox' })).body;
  await service.ended(id);
  const { seconds, wait_seconds } = (await service.call('POST', '/estimate', {})).body;
  expect(seconds).toBeGreaterThanOrEqual(1);
  expect(wait_seconds).toBe(0);
});

test('refuses what a submission would refuse, naming the field', async () => {
  expect(await service.call('POST', '/estimate', { steps: 0 })).toMatchObject({
    status: 400,
    body: { field: 'steps', allowed: 'an integer from 1 to 1000' },
  });
  expect(await service.call('POST', '/estimate', { T: 240, W: 1024, H: 1024 })).toMatchObject({
    status: 400,
    body: { field: 'T' },
  });
});
