/**
 * Speaks the worker's protocol without a model. The model folder's name says how it starts, a job's picture says what
 * it does.
 */
import { existsSync, writeFileSync } from 'node:fs';

const [modelFolder, device, ...flags] = process.argv.slice(2);
const result = {
  videos: [{ file: 'video-0.mp4', thumbnail: 'thumbnail-0.png', seed: 1, frames: 1, bytes: 1 }],
  warnings: [],
  milliseconds: { encode: 0, sample: 0, decode: 0, write: 0 },
};
const jobs = {
  finish: ({ id }) => process.send({ type: 'done', id, result }),
  // Tells the flags it was started with, as the result's warnings.
  tellFlags: ({ id }) => process.send({ type: 'done', id, result: { ...result, warnings: flags } }),
  fail: ({ id }) =>
    process.send({ type: 'failed', id, error: { code: 'not_finite', message: 'NaN at step 3' } }),
  show: (job) => {
    const preview = { width: 1, height: 1, frames: 1, frameMs: 40, rgb: Uint8Array.of(1, 2, 3) };
    process.send({ type: 'preview', id: job.id, preview });
    jobs.finish(job);
  },
  crash: () => process.kill(process.pid, 'SIGKILL'),
  // Crashes until the file that the job's folder names is there.
  crashOnce: (job) => {
    if (existsSync(job.folder)) return jobs.finish(job);
    writeFileSync(job.folder, '');
    jobs.crash();
  },
  obey: () => undefined,
  hang: () => {
    for (;;);
  },
};

process.on('message', (message) => {
  if (message.type === 'cancel') {
    process.send({ type: 'failed', id: message.id, error: { code: 'cancelled', message: 'Cancelled' } });
    return;
  }
  const { job } = message;
  process.send({
    type: 'progress',
    id: job.id,
    progress: { stage: 'sample', step: 1, steps: 2, progress: 0.5 },
  });
  jobs[job.picture](job);
});
process.on('disconnect', () => process.exit(0));

if (modelFolder.endsWith('broken')) {
  const error = { code: 'invalid_model', message: 'unet.onnx is missing' };
  process.send({ type: 'unusable', error }, () => process.exit(1));
} else {
  process.send({ type: 'ready', info: { pid: process.pid, device, model: 'fake', ffmpeg: 'none' } });
}
