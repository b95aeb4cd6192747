import { InvalidArgumentError, Option, type Command } from 'commander';
import type { GraphForm } from '../networks/svd/index.js';

/** What the command line says of the form of the graphs. */
export interface FormOptions {
  readonly target: GraphForm['target'];
  readonly precision?: GraphForm['precision'];
  readonly deepcache?: readonly number[];
  readonly replace: boolean;
}

/** `0,1,3` */
function branchList(text: string): readonly number[] {
  if (!/^\d+(,\d+)*$/.test(text)) throw new InvalidArgumentError('It must be numbers like 0,1,3.');
  return text.split(',').map(Number);
}

/** Adds the options that decide the form of converted graphs. */
export const addFormOptions = (program: Command): Command =>
  program
    .addOption(
      new Option('--target <target>', 'portable: any device; cuda: NVIDIA only, faster there')
        .choices(['portable', 'cuda'])
        .default('portable'),
    )
    .addOption(
      new Option('--precision <precision>', 'of the weights; default fp32, for cuda fp16').choices([
        'fp32',
        'fp16',
      ]),
    )
    .option(
      '--deepcache <branches>',
      'write graphs for caching (DeepCache) that are cut at these branches, such as 0,1,3',
      branchList,
    )
    .option('--replace', 'replace the folder if it exists', false);

/** Half precision is what CUDA graphs are for; the CPU computes in single precision anyway. */
export const precisionOf = ({ target, precision }: FormOptions): GraphForm['precision'] =>
  precision ?? (target === 'cuda' ? 'fp16' : 'fp32');
