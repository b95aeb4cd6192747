import { once } from 'node:events';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterEach, describe, expect, test } from '@jest/globals';
import { PICTURE_LIMITS } from '../../../server/images/picture.js';
import { PictureProcesses, type PictureProcessesOptions } from '../../../server/images/picture-processes.js';
import { pngOf } from './hostile-files.js';

const entry = fileURLToPath(new URL('./fake-picture-worker.mjs', import.meta.url));
const LIMITS = { ...PICTURE_LIMITS, seconds: 0.2 };
const started: PictureProcesses[] = [];

const start = (options: PictureProcessesOptions = {}): PictureProcesses => {
  const processes = new PictureProcesses({ entry, graceMs: 0, ...options });
  started.push(processes);
  return processes;
};
afterEach(async () => {
  await Promise.all(started.splice(0).map((processes) => processes.stop()));
});

/** A picture whose decoding goes as the deed says; its header is good. */
const picture = (deed: string): Buffer => Buffer.concat([pngOf(8, 8), Buffer.from(`##${deed}`)]);

interface Fine {
  readonly pid: number;
  readonly env: Readonly<Record<string, string>>;
}
const decode = async (processes: PictureProcesses, deed: string, limits = PICTURE_LIMITS): Promise<Fine> =>
  (await processes.normalise(picture(deed), limits, 'image_url')) as unknown as Fine;

const refusal = (outcome: Promise<unknown>): Promise<unknown> =>
  outcome.then(
    () => 'accepted',
    ({ status, code, field, message }: Record<string, unknown>) => ({ status, code, field, message }),
  );
const notDecoded = (reason: string) => ({
  status: 400,
  code: 'invalid_image',
  field: 'image_url',
  message: `Invalid image file: the picture could not be decoded: ${reason}`,
});

const isAlive = (pid: number): boolean => {
  try {
    process.kill(pid, 0);
    return true;
  } catch {
    return false;
  }
};

describe('a picture that', () => {
  test.each(['crash', 'exit'])(
    'ends its process (%s) is refused, and the next one is decoded',
    async (deed) => {
      const processes = start({ size: 1 });
      const ends: string[] = [];
      processes.on('died', (reason) => ends.push(reason));
      const { pid } = await decode(processes, 'fine');
      expect(await refusal(decode(processes, deed))).toEqual(notDecoded('the decoder broke down over it'));
      expect(ends).toHaveLength(2);
      expect((await decode(processes, 'fine')).pid).not.toBe(pid);
    },
  );

  test('hangs is refused when its time is up, and its process killed', async () => {
    const processes = start({ size: 1 });
    const { pid } = await decode(processes, 'fine');
    expect(await refusal(decode(processes, 'hang', LIMITS))).toEqual(notDecoded('it takes too long'));
    expect(isAlive(pid)).toBe(false);
    expect((await decode(processes, 'fine')).pid).not.toBe(pid);
  });

  const onLinux = process.platform === 'linux' ? test : test.skip;
  onLinux('takes more memory than there is for it is refused, and its process killed', async () => {
    const processes = start({ size: 1, memoryBytes: 200 * 2 ** 20 });
    const { pid } = await decode(processes, 'fine');
    expect(await refusal(decode(processes, 'eat'))).toEqual(notDecoded('it takes too much memory'));
    expect(isAlive(pid)).toBe(false);
  });

  test('does so does not disturb the others', async () => {
    const processes = start({ size: 2 });
    const deeds = ['crash', 'fine', 'hang', 'fine', 'fine', 'crash', 'fine'];
    const outcomes = await Promise.allSettled(deeds.map((deed) => decode(processes, deed, LIMITS)));
    expect(outcomes.map(({ status }) => status === 'fulfilled')).toEqual(
      deeds.map((deed) => deed === 'fine'),
    );
  });

  test('was in a process that somebody killed is decoded by the next one', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'pictures-'));
    const processes = start();
    const died = once(processes, 'died');
    expect((await decode(processes, `crashOnce ${join(folder, 'tried')}`)).pid).toBeGreaterThan(0);
    expect(String(await died)).toContain('SIGSEGV');
    rmSync(folder, { recursive: true });
  });

  test('the decoder refuses is refused with its words, and its process goes on', async () => {
    const processes = start({ size: 1 });
    const { pid } = await decode(processes, 'fine');
    expect(await refusal(decode(processes, 'refused'))).toEqual({
      status: 400,
      code: 'invalid_image',
      field: 'image',
      message: 'No',
    });
    await expect(decode(processes, 'fault')).rejects.toThrow('TypeError: what?');
    expect((await decode(processes, 'fine')).pid).toBe(pid);
  });

  test('is plainly none costs no process', async () => {
    const processes = start({ entry: '/nowhere.mjs' });
    const nonsense = processes.normalise(Buffer.from('<svg>'), PICTURE_LIMITS, 'image_url');
    expect(await refusal(nonsense)).toMatchObject({ message: expect.stringContaining('found an SVG') });
  });
});

test('where no process can be started, the picture is not blamed', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'pictures-'));
  const broken = join(folder, 'broken.mjs');
  writeFileSync(broken, 'process.exit(3);');
  const outcome = await refusal(decode(start({ entry: broken }), 'fine'));
  rmSync(folder, { recursive: true });
  expect(outcome).toMatchObject({ status: 503, code: 'unavailable' });
});

test('requests are refused while too many wait; tasks wait', async () => {
  const processes = start({ size: 1, maxWaiting: 1 });
  const running = refusal(decode(processes, 'busy', LIMITS));
  const waiting = decode(processes, 'fine');
  const asked = processes.forRequests.normalise(picture('fine'), PICTURE_LIMITS, 'image_url');
  expect(await refusal(asked)).toMatchObject({ status: 503, code: 'busy' });
  const patient = decode(processes, 'fine');
  await running;
  await expect(Promise.all([waiting, patient])).resolves.toHaveLength(2);
  await processes.forRequests.normalise(picture('fine'), PICTURE_LIMITS, 'image_url');
});

test('the process knows nothing of the keys in the environment', async () => {
  process.env.IMAGE_PROVIDER_KEY = 'sk-secret';
  const { env } = await decode(start(), 'fine');
  delete process.env.IMAGE_PROVIDER_KEY;
  expect(env.PATH).toBe(process.env.PATH);
  expect(JSON.stringify(env)).not.toContain('sk-secret');
});

test('after the stop no process is left, and none is started', async () => {
  const processes = start();
  const { pid } = await decode(processes, 'fine');
  await processes.stop();
  expect(isAlive(pid)).toBe(false);
  expect(await refusal(decode(processes, 'fine'))).toMatchObject({ code: 'unavailable' });
});
