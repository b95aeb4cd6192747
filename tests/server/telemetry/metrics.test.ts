import { afterEach, describe, expect, test } from '@jest/globals';
import { ServiceError } from '../../../server/errors.js';
import { startReceiver } from '../webhooks/receiver.js';
import { holdClips, startService, type TestService } from '../support.js';

let service: TestService;
const start = async (options: Parameters<typeof startService>[0] = {}): Promise<void> => {
  service = await startService(options);
};
afterEach(() => service.close());

const scrape = async (): Promise<string> => {
  const response = await fetch(`${service.url}/metrics`);
  expect(response.headers.get('content-type')).toMatch(/^text\/plain; version=0\.0\.4/);
  return response.text();
};
/** The samples of a metric, by their labels as they are written. */
const samples = async (name: string): Promise<Readonly<Record<string, number>>> => {
  const pattern = new RegExp(`^${name}(?:\\{(.*)\\})? (\\S+)$`, 'gm');
  return Object.fromEntries(
    [...(await scrape()).matchAll(pattern)].map(([, labels = '', value]) => [labels, Number(value)]),
  );
};
const run = async (fields: Record<string, unknown> = {}): Promise<string> => {
  const { body } = await service.call('POST', '/img2vid', { prompt: 'a fox', ...fields });
  const { id } = body as { id: string };
  await service.ended(id);
  return id;
};

describe('GET /metrics', () => {
  test('counts tasks by how they ended and why', async () => {
    const refuse = { refuse: false };
    await start({
      obtain: () =>
        refuse.refuse
          ? Promise.reject(new ServiceError(502, 'provider_quota', 'Used up'))
          : Promise.resolve({ png: Buffer.from('png'), placeholder: false }),
    });
    await run();
    await run();
    refuse.refuse = true;
    await run();
    expect(await samples('img2vid_tasks_accepted_total')).toEqual({ 'api="tasks",kind="clip"': 3 });
    expect(await samples('img2vid_tasks_ended_total')).toEqual({
      'end="completed",code=""': 2,
      'end="error",code="provider_quota"': 1,
    });
  });

  test('counts a cancelled task as cancelled, once', async () => {
    const held = holdClips();
    await start({ make: held.make });
    const { body } = await service.call('POST', '/img2vid', { prompt: 'a fox' });
    const { id } = body as { id: string };
    await held.running(id);
    await service.call('POST', `/tasks/${id}/cancel`);
    await service.call('POST', `/tasks/${id}/cancel`);
    expect(await samples('img2vid_tasks_ended_total')).toEqual({ 'end="cancelled",code="cancelled"': 1 });
  });

  test('measures requests by their route, however many paths and methods are tried', async () => {
    await start();
    const id = await run();
    for (let i = 0; i < 50; i++) await service.call('GET', `/nothing-${i}`);
    for (const path of [`/tasks/${id}`, '/tasks/other', `/status?id=${id}`]) await service.call('GET', path);
    await fetch(`${service.url}/download/video/${id}`).then((response) => response.text());
    await service.call('PROPFIND', '/tasks');
    const counts = await samples('img2vid_http_request_seconds_count');
    expect(counts).toMatchObject({
      'method="GET",route="none",status="404"': 50,
      'method="GET",route="/tasks/:id",status="200"': 1,
      'method="GET",route="/tasks/:id",status="404"': 1,
      'method="GET",route="/download/video/:id",status="200"': 1,
      'method="POST",route="/img2vid",status="200"': 1,
    });
    expect(Object.keys(counts).some((labels) => labels.includes('other'))).toBe(true);
    expect(JSON.stringify(counts)).not.toContain(id);
  });

  test('counts what becomes of webhook messages', async () => {
    const receiver = await startReceiver((n) => (n === 0 ? 500 : 204));
    await start({
      env: { WEBHOOK_ALLOW_ORIGINS: receiver.origin },
      webhooks: { delaysMs: [1] },
    });
    await run({ webhook: receiver.url, webhook_events_filter: ['start', 'completed'] });
    // The third message is sent when the second has been answered.
    await receiver.until(3);
    const attempts = await samples('img2vid_webhook_attempts_total');
    await receiver.close();
    expect(attempts).toMatchObject({ 'outcome="failed"': 1, 'outcome="delivered"': expect.any(Number) });
  });

  test('is not there when it is switched off', async () => {
    await start({ env: { METRICS: '0' } });
    expect((await service.call('GET', '/metrics')).status).toBe(404);
  });

  test('is there for everybody where that is wished', async () => {
    await start({ env: { METRICS_OPEN: '1' } });
    expect(await samples('img2vid_tasks_accepted_total')).toEqual({});
  });
});
