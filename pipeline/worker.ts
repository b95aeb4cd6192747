/**
 * The process that owns a device and runs clips: `worker.js <model folder> <device> [--low-vram] [--half-batch]`,
 * started by WorkerProcess. It takes one job at a time over IPC and reports progress; a cancel takes effect between two
 * evaluations.
 */
import './watch-parent.js';
import { runClip, type ClipContext } from './clip.js';
import type { FromWorker, Job, ToWorker, WireError } from './clip-job.js';
import { isCudaFault } from './device-errors.js';
import { deviceMemory } from './device-memory.js';
import { PipelineError } from './errors.js';
import { findFfmpeg, type Ffmpeg } from './ffmpeg.js';
import { loadModel, type Model } from './model.js';
import { createPreviewer } from './preview.js';
import { runStory } from './story.js';
import { isDiskFull } from './system-error.js';

const [modelFolder, device, ...flags] = process.argv.slice(2);

/** A failed send means that the parent is gone: then this process ends too. */
const send = (message: FromWorker): void => {
  process.send?.(message, () => undefined);
};

const toWire = (error: unknown): WireError => {
  if (error instanceof PipelineError) return { code: error.code, message: error.message };
  if (isDiskFull(error)) return { code: 'storage_full', message: 'The disk is full' };
  console.error(error); // unexpected: its stack is wanted in the log
  return { code: 'internal_error', message: 'The clip could not be made because of an internal error' };
};

let current: { readonly id: string; readonly abort: AbortController } | undefined;

async function take(job: Job, model: Model, ffmpeg: Ffmpeg): Promise<void> {
  const abort = new AbortController();
  current = { id: job.id, abort };
  try {
    const context: ClipContext = {
      model,
      ffmpeg,
      signal: abort.signal,
      onProgress: (progress) => send({ type: 'progress', id: job.id, progress }),
      onNote: (note) => send({ type: 'note', id: job.id, note }),
      preview: createPreviewer(model.manifest.preview, {
        fps: job.params.fps,
        onPreview: (preview) => send({ type: 'preview', id: job.id, preview }),
      }),
    };
    const result = await (job.kind === 'story' ? runStory(job, context) : runClip(job, context));
    send({ type: 'done', id: job.id, result });
  } catch (error) {
    if (model.device !== 'cpu' && isCudaFault(error)) {
      // CUDA does not recover within a process: another one takes over, and the clip is tried again there.
      console.error(error);
      process.exit(1);
    }
    send({ type: 'failed', id: job.id, error: toWire(error) });
  } finally {
    current = undefined;
  }
}

async function main(): Promise<void> {
  const ffmpeg = await findFfmpeg();
  const model = await loadModel(modelFolder, device, {
    lowVram: flags.includes('--low-vram'),
    halfBatch: flags.includes('--half-batch'),
    warm: true,
  });
  const memoryBytes = await deviceMemory(model.device);
  process.on('message', (message: ToWorker) => {
    if (message.type === 'run') void take(message.job, model, ffmpeg);
    else if (current?.id === message.id) current.abort.abort();
  });
  send({
    type: 'ready',
    info: {
      pid: process.pid,
      device: model.device,
      model: model.manifest.name,
      ffmpeg: `${ffmpeg.path} ${ffmpeg.version}`,
      ...(memoryBytes === undefined ? {} : { memoryBytes }),
      ...(model.pace === undefined ? {} : { pace: model.pace }),
      ...(model.warning === undefined ? {} : { warning: model.warning }),
    },
  });
}

// The parent is gone: a worker without one would hold its device for nobody.
process.on('disconnect', () => process.exit(0));
// A stop of the whole group (Ctrl-C, a pod's SIGTERM) is the parent's to carry out: it lets a clip finish first.
process.on('SIGINT', () => undefined);
process.on('SIGTERM', () => undefined);

main().catch((error: unknown) => {
  process.send?.({ type: 'unusable', error: toWire(error) } satisfies FromWorker, () => process.exit(1));
});
