import { constants } from 'node:fs';
import { access } from 'node:fs/promises';
import { availableParallelism } from 'node:os';
import { isAbsolute } from 'node:path';
import { Readable } from 'node:stream';
import type { ChildProcess } from 'node:child_process';
import ffmpegCommand, { type FfmpegCommand } from 'fluent-ffmpeg';
import { discard, partOf, publish } from './atomic-file.js';
import { PipelineError } from './errors.js';
import { gifDelay, gifFilters } from './gif.js';
import { isDiskFull } from './system-error.js';

export interface VideoOptions {
  /** Path of the program, from `findFfmpeg`. */
  readonly ffmpeg: string;
  /**
   * rgb24 pictures of width × height × 3 bytes, in order. They are passed on without a copy and must not be
   * overwritten after they were given. Closed (`return`) in every case, unless it was never started.
   */
  readonly frames: AsyncIterable<Uint8Array> | Iterable<Uint8Array>;
  /** Even: yuv420p halves the colour planes. */
  readonly width: number;
  readonly height: number;
  readonly fps: number;
  /** Exactly as many frames must come. */
  readonly count: number;
  /** Absolute path. Appears only when the file is whole. */
  readonly target: string;
  /** Absolute path of an animated GIF of the same frames, made in the same run and there when the video is. */
  readonly gif?: string;
  readonly signal?: AbortSignal;
  readonly timeoutMs: number;
  /**
   * Sees each frame before the encoder gets it and is awaited, so that thumbnail, contact video and progress can be
   * made from the same stream. What it throws ends the video.
   */
  readonly onFrame?: (frame: Uint8Array, index: number) => void | Promise<void>;
  /** x264's trade of time against size; see `PRESET`. */
  readonly preset?: string;
}

/**
 * On a machine without a GPU the encoder shares the cores with the decoder that feeds it. `veryfast` takes a third to a
 * half of the time of `medium` and makes files of 0.9 times the size, for 49.2 dB instead of 50.4 dB (25 frames of
 * 1024×576 at CRF 18).
 */
const PRESET = 'veryfast';
const CRF = '18';
/** More threads than this cost memory and gain nothing at these sizes; the default on a pod of 64 cores is 96. */
const MAX_THREADS = 4;
const STDERR_TAIL = 2048;

/**
 * Encodes raw frames as H.264 in MP4 (yuv420p, BT.709, index in front), and as a GIF where one is wanted, and returns
 * when the files are durable under their names. However it ends, no child process, no open frame source and no partial
 * file remains.
 *
 * Throws PipelineError: `invalid_parameter`; `ffmpeg_missing`; `timeout`; `storage_full`; `encode_failed` (wrong number or length of
 * frames, or ffmpeg's failure, the end of its log as the cause); `cancelled`, or the signal's own reason where that is
 * a PipelineError. An error of the source or of `onFrame` is passed on as it is.
 *
 * Meant for a worker process: when the system is out of processes or file handles, fluent-ffmpeg throws where nobody
 * can catch it. It also keeps the program's path for the whole process, so let all videos of a process use one.
 */
export async function writeVideo(options: VideoOptions): Promise<{ frames: number; bytes: number }> {
  checkOptions(options);
  const { ffmpeg, target, gif, signal, count } = options;
  const source = openSource(options);
  try {
    await access(ffmpeg, constants.X_OK).catch((cause: unknown) => {
      throw new PipelineError('ffmpeg_missing', 'The ffmpeg program is not there or not executable.', {
        cause,
      });
    });
    if (signal?.aborted) throw cancelled(signal);
    await encode(options, source);
    if (source.sent() !== count) throw wrongCount(source.sent(), count); // ffmpeg calls both "no input" and "less input" a success
    if (gif !== undefined) await publish(gif).catch(notStored);
    const bytes = await publish(target).catch(notStored);
    return { frames: count, bytes };
  } catch (error) {
    await discard(target);
    if (gif !== undefined) await discard(gif);
    throw error;
  } finally {
    await source.close();
  }
}

interface Source {
  readonly stream: Readable;
  readonly sent: () => number;
  readonly close: () => Promise<void>;
}

