/**
 * Converts a recorded pipeline and compares every network, and the whole run, with the recording.
 *
 *   npm run check:networks -- DIR...
 *
 * Exit status: 0 all within tolerance, 1 something is not, 2 a folder cannot be used.
 */
import { Command, InvalidArgumentError, Option } from 'commander';
import { CheckpointError } from '../networks/checkpoint/index.js';
import type { EpsilonChoice, GraphForm } from '../networks/svd/index.js';
import { PipelineError } from '../pipeline/errors.js';
import { checkNetworks } from './network-checks/check.js';
import { isWithin, lineOf } from './network-checks/deviation.js';

interface Options {
  readonly plain: boolean;
  readonly precision: GraphForm['precision'];
  readonly epsilons?: EpsilonChoice;
  readonly unetHeadChannels?: number;
  readonly visionHeadChannels?: number;
}

const EXIT_DEVIATES = 1;
const EXIT_UNUSABLE = 2;

function count(text: string): number {
  const value = Number(text);
  if (!Number.isInteger(value) || value < 1)
    throw new InvalidArgumentError('It must be an integer of 1 or more.');
  return value;
}

const program = new Command('check-networks')
  .description('Compares converted networks with recorded ones')
  .argument(
    '<folders...>',
    'a pipeline with modules.safetensors and, for a whole run, pipeline.json beside it',
  )
  .option('--plain', 'check the form without savings', false)
  .addOption(
    new Option('--precision <precision>', 'of the weights').choices(['fp32', 'fp16']).default('fp32'),
  )
  .addOption(
    new Option('--epsilons <code base>', 'whose norm epsilons; default those of the recording').choices([
      'sgm',
      'diffusers',
    ]),
  )
  .option('--unet-head-channels <count>', 'single file: channels of an attention head (64)', count)
  .option('--vision-head-channels <count>', 'single file: the same in the vision tower (80)', count)
  .exitOverride((error) => process.exit(error.exitCode === 0 ? 0 : EXIT_UNUSABLE));

async function check(folders: readonly string[], { plain, precision, ...rest }: Options): Promise<void> {
  for (const folder of folders) {
    try {
      const { conversion, comparisons } = await checkNetworks(folder, {
        ...rest,
        form: { plain, precision },
      });
      console.log(`${folder} (${conversion.layout} layout, ${precision}${plain ? ', plain' : ''})`);
      for (const comparison of comparisons) console.log(`  ${lineOf(comparison)}`);
      if (!comparisons.every(isWithin)) process.exitCode ??= EXIT_DEVIATES;
    } catch (error) {
      if (!(error instanceof CheckpointError || error instanceof PipelineError)) throw error;
      console.error(error.message);
      process.exitCode = EXIT_UNUSABLE;
    }
  }
}

await program.action(check).parseAsync();
