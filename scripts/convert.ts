/**
 * Converts published Stable Video Diffusion weights into a model folder of ONNX graphs.
 *
 *   npm run convert -- SOURCE --out models/NAME [--target cuda] [--precision fp16] …
 *
 * Exit status: 0 done, 1 failed, 2 wrong usage, 130 interrupted.
 */
import { Command, InvalidArgumentError, Option } from 'commander';
import { CheckpointError } from '../networks/checkpoint/index.js';
import { DiskSpaceError } from '../networks/disk-space.js';
import { convertSvd, FolderOccupiedError } from '../networks/svd/index.js';
import type { EpsilonChoice, RecipeName } from '../networks/svd/index.js';
import { openByteProgress } from './byte-progress.js';
import { addFormOptions, precisionOf, type FormOptions } from './conversion-options.js';

interface Options extends FormOptions {
  readonly out: string;
  readonly plain: boolean;
  readonly name?: string;
  readonly licence?: string;
  readonly unet?: string;
  readonly recipe?: RecipeName;
  readonly epsilons?: EpsilonChoice;
  readonly frames?: number;
  readonly maxFrames?: number;
  readonly unetHeadChannels?: number;
  readonly visionHeadChannels?: number;
}

const EXIT_FAILED = 1;
const EXIT_USAGE = 2;
const EXIT_INTERRUPTED = 130;

function count(text: string): number {
  const value = Number(text);
  if (!Number.isInteger(value) || value < 1)
    throw new InvalidArgumentError('It must be an integer of 1 or more.');
  return value;
}

const program = addFormOptions(new Command('convert'))
  .description('Converts Stable Video Diffusion weights into a model folder')
  .argument('<source>', 'a diffusers folder, or a single .safetensors file in Stability’s layout')
  .requiredOption('--out <folder>', 'the model folder to write, models/NAME')
  .option('--plain', 'the graphs as published, without savings, to compare with', false)
  .option('--name <name>', 'the model’s name; default the folder’s')
  .option('--licence <text>', 'licence of the weights, for model.json')
  .option(
    '--unet <file>',
    'take the UNet from this file instead, which holds nothing else (AnimateLCM-SVD-xt)',
  )
  .addOption(
    new Option(
      '--recipe <recipe>',
      'how it is sampled; default lcm for such a file with LCM in its name, else svd',
    ).choices(['svd', 'lcm']),
  )
  .option('--frames <count>', 'frames the model was trained on, where the source does not say', count)
  .option('--max-frames <count>', 'the longest clip; default twice the trained length, 32 at least', count)
  .addOption(
    new Option('--epsilons <code base>', 'whose norm epsilons; default by the layout').choices([
      'sgm',
      'diffusers',
    ]),
  )
  .option('--unet-head-channels <count>', 'single file: channels of an attention head (64)', count)
  .option('--vision-head-channels <count>', 'single file: the same in the vision tower (80)', count)
  .exitOverride((error) => process.exit(error.exitCode === 0 ? 0 : EXIT_USAGE));

/** Faults of the source, the target or the disk: their messages say all. */
const isExpected = (error: unknown): error is Error =>
  [CheckpointError, FolderOccupiedError, DiskSpaceError].some((kind) => error instanceof kind);

async function convert(source: string, options: Options): Promise<void> {
  const { out, target, plain, deepcache, ...rest } = options;
  if (plain && target === 'cuda') program.error('error: --plain goes with --target portable only');
  const abort = new AbortController();
  process.once('SIGINT', () => abort.abort());
  process.once('SIGTERM', () => abort.abort());
  const started = performance.now();
  const progress = openByteProgress(process.stderr, 'weights');
  try {
    const form = { target, plain, precision: precisionOf(options) };
    const done = await convertSvd(source, out, {
      ...rest,
      form,
      branches: deepcache ?? [],
      signal: abort.signal,
      onProgress: (written, total) => progress.show(written, total),
    });
    progress.close();
    const seconds = ((performance.now() - started) / 1000).toFixed(1);
    const megabytes = (done.bytes / 1e6).toFixed(1);
    console.log(
      `${out}: ${target} ${form.precision} graphs from the ${done.layout} layout, ${megabytes} MB in ${seconds} s`,
    );
    if (done.ignored.length > 0)
      console.log(`${done.ignored.length} tensors that sampling does not need were left out`);
  } catch (error) {
    progress.close();
    if (abort.signal.aborted) process.exitCode = EXIT_INTERRUPTED;
    else if (isExpected(error)) {
      console.error(error.message);
      process.exitCode = EXIT_FAILED;
    } else throw error;
  }
}

await program.action(convert).parseAsync();
