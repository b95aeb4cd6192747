import { afterEach, beforeEach, expect, test } from '@jest/globals';
import { holdClips, startService, type HeldClips, type TestService } from '../support.js';

let held: HeldClips;
let service: TestService;
beforeEach(async () => {
  held = holdClips();
  service = await startService({ make: held.make });
});
afterEach(() => service.close());

const submit = async (): Promise<string> =>
  (await service.call('POST', '/tasks', { prompt: 'a fox' })).body.id as string;

test('a cancel answers the state of the task, the same one as often as it is asked', async () => {
  const id = await submit();
  await held.running(id);
  const first = await service.call('POST', `/tasks/${id}/cancel`);
  expect(first.status).toBe(200);
  expect(first.body).toMatchObject({
    id,
    status: 'error',
    stage: 'sample',
    end_time: null,
    finished_at: expect.any(String),
    video_url: null,
    queue_position: null,
    error: { code: 'cancelled', message: 'The task was cancelled' },
    urls: { get: `/tasks/${id}`, video: null },
  });
  const second = await service.call('POST', `/tasks/${id}/cancel`);
  expect([second.status, second.body]).toEqual([200, first.body]);
  expect((await service.call('GET', `/status?id=${id}`)).body.error.code).toBe('cancelled');
});

test('a cancel of a completed task answers that it is completed', async () => {
  const id = await submit();
  held.release(id);
  await service.ended(id);
  const { status, body } = await service.call('POST', `/tasks/${id}/cancel`);
  expect([status, body.status]).toEqual([200, 'completed']);
  expect((await fetch(`${service.url}/download/video/${id}`)).status).toBe(200);
});

test('a cancel of an unknown task is a 404', async () => {
  expect((await service.call('POST', `/tasks/${'0'.repeat(32)}/cancel`)).status).toBe(404);
});

test('a cancelled task can be run again by a rerun', async () => {
  const id = await submit();
  await held.running(id);
  await service.call('POST', `/tasks/${id}/cancel`);
  const { body } = await service.call('POST', `/tasks/${id}/rerun`);
  held.release(body.id);
  expect(await service.ended(body.id)).toMatchObject({ status: 'completed' });
});

test('many cancels and submissions at once: every task ends as it was asked to', async () => {
  const ids = await Promise.all(Array.from({ length: 30 }, submit));
  const [cancelled, kept] = [ids.filter((_, i) => i % 3 > 0), ids.filter((_, i) => i % 3 === 0)];
  const answers = await Promise.all(cancelled.map((id) => service.call('POST', `/tasks/${id}/cancel`)));
  expect(answers.every(({ body }) => body.error.code === 'cancelled')).toBe(true);
  for (const id of kept) held.release(id);
  for (const id of kept) expect(await service.ended(id)).toMatchObject({ status: 'completed' });
  expect(await service.table.count({ status: 'error' })).toBe(cancelled.length);
});
