import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import sharp from 'sharp';
import { hasEnded, poll, post, startServer, type ServerProcess } from './server-process.js';

const rocket = readFileSync(fileURLToPath(new URL('../data/rocket.jpg', import.meta.url)));
const QUICK = { W: '64', H: '64', T: '2', steps: '1' };

/** Facts of a process as Linux tells them; undefined once it is gone. */
const proc = (pid: number, file: string): string | undefined => {
  try {
    return readFileSync(`/proc/${pid}/${file}`, 'latin1');
  } catch {
    return undefined;
  }
};
const residentMegabytes = (pid: number): number =>
  Number(/VmRSS:\s+(\d+)/.exec(proc(pid, 'status') ?? '')?.[1] ?? 0) / 1024;
/** Gone, or waiting to be collected. */
const isGone = (pid: number): boolean => !/^State:\s+[^ZX]/m.test(proc(pid, 'status') ?? '');

const until = async (holds: () => boolean): Promise<void> => {
  for (const deadline = Date.now() + 20_000; !holds(); await pause(5)) {
    if (Date.now() > deadline) throw new Error('Waited in vain');
  }
};

const onLinux = process.platform === 'linux' ? describe : describe.skip;

onLinux('the process that decodes pictures', () => {
  let folder: string;
  let server: ServerProcess;
  const serverPid = (): number => server.child.pid ?? 0;
  const decoder = (): number | undefined =>
    (proc(serverPid(), `task/${serverPid()}/children`) ?? '')
      .split(' ')
      .map(Number)
      .find((pid) => proc(pid, 'cmdline')?.includes('picture-worker'));
  const ready = async (): Promise<number> => {
    await until(() => decoder() !== undefined);
    return decoder() ?? 0;
  };
  beforeAll(async () => {
    folder = mkdtempSync(join(tmpdir(), 'end-to-end-pictures-'));
    server = await startServer({
      DATA_DIR: join(folder, 'data'),
      MODELS_DIR: join(folder, 'models'),
      SECRET_OF_THE_SERVER: 'not for decoders',
    });
  });
  afterAll(async () => {
    await server.end('SIGKILL');
    rmSync(folder, { recursive: true, force: true });
  });

  test('yields the CPU, knows no secret, and keeps libvips out of the server', async () => {
    for (const [fields, picture] of [[QUICK, rocket], [{ ...QUICK, prompt: 'a hill' }]] as const) {
      const { id } = await post(server.url, fields, picture);
      expect(await poll(server.url, id, hasEnded)).toMatchObject({ status: 'completed', error: null });
    }
    const pid = await ready();
    // Behind the name, which may hold blanks, the niceness is the seventeenth field.
    expect(
      Number(
        proc(pid, 'stat')
          ?.replace(/^.*\) /s, '')
          .split(' ')[16],
      ),
    ).toBeGreaterThan(0);
    expect(proc(pid, 'environ')).not.toContain('SECRET_OF_THE_SERVER');
    expect(proc(pid, 'maps')).toMatch(/libvips|sharp/);
    expect(proc(serverPid(), 'maps')).not.toMatch(/libvips|sharp/);
  });

  test('is replaced when it is killed, and the next picture is decoded', async () => {
    const pid = await ready();
    process.kill(pid, 'SIGKILL');
    await until(() => isGone(pid));
    expect((await post(server.url, QUICK, rocket)).status).toBe('queued');
    expect(await ready()).not.toBe(pid);
  });

  test('does not outlive a server that is killed while it decodes', async () => {
    const [width, height] = [6000, 5000];
    const large = await sharp({ create: { width, height, channels: 3, background: '#678' } })
      .jpeg({ progressive: true })
      .toBuffer();
    const pid = await ready();
    const before = residentMegabytes(pid);
    const lost = post(server.url, QUICK, large).catch((error: unknown) => error);
    await until(() => residentMegabytes(pid) > before + 40);
    await server.end('SIGKILL');
    await until(() => isGone(pid));
    expect(String(await lost)).toContain('fetch failed');
  });
});
