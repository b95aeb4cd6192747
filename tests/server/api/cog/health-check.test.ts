import { expect, test } from '@jest/globals';
import type { Context } from 'koa';
import { EventEmitter } from 'node:events';
import { PipelineError } from '../../../../pipeline/errors.js';
import { WorkerPool } from '../../../../pipeline/worker-pool.js';
import type { WorkerProcess, WorkerState } from '../../../../pipeline/worker-process.js';
import { healthCheck, healthCheckSchema } from '../../../../server/api/cog/health-check.js';
import { startService } from '../../support.js';

/** A worker that is in whatever state it is told to be. */
class StandIn extends EventEmitter {
  state: WorkerState = 'starting';
  info: { warning?: string } | undefined;
  error: PipelineError | undefined;

  become(state: WorkerState): void {
    this.state = state;
    this.emit('state');
  }
}

function check(...workers: StandIn[]) {
  const handle = healthCheck(new WorkerPool(workers as unknown as WorkerProcess[]));
  return async () => {
    const ctx = { set: () => undefined } as unknown as Context;
    await handle(ctx, () => Promise.resolve());
    return healthCheckSchema.strict().parse(ctx.body);
  };
}

test('starts, and is ready as soon as one worker is', async () => {
  const [a, b] = [new StandIn(), new StandIn()];
  const look = check(a, b);
  expect(await look()).toMatchObject({
    status: 'STARTING',
    setup: { status: 'starting', completed_at: null },
  });
  b.info = { warning: 'CUDA cannot be used' };
  b.become('idle');
  const ready = await look();
  expect(ready).toMatchObject({
    status: 'READY',
    setup: { status: 'succeeded', completed_at: expect.any(String), logs: 'CUDA cannot be used\n' },
  });
  a.become('unusable');
  b.become('busy');
  expect((await look()).status).toBe('BUSY');
  b.become('restarting');
  expect(await look()).toEqual({ ...ready, status: 'STARTING' });
});

test('is busy only when no worker is free', async () => {
  const [a, b] = [new StandIn(), new StandIn()];
  const look = check(a, b);
  a.become('busy');
  b.become('idle');
  expect((await look()).status).toBe('READY');
});

test('has failed when no worker can be used, and says why', async () => {
  const worker = new StandIn();
  const look = check(worker);
  worker.error = new PipelineError('invalid_model', 'The graph is damaged');
  worker.become('unusable');
  expect(await look()).toMatchObject({
    status: 'SETUP_FAILED',
    setup: { status: 'failed', completed_at: expect.any(String), logs: 'The graph is damaged\n' },
  });
});

test('answers 200 whatever the status', async () => {
  const service = await startService();
  try {
    const { status, body } = await service.call('GET', '/health-check');
    expect([status, body.status]).toEqual([200, 'STARTING']);
  } finally {
    await service.close();
  }
});
