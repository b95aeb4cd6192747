/**
 * Fetches published weights, to be converted afterwards. Can be interrupted and started again: it goes on where it was.
 *
 *   npm run fetch-model -- svd-xt
 *
 * Environment: HF_TOKEN for models behind a licence. Exit status: 0 done, 1 failed, 2 wrong usage, 130 interrupted.
 */
import { Command, Option } from 'commander';
import { join } from 'node:path';
import { fetchModel, HubError, KNOWN_MODELS } from '../networks/hub/index.js';
import { openByteProgress } from './byte-progress.js';

interface Options {
  readonly out?: string;
  readonly prefer: 'fp16' | 'full';
  readonly revision?: string;
}

const EXIT_FAILED = 1;
const EXIT_USAGE = 2;
const EXIT_INTERRUPTED = 130;

const program = new Command('fetch-model')
  .description('Fetches the weights of Stable Video Diffusion')
  .argument('<model>', `${Object.keys(KNOWN_MODELS).join(', ')}, or a repository OWNER/NAME`)
  .option('--out <folder>', 'where to put them; default models/.weights/MODEL')
  .addOption(
    new Option('--prefer <weights>', 'where both are published').choices(['fp16', 'full']).default('fp16'),
  )
  .option('--revision <revision>', 'branch, tag or commit; default main')
  .exitOverride((error) => process.exit(error.exitCode === 0 ? 0 : EXIT_USAGE));

async function fetch(model: string, { out, ...options }: Options): Promise<void> {
  const folder = out ?? join('models', '.weights', model.replaceAll('/', '--'));
  const token = process.env.HF_TOKEN;
  const abort = new AbortController();
  process.once('SIGINT', () => abort.abort()).once('SIGTERM', () => abort.abort());
  const progress = openByteProgress(process.stderr, model);
  try {
    const fetched = await fetchModel(model, folder, {
      ...options,
      ...(token === undefined || token === '' ? {} : { token }),
      signal: abort.signal,
      onProgress: (bytes, total) => progress.show(bytes, total),
    });
    progress.close();
    const megabytes = (fetched.bytes / 1e6).toFixed(0);
    console.log(
      `${folder}: ${fetched.files.length} files, ${megabytes} MB, ${fetched.repository} at ${fetched.commit}`,
    );
    console.log(`next: npm run convert -- ${folder} --out models/${model.split('/').at(-1) ?? model}`);
  } catch (error) {
    progress.close();
    if (abort.signal.aborted) process.exitCode = EXIT_INTERRUPTED;
    else if (error instanceof HubError) {
      console.error(error.message);
      process.exitCode = EXIT_FAILED;
    } else throw error;
  }
}

await program.action(fetch).parseAsync();
