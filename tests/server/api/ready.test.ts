import { once } from 'node:events';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import Koa from 'koa';
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { WorkerPool } from '../../../pipeline/worker-pool.js';
import type { WorkerProcess, WorkerState } from '../../../pipeline/worker-process.js';
import { ready, type ReadyParts } from '../../../server/api/ready.js';
import { listener } from '../../../server/listener.js';
import { freeBytes } from '../../../server/media/free-space.js';
import type { TaskTable } from '../../../server/tasks/table.js';
import { openTable } from '../tasks/support.js';

let table: TaskTable;
let server: Server | undefined;
beforeEach(async () => {
  table = await openTable();
});
afterEach(async () => {
  server?.close();
  await table.close();
});

const pool = (...states: WorkerState[]): WorkerPool =>
  new WorkerPool(states.map((state) => ({ state }) as WorkerProcess));
const MEBIBYTE = 2 ** 20;
const ask = async (
  parts: Partial<ReadyParts> = {},
  free: typeof freeBytes = () => Promise.resolve(300 * MEBIBYTE),
): Promise<{ status: number; body: unknown }> => {
  const config = { dataDir: '/nowhere/at/all', minFreeBytes: 256 * MEBIBYTE };
  const app = new Koa();
  app.use(ready({ table, workers: pool('idle'), config, ...parts }, free));
  server = listener(createServer(), app).listen(0, '127.0.0.1');
  await once(server, 'listening');
  const response = await fetch(`http://127.0.0.1:${(server.address() as AddressInfo).port}/ready`);
  return { status: response.status, body: await response.json() };
};

describe('GET /ready', () => {
  test.each<WorkerState[]>([['idle'], ['busy'], ['starting'], ['restarting'], ['unusable', 'busy']])(
    'is 200 with workers that are %s',
    async (...states) => {
      expect(await ask({ workers: pool(...states) })).toEqual({
        status: 200,
        body: { ready: true, reasons: [] },
      });
    },
  );

  test('is 503 when no worker can be used', async () => {
    for (const states of [['unusable'], ['unusable', 'stopped']] as const) {
      const { status, body } = await ask({ workers: pool(...states) });
      expect([status, body]).toEqual([503, { ready: false, reasons: ['No worker can be used'] }]);
      server?.close();
    }
  });

  test('is 503 when the disk is nearly full, and says how nearly', async () => {
    expect(await ask({}, () => Promise.resolve(200.5 * MEBIBYTE))).toEqual({
      status: 503,
      body: { ready: false, reasons: ['The disk has 200 MB left, 256 MB are wanted'] },
    });
  });

  test('is 503 with every reason there is', async () => {
    await table.close();
    const { status, body } = await ask({ workers: pool('stopped') }, freeBytes);
    table = await openTable();
    expect([status, body]).toEqual([
      503,
      {
        ready: false,
        reasons: [
          'The task table does not answer',
          'No worker can be used',
          'The data folder cannot be reached',
        ],
      },
    ]);
  });
});
