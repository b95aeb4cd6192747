import { Option, type Command } from 'commander';
import type { GraphForm } from '../networks/svd/index.js';

/** What the command line says of the form of the graphs. */
export interface FormOptions {
  readonly target: GraphForm['target'];
  readonly precision?: GraphForm['precision'];
  readonly replace: boolean;
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
    .option('--replace', 'replace the folder if it exists', false);

/** Half precision is what CUDA graphs are for; the CPU computes in single precision anyway. */
export const precisionOf = ({ target, precision }: FormOptions): GraphForm['precision'] =>
  precision ?? (target === 'cuda' ? 'fp16' : 'fp32');