/** A byte stream over the frames that fails on a frame of wrong length and on one too many. */
function openSource({ frames, width, height, count, onFrame }: VideoOptions): Source {
  const iterator =
    Symbol.asyncIterator in frames ? frames[Symbol.asyncIterator]() : frames[Symbol.iterator]();
  const frameBytes = width * height * 3;
  let sent = 0;
  let pulling = false;

  async function* checked(): AsyncGenerator<Uint8Array, void, undefined> {
    for (;;) {
      pulling = true;
      const next = await iterator.next();
      pulling = false;
      if (next.done) break;
      const frame = next.value;
      if (sent === count) throw wrongCount(`more than ${count}`, count);
      if (frame.length !== frameBytes) {
        throw new PipelineError(
          'encode_failed',
          `Expected frame ${sent} to have ${frameBytes} bytes (${width}×${height} rgb24), got ${frame.length}.`,
        );
      }
      await onFrame?.(frame, sent);
      sent++;
      yield frame;
    }
  }

  // A high-water mark of one frame carries the encoder's back-pressure to the decoder.
  const stream = Readable.from(checked(), { objectMode: false, highWaterMark: frameBytes });
  const close = async (): Promise<void> => {
    stream.destroy();
    const closed = (async () => iterator.return?.())().catch(() => undefined);
    // A generator at work closes when its current frame is done, which may be never: do not wait for that.
    if (!pulling) await closed;
  };
  return { stream, sent: () => sent, close };
}

/** Runs ffmpeg to its end. Settles only when no child is left. */
function encode(options: VideoOptions, source: Source): Promise<void> {
  const { signal, timeoutMs } = options;
  const command = buildCommand(options, source.stream);
  let child: ChildProcess | undefined;
  let failure: Error | undefined; // the first one is the reason; what follows are its consequences

  const stop = (reason: Error): void => {
    failure ??= reason;
    source.stream.destroy();
    child?.kill('SIGKILL'); // ffmpeg does not heed SIGTERM while it waits for input
  };
  const onAbort = (): void => stop(cancelled(signal));
  const timer = setTimeout(
    () => stop(new PipelineError('timeout', `Encoding took longer than ${timeoutMs} ms.`)),
    timeoutMs,
  );
  signal?.addEventListener('abort', onAbort, { once: true });

  return new Promise<void>((resolve, reject) => {
    source.stream.on('error', stop);
    command.on('start', () => {
      child = childOf(command);
      if (child.pid === undefined)
        takeOverSpawnError(child, (error) => reject(failure ?? encodeFailed(error)));
      // Not 'close': a pipe that somebody inherited must keep neither us nor our process waiting.
      child.once('exit', () => {
        if (!failure) return;
        child?.stderr?.destroy();
        child?.stdout?.destroy();
        reject(failure);
      });
      if (failure) child.kill('SIGKILL');
    });
    command.on('error', (error: Error, _stdout: unknown, stderr: unknown) => {
      stop(encodeFailed(error, stderr));
      const gone = !child || child.exitCode !== null || child.signalCode !== null;
      if (gone && failure) reject(failure);
    });
    command.on('end', () => (failure ? reject(failure) : resolve()));
    command.run();
  }).finally(() => {
    clearTimeout(timer);
    signal?.removeEventListener('abort', onAbort);
  });
}

function buildCommand(options: VideoOptions, input: Readable): FfmpegCommand {
  const { width, height, fps, target, gif, ffmpeg, preset = PRESET } = options;
  const command = ffmpegCommand(input)
    .inputFormat('rawvideo')
    .inputOptions(['-pixel_format', 'rgb24', '-video_size', `${width}x${height}`, '-framerate', `${fps}`])
    .noAudio()
    .videoCodec('libx264')
    // swscale's own default is BT.601, and players take untagged pictures for whatever they like: convert and tag.
    .videoFilters(
      'scale=in_range=full:out_range=tv:out_color_matrix=bt709:flags=bicubic+accurate_rnd+full_chroma_int',
    )
    .outputOptions(['-pix_fmt', 'yuv420p', '-preset', preset, '-crf', CRF])
    .outputOptions(['-threads', `${Math.min(MAX_THREADS, availableParallelism())}`])
    .outputOptions(['-colorspace', 'bt709', '-color_primaries', 'bt709', '-color_trc', 'bt709'])
    .outputOptions(['-color_range', 'tv', '-movflags', '+faststart'])
    .format('mp4')
    .output(partOf(target));
  if (gif !== undefined) addGif(command, gif, fps);
  command.setFfmpegPath(ffmpeg);
  return withoutProbes(command);
}

