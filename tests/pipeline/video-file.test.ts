import { afterAll, describe, expect, jest, test } from '@jest/globals';
import {
  existsSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { execFileSync } from 'node:child_process';
import sharp from 'sharp';
import { PipelineError } from '../../pipeline/errors.js';
import { writeVideo, type VideoOptions } from '../../pipeline/video-file.js';
import {
  ffmpegs,
  framePlanes,
  framePng,
  inspectVideo,
  paint,
  script,
  temporaryFolder,
} from './media-helpers.js';

const folder = temporaryFolder();
afterAll(folder.remove);

const width = 64;
const height = 48;
const frameBytes = width * height * 3;
const real = ffmpegs[0][1];

/** A frame source that tells how far it came and whether it was closed. */
function source(make: (index: number) => Uint8Array | Promise<Uint8Array>, count: number) {
  const seen = { made: 0, started: false, closed: false };
  async function* generate() {
    seen.started = true;
    try {
      for (let i = 0; i < count; i++) {
        const frame = await make(i);
        seen.made++;
        yield frame;
      }
    } finally {
      seen.closed = true;
    }
  }
  return { frames: generate(), seen };
}

const grey = (i: number): Uint8Array => new Uint8Array(frameBytes).fill(16 * i);
const never = new Promise<never>(() => undefined);

/** A room of its own for each case, with a program that notes its process id before it becomes `program`. */
function room(program = `exec ${real} "$@"`) {
  const path = mkdtempSync(join(folder.path, 'case-'));
  const pidFile = join(path, 'pid');
  const ffmpeg = script(path, 'ffmpeg', `echo $$ > ${pidFile}`, program);
  const target = join(path, 'clip.mp4');
  const expectClean = (): void => {
    expect(readdirSync(path).filter((name) => name !== 'pid' && name !== 'ffmpeg')).toEqual([]);
    const pid = existsSync(pidFile) ? Number(readFileSync(pidFile, 'utf8')) : 0;
    if (pid > 0) expect(() => process.kill(pid, 0)).toThrow('ESRCH');
  };
  return { ffmpeg, target, expectClean, spawned: () => existsSync(pidFile) };
}

const options = (o: Partial<VideoOptions> & Pick<VideoOptions, 'frames'>): VideoOptions => ({
  ffmpeg: real,
  target: join(folder.path, 'unused.mp4'),
  width,
  height,
  fps: 6,
  count: 10,
  timeoutMs: 20_000,
  ...o,
});

// First: fluent-ffmpeg would look only before the first video of a process.
test('the program is run once for a video, without being asked for its abilities', async () => {
  const path = mkdtempSync(join(folder.path, 'case-'));
  const log = join(path, 'log');
  const ffmpeg = script(path, 'ffmpeg', `echo "$@" >> ${log}`, `exec ${real} "$@"`);
  await writeVideo(options({ ffmpeg, target: join(path, 'clip.mp4'), frames: source(grey, 10).frames }));
  expect(readFileSync(log, 'utf8')).toMatch(/^.*-i pipe:0 .*clip\.mp4\.part\n$/);
});

describe.each(ffmpegs)('a video written by the %s ffmpeg', (name, ffmpeg) => {
  const colours = [
    [255, 0, 0],
    [0, 255, 0],
    [0, 0, 255],
    [224, 172, 105],
    [255, 255, 255],
    [0, 0, 0],
    [60, 120, 180],
    [128, 128, 128],
  ] as const;
  const bars = (shift: number) =>
    paint(256, 64, (x) => colours[(Math.floor(x / 32) + shift) % colours.length]);
  const target = join(folder.path, `${name}.mp4`);

  test('is H.264 with every frame, the right size and rate, the index in front, and lies under its name', async () => {
    const { frames, seen } = source(bars, 7);
    const result = await writeVideo(
      options({ ffmpeg, frames, width: 256, height: 64, count: 7, fps: 8, target }),
    );
    expect(result).toEqual({ frames: 7, bytes: statSync(target).size });
    expect(existsSync(`${target}.part`)).toBe(false);
    expect(seen).toEqual({ made: 7, started: true, closed: true });
    expect(await inspectVideo(target)).toEqual({
      tracks: 1,
      codec: 'avc',
      size: [256, 64],
      packets: 7,
      rate: expect.closeTo(8, 3),
    });
    const bytes = readFileSync(target);
    expect(bytes.indexOf('moov')).toBeGreaterThan(0);
    expect(bytes.indexOf('moov')).toBeLessThan(bytes.indexOf('mdat'));
  });

  test('shows the colours that were put in', async () => {
    for (const index of [0, 6]) {
      const { data, info } = await sharp(framePng(ffmpeg, target, index))
        .raw()
        .toBuffer({ resolveWithObject: true });
      const wanted = bars(index);
      for (let bar = 0; bar < 8; bar++) {
        const at = (32 * 256 + bar * 32 + 16) * 3; // middle of the bar, away from its neighbours' chroma
        for (let c = 0; c < 3; c++) expect(Math.abs(data[(at / 3) * info.channels + c] - wanted[at + c])).toBeLessThanOrEqual(4); // prettier-ignore
      }
    }
  });

  test('stores BT.709 of limited range and says so', () => {
    const planes = framePlanes(ffmpeg, target);
    const luma = (bar: number) => planes[32 * 256 + bar * 32 + 16];
    const chroma = (plane: number, bar: number) =>
      planes[256 * 64 + plane * 128 * 32 + 16 * 128 + bar * 16 + 8];
    // ITU-R BT.709, 8 bit: Y of red, green, blue, white, black; Cb and Cr of red and blue
    const expected = [63, 173, 32];
    expected.forEach((y, bar) => expect(Math.abs(luma(bar) - y)).toBeLessThanOrEqual(2));
    expect(Math.abs(luma(4) - 235)).toBeLessThanOrEqual(2);
    expect(Math.abs(luma(5) - 16)).toBeLessThanOrEqual(2);
    expect(Math.abs(chroma(0, 0) - 102)).toBeLessThanOrEqual(2);
    expect(Math.abs(chroma(1, 0) - 240)).toBeLessThanOrEqual(2);
    expect(Math.abs(chroma(0, 2) - 240)).toBeLessThanOrEqual(2);
    expect(Math.abs(chroma(1, 2) - 118)).toBeLessThanOrEqual(2);
    const described = execFileSync('sh', ['-c', `"${ffmpeg}" -hide_banner -i "${target}" 2>&1 || true`], { encoding: 'utf8' }); // prettier-ignore
    expect(described).toMatch(/h264 .*yuv420p\(tv, bt709[,)]/);
  });
});

describe.each(ffmpegs)('a GIF written beside the video by the %s ffmpeg', (name, ffmpeg) => {
  const target = join(folder.path, `${name}-with-gif.mp4`);
  const gif = join(folder.path, `${name}.gif`);
  /** Vertical bars of different greys, which move on by a bar with each frame. */
  const bars = (shift: number) => paint(width, height, (x) => Array(3).fill(60 * ((Math.floor(x / 16) + shift) % 4)) as [number, number, number]); // prettier-ignore
  const write = (fps: number, count: number) =>
    writeVideo(options({ ffmpeg, frames: source(bars, count).frames, count, fps, target, gif }));

  test.each([
    [1, 3, 1000],
    [7, 12, 140],
    [24, 9, 40],
    [25, 9, 40],
    [120, 25, 20],
  ])('has every frame at %i frames a second, for its time, and loops for ever', async (fps, count, delay) => {
    await write(fps, count);
    expect(await sharp(gif, { animated: true }).metadata()).toMatchObject({
      format: 'gif',
      width,
      pageHeight: height,
      pages: count,
      delay: Array(count).fill(delay),
      loop: 0,
    });
    expect(await inspectVideo(target)).toMatchObject({ packets: count, rate: expect.closeTo(fps, 2) });
  });

  test('shows the pictures that were put in, in their order', async () => {
    await write(7, 5);
    for (let index = 0; index < 5; index++) {
      const shown = await sharp(gif, { page: index }).removeAlpha().raw().toBuffer();
      const wanted = bars(index);
      shown.forEach((value, i) => expect(Math.abs(value - wanted[i])).toBeLessThanOrEqual(2));
    }
    expect(existsSync(`${gif}.part`)).toBe(false);
  });
});

describe('onFrame', () => {
  test('sees every frame once, in order, and the source waits for it', async () => {
    const { ffmpeg, target } = room();
    const { frames, seen } = source(grey, 10);
    const log: [number, number, number][] = [];
    const onFrame = async (frame: Uint8Array, index: number) => {
      await new Promise(setImmediate);
      log.push([index, frame[0], seen.made]);
    };
    await writeVideo(options({ ffmpeg, target, frames, onFrame }));
    expect(log).toEqual(Array.from({ length: 10 }, (_, i) => [i, 16 * i, i + 1]));
  });

  test('that throws ends the video with its own error', async () => {
    const { ffmpeg, target, expectClean } = room();
    const { frames, seen } = source(grey, 10);
    const error = new PipelineError('internal_error', 'no room for the thumbnail');
    const onFrame = (_: Uint8Array, index: number) => {
      if (index === 2) throw error;
    };
    await expect(writeVideo(options({ ffmpeg, target, frames, onFrame }))).rejects.toBe(error);
    expect(seen.closed).toBe(true);
    expectClean();
  });
});

describe('cancelling', () => {
  test('midway kills ffmpeg, closes the source and removes the file', async () => {
    const { ffmpeg, target, expectClean, spawned } = room();
    const { frames, seen } = source(grey, 100_000);
    const control = new AbortController();
    const onFrame = (_: Uint8Array, index: number) => {
      if (index === 50) control.abort(); // more than the pipe holds, so ffmpeg is at work
    };
    const gif = target.replace('.mp4', '.gif');
    const video = writeVideo(
      options({ ffmpeg, target, gif, frames, onFrame, count: 100_000, signal: control.signal }),
    );
    await expect(video).rejects.toMatchObject({ code: 'cancelled' });
    expect(spawned()).toBe(true);
    expect(seen.closed).toBe(true);
    expect(seen.made).toBeLessThan(60);
    expectClean();
  });

  test('does not wait for a source that never answers', async () => {
    const { ffmpeg, target, expectClean } = room();
    const control = new AbortController();
    const { frames } = source((i) => {
      if (i < 50) return grey(i); // more than the pipe holds, so ffmpeg is waiting for input
      control.abort();
      return never;
    }, 100);
    const video = writeVideo(options({ ffmpeg, target, frames, count: 100, signal: control.signal }));
    await expect(video).rejects.toMatchObject({ code: 'cancelled' });
    expectClean();
  });

  test('before the call starts neither source nor child', async () => {
    const { ffmpeg, target, expectClean, spawned } = room();
    const { frames, seen } = source(grey, 10);
    const video = writeVideo(options({ ffmpeg, target, frames, signal: AbortSignal.abort() }));
    await expect(video).rejects.toMatchObject({ code: 'cancelled' });
    expect(seen.started).toBe(false);
    expect(spawned()).toBe(false);
    expect(await frames.next()).toEqual({ done: true, value: undefined });
    expectClean();
  });

  test('at any moment around the spawn leaves nothing behind', async () => {
    for (let turns = 0; turns <= 16; turns++) {
      const { ffmpeg, target, expectClean } = room();
      const { frames, seen } = source(() => never, 10);
      const control = new AbortController();
      const video = writeVideo(options({ ffmpeg, target, frames, signal: control.signal }));
      const settled = expect(video).rejects.toMatchObject({ code: 'cancelled' });
      for (let turn = 0; turn < turns; turn++) await new Promise(setImmediate);
      const started = seen.started;
      control.abort();
      await settled;
      expect(seen.started).toBe(started);
      expectClean();
    }
  });

  test('passes the reason on where it is one of ours', async () => {
    const { frames } = source(grey, 10);
    const reason = new PipelineError('timeout', 'the clip took too long');
    await expect(writeVideo(options({ frames, signal: AbortSignal.abort(reason) }))).rejects.toBe(reason);
  });

  test('after the end changes nothing, and the timer is gone', async () => {
    const { ffmpeg, target } = room();
    const set = jest.spyOn(globalThis, 'setTimeout');
    const clear = jest.spyOn(globalThis, 'clearTimeout');
    const control = new AbortController();
    const { frames } = source(grey, 10);
    await writeVideo(options({ ffmpeg, target, frames, signal: control.signal, timeoutMs: 12_345 }));
    const ours = set.mock.results[set.mock.calls.findIndex(([, ms]) => ms === 12_345)]
      .value as NodeJS.Timeout;
    expect(clear.mock.calls).toContainEqual([ours]);
    control.abort();
    expect(existsSync(target)).toBe(true);
    jest.restoreAllMocks();
  });
});

describe('the time limit', () => {
  test('ends a program that neither reads nor heeds SIGTERM, which also held the source back', async () => {
    const { ffmpeg, target, expectClean, spawned } = room("trap '' TERM; exec sleep 60");
    const { frames, seen } = source(() => new Uint8Array(640 * 480 * 3), 10);
    const video = writeVideo(options({ ffmpeg, target, frames, width: 640, height: 480, timeoutMs: 400 }));
    await expect(video).rejects.toMatchObject({
      code: 'timeout',
      message: expect.stringContaining('400 ms'),
    });
    expect(spawned()).toBe(true);
    expect(seen.made).toBeLessThanOrEqual(3);
    expect(seen.closed).toBe(true);
    expectClean();
  });

  test('holds though a process that ffmpeg left behind keeps the pipes open', async () => {
    const { ffmpeg, target, expectClean } = room('sleep 3 & wait');
    const { frames } = source(grey, 10);
    const started = performance.now();
    await expect(writeVideo(options({ ffmpeg, target, frames, timeoutMs: 200 }))).rejects.toMatchObject({
      code: 'timeout',
    });
    expect(performance.now() - started).toBeLessThan(2500);
    expectClean();
  });
});

describe('a faulty source', () => {
  const failing = async (make: (i: number) => Uint8Array, given: number): Promise<unknown> => {
    const { ffmpeg, target, expectClean } = room();
    const { frames, seen } = source(make, given);
    const error: unknown = await writeVideo(options({ ffmpeg, target, frames })).then(
      () => 'no error',
      (reason: unknown) => reason,
    );
    expect(seen.closed).toBe(true);
    expectClean();
    return error;
  };

  test('that throws passes its own error on', async () => {
    const error = new PipelineError('out_of_memory', 'decoder');
    const thrown = await failing((i) => {
      if (i === 4) throw error;
      return grey(i);
    }, 10);
    expect(thrown).toBe(error);
  });

  test('with a short last frame is refused, and the frame is named', async () => {
    const thrown = await failing((i) => (i === 9 ? grey(i).subarray(1) : grey(i)), 10);
    expect(thrown).toMatchObject({
      code: 'encode_failed',
      message: expect.stringContaining('frame 9 to have 9216 bytes'),
    });
    expect(thrown).toMatchObject({ message: expect.stringContaining('got 9215') });
  });

  test.each([
    [0, 'Expected 10 frames, got 0.'],
    [9, 'Expected 10 frames, got 9.'],
    [11, 'Expected 10 frames, got more than 10.'],
  ])('with %i frames instead of 10 is refused', async (given, message) => {
    expect(await failing(grey, given)).toMatchObject({ code: 'encode_failed', message });
  });
});

describe('a faulty ffmpeg', () => {
  test('told a preset that it does not know fails with its log as the cause, not in the message', async () => {
    const { ffmpeg, target, expectClean } = room();
    const { frames, seen } = source(grey, 10);
    const error = (await writeVideo(options({ ffmpeg, target, frames, preset: 'nonsense' })).catch(
      (e: unknown) => e,
    )) as PipelineError;
    expect(error).toMatchObject({ code: 'encode_failed', message: 'ffmpeg exited with code 1.' });
    expect((error.cause as Error).message).toContain('nonsense');
    expect((error.cause as Error).message.length).toBeLessThanOrEqual(2048);
    expect(seen.closed).toBe(seen.started);
    expectClean();
  });

  test('that is missing or not executable is named before the source starts', async () => {
    const { target, expectClean } = room();
    const plain = join(folder.path, 'plain');
    writeFileSync(plain, 'x');
    for (const ffmpeg of [join(folder.path, 'nowhere'), plain]) {
      const { frames, seen } = source(grey, 10);
      await expect(writeVideo(options({ ffmpeg, target, frames }))).rejects.toMatchObject({
        code: 'ffmpeg_missing',
      });
      expect(seen.started).toBe(false);
    }
    expectClean();
  });

  test('that cannot be spawned though it is executable does not end the process', async () => {
    const { target, expectClean } = room();
    const ffmpeg = join(folder.path, 'no-interpreter');
    writeFileSync(ffmpeg, '#!/no/such/interpreter\n', { mode: 0o755 });
    const { frames, seen } = source(grey, 10);
    await expect(writeVideo(options({ ffmpeg, target, frames }))).rejects.toMatchObject({
      code: 'encode_failed',
      message: 'ffmpeg could not be run.',
    });
    expect(seen.closed || !seen.started).toBe(true);
    expectClean();
  });

  test('that fails while its log stays open is still waited for', async () => {
    const { ffmpeg, target, expectClean } = room('sleep 0.2 & exit 3');
    await expect(
      writeVideo(options({ ffmpeg, target, frames: source(grey, 10).frames })),
    ).rejects.toMatchObject({
      message: 'ffmpeg exited with code 3.',
    });
    expectClean();
  });

  test('that leaves early without an error has not made a video', async () => {
    const { ffmpeg, target, expectClean } = room(
      'echo part > "$0.out"; mv "$0.out" "${0%ffmpeg}clip.mp4.part"; exit 0',
    );
    const { frames, seen } = source(() => new Uint8Array(frameBytes), 1000);
    await expect(writeVideo(options({ ffmpeg, target, frames, count: 1000 }))).rejects.toMatchObject({
      code: 'encode_failed',
      message: expect.stringMatching(/^Expected 1000 frames, got \d+\.$/),
    });
    expect(seen.closed || !seen.started).toBe(true);
    expectClean();
  });

  test('that reads all and writes nothing has not made a video', async () => {
    const { ffmpeg, target, expectClean } = room('exec cat > /dev/null');
    const { frames } = source(grey, 10);
    await expect(writeVideo(options({ ffmpeg, target, frames }))).rejects.toMatchObject({
      code: 'encode_failed',
      message: 'The video file could not be stored.',
    });
    expectClean();
  });
});

describe('the target', () => {
  test('in a folder that is not there, or is a file, is a failure of the encoding', async () => {
    const { ffmpeg, target, expectClean } = room();
    const file = join(folder.path, 'a-file');
    writeFileSync(file, 'x');
    for (const unwritable of [join(target, 'clip.mp4'), join(file, 'clip.mp4')]) {
      const { frames, seen } = source(grey, 10);
      await expect(writeVideo(options({ ffmpeg, target: unwritable, frames }))).rejects.toMatchObject({
        code: 'encode_failed',
      });
      expect(seen.closed).toBe(seen.started);
    }
    expectClean();
  });

  test('on a full disk is named as such', async () => {
    const { ffmpeg, target, expectClean } = room();
    symlinkSync('/dev/full', `${target}.part`);
    const { frames, seen } = source(grey, 10);
    await expect(writeVideo(options({ ffmpeg, target, frames }))).rejects.toMatchObject({
      code: 'storage_full',
      message: 'The disk is full: the video could not be stored.',
    });
    expect(seen.closed).toBe(true);
    expectClean();
  });

  test('may hold blanks, quotes, colons and percent signs', async () => {
    const { ffmpeg, target } = room();
    const odd = join(target, '..', `a b'c"d:e%03d.mp4`);
    await writeVideo(options({ ffmpeg, target: odd, frames: source(grey, 10).frames }));
    expect((await inspectVideo(odd)).packets).toBe(10);
  });

  test('keeps what it held when a new video fails', async () => {
    const { ffmpeg, target } = room();
    writeFileSync(target, 'the old video');
    await expect(writeVideo(options({ ffmpeg, target, frames: source(grey, 3).frames }))).rejects.toThrow();
    expect(readFileSync(target, 'utf8')).toBe('the old video');
    expect(existsSync(`${target}.part`)).toBe(false);
  });
});

test('values out of range are refused by name before anything starts', async () => {
  const cases: readonly [Partial<VideoOptions>, RegExp][] = [
    [{ width: 63 }, /`width`.*even.*63/],
    [{ height: 0 }, /`height`.*0/],
    [{ fps: 0 }, /`fps`/],
    [{ fps: NaN }, /`fps`.*NaN/],
    [{ count: 0 }, /`count`/],
    [{ target: '-version' }, /`target`.*absolute/],
    [{ timeoutMs: Infinity }, /`timeoutMs`/],
  ];
  for (const [wrong, message] of cases) {
    const { frames, seen } = source(grey, 10);
    await expect(writeVideo(options({ frames, ...wrong }))).rejects.toMatchObject({
      code: 'invalid_parameter',
      message: expect.stringMatching(message),
    });
    expect(seen.started).toBe(false);
  }
});
