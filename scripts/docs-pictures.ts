/**
 * `npm run docs:pictures`: the pictures of docs/parameters.md, made by the embedded model. Each is a strip of the first, the
 * middle and the last frame of a clip for every value of one parameter, all else being equal.
 */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import sharp, { type OverlayOptions } from 'sharp';
import { resolveClip } from '../pipeline/clip-request.js';
import { findFfmpeg } from '../pipeline/ffmpeg.js';
import { readManifest } from '../pipeline/manifest.js';
import { WorkerProcess } from '../pipeline/worker-process.js';
import { provideModel } from '../server/model-folder.js';

const FOLDER = 'docs/pictures';
const PICTURE = 'tests/data/rocket.jpg';
const [WIDTH, HEIGHT, FRAMES] = [256, 144, 13];
const COMMON = { W: WIDTH, H: HEIGHT, T: FRAMES, seed: 3 };
const GAP = 6;
const LABEL = 26;

interface Strip {
  readonly file: string;
  readonly parameter: string;
  readonly values: readonly (number | string)[];
  readonly fields?: Readonly<Record<string, number | string>>;
}

const STRIPS: readonly Strip[] = [
  { file: 'motion.webp', parameter: 'motion_bucket_id', values: [0, 64, 127, 255] },
  { file: 'seed.webp', parameter: 'seed', values: [1, 2, 3, 8] },
  { file: 'cond-aug.webp', parameter: 'cond_aug', values: [0, 0.1, 0.3, 0.8] },
  { file: 'steps.webp', parameter: 'steps', values: [1, 2, 3, 7] },
  { file: 'churn.webp', parameter: 's_churn', values: [0, 3, 10], fields: { steps: 12 } },
];

const run = promisify(execFile);
const modelFolder = await provideModel({ modelsDir: process.env.MODELS_DIR ?? 'models', model: 'kenburns' });
const manifest = await readManifest(modelFolder);
const { path: ffmpeg } = await findFfmpeg();
const worker = new WorkerProcess({ modelFolder, device: 'cpu' });
worker.start();
const folder = await mkdtemp(join(tmpdir(), 'pictures-'));

/** The first, the middle and the last frame of the clip of these fields, as PNGs. */
async function framesOf(fields: Readonly<Record<string, number | string>>): Promise<Buffer[]> {
  const { params } = resolveClip({ ...COMMON, ...fields }, manifest);
  await worker.run({ id: 'picture', picture: PICTURE, params, folder });
  await run(ffmpeg, ['-v', 'error', '-y', '-i', join(folder, 'video-0.mp4'), join(folder, 'frame-%d.png')]);
  return Promise.all(
    [1, Math.ceil(FRAMES / 2), FRAMES].map((n) => sharp(join(folder, `frame-${n}.png`)).toBuffer()),
  );
}

const label = (text: string): Buffer =>
  Buffer.from(
    `<svg width="${WIDTH}" height="${LABEL}"><text x="0" y="18" font-family="DejaVu Sans" font-size="14"` +
      ` fill="#1c1e21">${text}</text></svg>`,
  );

for (const { file, parameter, values, fields } of STRIPS) {
  const layers: OverlayOptions[] = [];
  let top = GAP;
  for (const value of values) {
    layers.push({ input: label(`${parameter} ${value}`), left: GAP, top });
    for (const [i, frame] of (await framesOf({ ...fields, [parameter]: value })).entries()) {
      layers.push({ input: frame, left: GAP + i * (WIDTH + GAP), top: top + LABEL });
    }
    top += LABEL + HEIGHT + GAP;
  }
  const size = { width: 3 * (WIDTH + GAP) + GAP, height: top, channels: 3 as const, background: '#fdfcfa' };
  await sharp({ create: size }).composite(layers).webp({ quality: 82 }).toFile(join(FOLDER, file));
  console.log(join(FOLDER, file));
}
await worker.stop();
await rm(folder, { recursive: true });