/** A second output of the same frames. The rate is that of the delay, so that every frame falls on a place of its own. */
function addGif(command: FfmpegCommand, target: string, fps: number): void {
  const delay = gifDelay(fps);
  command
    .output(partOf(target))
    .noAudio()
    .videoFilters(gifFilters(delay))
    .outputOptions(['-r', `100/${delay}`, '-loop', '0', '-final_delay', `${delay}`])
    .format('gif');
}

/**
 * fluent-ffmpeg runs the program twice to learn its formats and encoders before the first job of a process. Those
 * children can be neither awaited nor killed, and `findFfmpeg` has looked already: answer in their place.
 */
function withoutProbes(command: FfmpegCommand): FfmpegCommand {
  const format = { description: '', canDemux: true, canMux: true };
  const encoder = { type: 'video', description: '', frameMT: false, sliceMT: false, experimental: false };
  const none = null as unknown as Error; // the declared callback type leaves out "no error"
  command.availableFormats = (answer) => answer(none, { rawvideo: format, mp4: format, gif: format });
  command.availableEncoders = (answer) =>
    answer(none, { libx264: { ...encoder, drawHorizBand: false, directRendering: false } });
  return command;
}

/** The process behind a started command; the type declarations leave the property out. */
const childOf = (command: FfmpegCommand): ChildProcess =>
  (command as FfmpegCommand & { readonly ffmpegProc: ChildProcess }).ffmpegProc;

/** On a failed spawn fluent-ffmpeg's own listener throws a TypeError that ends the process. */
function takeOverSpawnError(child: ChildProcess, listener: (error: Error) => void): void {
  child.removeAllListeners('error');
  child.once('error', listener);
}

function checkOptions({ width, height, fps, count, target, gif, timeoutMs }: VideoOptions): void {
  const expect = (ok: boolean, name: string, what: string, got: number | string): void => {
    if (!ok) throw new PipelineError('invalid_parameter', `Expected \`${name}\` to be ${what}, got ${got}.`);
  };
  const isSide = (n: number): boolean => Number.isInteger(n) && n >= 2 && n <= 16384 && n % 2 === 0;
  expect(isSide(width), 'width', 'an even integer from 2 to 16384', width);
  expect(isSide(height), 'height', 'an even integer from 2 to 16384', height);
  expect(fps > 0 && fps <= 1000, 'fps', 'a number above 0, at most 1000', fps);
  expect(Number.isInteger(count) && count >= 1, 'count', 'an integer of at least 1', count);
  expect(isAbsolute(target), 'target', 'an absolute path', target);
  if (gif !== undefined) expect(isAbsolute(gif), 'gif', 'an absolute path', gif);
  expect(timeoutMs > 0 && timeoutMs < 2 ** 31, 'timeoutMs', 'from 1 to 2147483647', timeoutMs);
}

function notStored(cause: unknown): never {
  if (isDiskFull(cause)) throw diskFull(cause);
  throw new PipelineError('encode_failed', 'The video file could not be stored.', { cause });
}

const wrongCount = (got: number | string, expected: number): PipelineError =>
  new PipelineError('encode_failed', `Expected ${expected} frames, got ${got}.`);

function cancelled(signal: AbortSignal | undefined): PipelineError {
  const reason: unknown = signal?.reason;
  if (reason instanceof PipelineError) return reason;
  return new PipelineError('cancelled', 'The video was cancelled.', { cause: reason });
}

/** ffmpeg's word for a write that found no room. */
const DISK_FULL = /No space left on device|Disk quota exceeded/;

const diskFull = (cause: unknown): PipelineError =>
  new PipelineError('storage_full', 'The disk is full: the video could not be stored.', { cause });

/** ffmpeg's log names files of this machine, so it is kept as the cause and only the exit code is told. */
function encodeFailed(error: Error, stderr?: unknown): PipelineError {
  if (typeof stderr === 'string' && DISK_FULL.test(stderr)) return diskFull(error);
  const what = /^ffmpeg (exited with code \d+|was killed with signal \w+)/.exec(error.message)?.[1];
  const log = typeof stderr === 'string' && stderr !== '' ? stderr.slice(-STDERR_TAIL) : error.message;
  return new PipelineError('encode_failed', `ffmpeg ${what ?? 'could not be run'}.`, {
    cause: new Error(log, { cause: error }),
  });
}
