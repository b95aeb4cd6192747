/**
 * Fetches published weights and converts them into a model folder. Can be interrupted and started again: it goes on where
 * it was.
 *
 *   npm run fetch-model -- svd-xt
 *
 * Environment: HF_TOKEN for models behind a licence, MODELS_DIR. Exit status: 0 done, 1 failed, 2 wrong usage,
 * 130 interrupted.
 */
import { Command, Option } from 'commander';
import { join } from 'node:path';
import { CheckpointError } from '../networks/checkpoint/index.js';
import { DiskSpaceError } from '../networks/disk-space.js';
import { fetchModel, HubError, MODEL_NAMES, type FetchPlan } from '../networks/hub/index.js';
import { convertSvd, FolderOccupiedError, requireFree } from '../networks/svd/index.js';
import { openByteProgress } from './byte-progress.js';
import { addFormOptions, precisionOf, type FormOptions } from './conversion-options.js';

interface Options extends FormOptions {
  readonly out?: string;
  readonly weights?: string;
  readonly prefer: 'fp16' | 'full';
  readonly revision?: string;
  readonly convert: boolean;
}

const EXIT_FAILED = 1;
const EXIT_USAGE = 2;
const EXIT_INTERRUPTED = 130;

const program = addFormOptions(new Command('fetch-model'))
  .description('Fetches the weights of Stable Video Diffusion and converts them')
  .argument('<model>', `${MODEL_NAMES.join(', ')}, or a repository OWNER/NAME`)
  .option('--out <folder>', 'the model folder to write; default MODEL under MODELS_DIR')
  .option('--weights <folder>', 'where to put the download; default .weights/MODEL under MODELS_DIR')
  .addOption(
    new Option('--prefer <weights>', 'where both are published').choices(['fp16', 'full']).default('fp16'),
  )
  .option('--revision <revision>', 'branch, tag or commit; default main')
  .option('--no-convert', 'download only')
  .exitOverride((error) => process.exit(error.exitCode === 0 ? 0 : EXIT_USAGE));

const gigabytes = (bytes: number): string => `${(bytes / 1e9).toFixed(2)} GB`;

function announce({ repository, commit, licence, files, bytes, missing }: FetchPlan): void {
  console.log(`${repository} at ${commit.slice(0, 12)}`);
  console.log(`licence: ${licence}`);
  console.log(`${files} files, ${gigabytes(bytes)}, of which ${gigabytes(missing)} are to be fetched`);
}

/** Faults of the hub, the weights, the target or the disk: their messages say all. */
const isExpected = (error: unknown): error is Error =>
  [HubError, CheckpointError, FolderOccupiedError, DiskSpaceError].some((kind) => error instanceof kind);

async function run(model: string, options: Options): Promise<void> {
  const modelsDir = process.env.MODELS_DIR ?? 'models';
  const name = model.split('/').at(-1) ?? model;
  const out = options.out ?? join(modelsDir, name);
  const weights = options.weights ?? join(modelsDir, '.weights', model.replaceAll('/', '--'));
  const { HF_TOKEN: token, HF_ENDPOINT: hubUrl } = process.env;
  const abort = new AbortController();
  process.once('SIGINT', () => abort.abort()).once('SIGTERM', () => abort.abort());
  let progress = openByteProgress(process.stderr, 'download');
  const onProgress = (bytes: number, total: number): void => progress.show(bytes, total);
  try {
    if (options.convert) await requireFree(out, options.replace); // said now, not after gigabytes
    const fetched = await fetchModel(model, weights, {
      prefer: options.prefer,
      ...(options.revision === undefined ? {} : { revision: options.revision }),
      ...(token ? { token } : {}),
      ...(hubUrl ? { hubUrl } : {}),
      signal: abort.signal,
      onPlan: announce,
      onProgress,
    });
    progress.close();
    console.log(`${weights}: ${fetched.files.length} files, whole and checked`);
    if (!options.convert) return;
    progress = openByteProgress(process.stderr, 'convert');
    const form = { target: options.target, precision: precisionOf(options) };
    const { signal } = abort;
    const { licence, unet } = fetched;
    const { replace, deepcache: branches = [] } = options;
    const described = { form, licence, name, branches, ...(unet === undefined ? {} : { unet }) };
    await convertSvd(weights, out, { ...described, replace, signal, onProgress });
    progress.close();
    console.log(`${out}: ready, start it with MODEL=${out}; ${weights} is not needed any more`);
  } catch (error) {
    progress.close();
    if (abort.signal.aborted) process.exitCode = EXIT_INTERRUPTED;
    else if (isExpected(error)) {
      console.error(error.message);
      process.exitCode = EXIT_FAILED;
    } else throw error;
  }
}

await program.action(run).parseAsync();
