/** `npm run animate -- --image FILE --out FILE.mp4 …`: the service's pipeline from the command line. */
import { constants } from 'node:fs';
import { access, copyFile, mkdtemp, rename, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join, parse, resolve } from 'node:path';
import { Command, InvalidArgumentError, Option } from 'commander';
import { clipFields } from '../pipeline/clip-fields.js';
import type { ClipResult } from '../pipeline/clip-job.js';
import { resolveClip } from '../pipeline/clip-request.js';
import { PipelineError } from '../pipeline/errors.js';
import { readManifest } from '../pipeline/manifest.js';
import { WorkerProcess } from '../pipeline/worker-process.js';
import { InvalidParameterError } from '../samplers/index.js';
import { provideModel } from '../server/model-folder.js';
import { openProgress } from './progress.js';
import { workDone } from './work-done.js';

interface Options {
  readonly image: string;
  readonly out: string;
  readonly model: string;
  readonly device: string;
  readonly lowVram: boolean;
  readonly halfBatch: boolean;
  readonly [clipOption: string]: string | boolean | undefined;
}

/** Options that read better in words than as the API's one-letter names. */
const WORDS: Readonly<Record<string, string>> = { W: 'width', H: 'height', T: 'frames' };
const EXIT_FAILED = 1;
const EXIT_USAGE = 2;
const EXIT_INTERRUPTED = 130;

const optionOf = (field: string): string => WORDS[field] ?? field.replaceAll('_', '-');
/** commander's own name for `--motion-bucket-id` is motionBucketId. */
const keyOf = (field: string): string =>
  optionOf(field).replace(/-([a-z0-9])/g, (_, letter: string) => letter.toUpperCase());

const isSet = (variable: string | undefined): boolean => variable === '1' || variable === 'true';

const mp4Path = (path: string): string => {
  if (!path.endsWith('.mp4')) throw new InvalidArgumentError('It must end in .mp4.');
  return resolve(path);
};

function command(): Command {
  const program = new Command('animate')
    .description('Makes a short video from a picture')
    .requiredOption('--image <file>', 'the picture to animate')
    .requiredOption('--out <file.mp4>', 'the video to write', mp4Path)
    .option('--model <name>', 'a model under MODELS_DIR, or the path of its folder', 'kenburns')
    .option('--device <device>', 'auto, cpu, cuda or cuda:<index>', process.env.DEVICE ?? 'auto')
    .option('--low-vram', 'hold one network in memory at a time', isSet(process.env.LOW_VRAM))
    .option('--half-batch', 'evaluate guidance one branch at a time', isSet(process.env.HALF_BATCH))
    .exitOverride((error) => process.exit(error.exitCode === 0 ? 0 : EXIT_USAGE));
  // The values are checked against the model, once it is known.
  for (const field of clipFields()) {
    program.addOption(new Option(`--${optionOf(field.name)} <value>`, field.description));
  }
  return program;
}

/** The clip's fields under their wire names. */
function wireFields(options: Options): Record<string, string> {
  const given = clipFields()
    .map(({ name }) => [name, options[keyOf(name)]] as const)
    .filter((entry): entry is readonly [string, string] => typeof entry[1] === 'string');
  return Object.fromEntries(given);
}

/** Puts the finished files where they were asked for: FILE.mp4, FILE.gif, then FILE-2.mp4, … and FILE-grid.mp4. */
async function deliver(result: ClipResult, folder: string, out: string): Promise<string[]> {
  const { dir, name } = parse(out);
  const files: (readonly [file: string, target: string])[] = [];
  result.videos.forEach(({ file, gif }, index) => {
    const stem = join(dir, index === 0 ? name : `${name}-${index + 1}`);
    files.push([file, `${stem}.mp4`]);
    if (gif !== undefined) files.push([gif, `${stem}.gif`]);
  });
  if (result.grid !== undefined) files.push([result.grid, join(dir, `${name}-grid.mp4`)]);
  for (const [file, target] of files) {
    await copyFile(join(folder, file), `${target}.part`);
    await rename(`${target}.part`, target);
  }
  return files.map(([, target]) => target);
}

async function animate(options: Options): Promise<void> {
  const image = resolve(options.image);
  await access(image, constants.R_OK).catch(() => {
    throw new InvalidParameterError('--image', options.image, 'a file that can be read');
  });
  await access(dirname(options.out), constants.W_OK).catch(() => {
    throw new InvalidParameterError('--out', options.out, 'a file in a folder that can be written to');
  });
  const modelsDir = resolve(process.env.MODELS_DIR ?? 'models');
  const modelFolder = await provideModel({ modelsDir, model: options.model });
  const { params, warnings } = resolveClip(wireFields(options), await readManifest(modelFolder));
  for (const warning of warnings) console.error(`warning: ${warning}`);

  const { device, lowVram, halfBatch } = options;
  const worker = new WorkerProcess({ modelFolder, device, lowVram, halfBatch });
  const abort = new AbortController();
  process.once('SIGINT', () => abort.abort()).once('SIGTERM', () => abort.abort());
  worker.on('ready', ({ warning }) => warning !== undefined && console.error(`warning: ${warning}`));
  worker.start();
  const folder = await mkdtemp(join(tmpdir(), 'animate-'));
  const bar = openProgress(process.stderr);
  try {
    const job = { id: 'animate', picture: image, params, folder };
    const result = await worker.run(job, {
      signal: abort.signal,
      onProgress: (progress) => bar.show(progress),
      onPreview: bar.preview,
    });
    bar.close();
    for (const warning of result.warnings) console.error(`warning: ${warning}`);
    for (const file of await deliver(result, folder, options.out)) console.log(file);
    console.error(`seed ${params.seed}, ${params.T} frames, ${params.W}×${params.H}, model ${options.model}`);
    if (result.evaluations) console.error(workDone(params.steps, result.evaluations));
  } finally {
    bar.close();
    await worker.stop();
    await rm(folder, { recursive: true, force: true });
  }
}

animate(command().parse().opts<Options>()).catch((error: unknown) => {
  if (error instanceof InvalidParameterError || error instanceof PipelineError) console.error(error.message);
  else console.error(error);
  const interrupted = error instanceof PipelineError && error.code === 'cancelled';
  process.exitCode = interrupted
    ? EXIT_INTERRUPTED
    : error instanceof InvalidParameterError
      ? EXIT_USAGE
      : EXIT_FAILED;
});
