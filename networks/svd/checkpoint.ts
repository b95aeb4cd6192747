import { existsSync, statSync } from 'node:fs';
import { basename, join } from 'node:path';
import { CheckpointError, SafetensorsFile, TensorLedger, tensorsOf } from '../checkpoint/index.js';
import type { SourceTensor } from '../checkpoint/index.js';
import { configurationProblems } from './configuration.js';
import type { EpsilonChoice, SvdConfiguration } from './configuration.js';
import { readDiffusersConfiguration } from './diffusers-configuration.js';
import { openPart, openTensors } from './diffusers-folder.js';
import type { Part, Variant } from './diffusers-folder.js';
import { configurationFromShapes } from './sgm-configuration.js';
import { sortSgmTensors } from './sgm-file.js';

export interface CheckpointOptions {
  /** Group norm epsilons; by default those of the code base whose layout it is. */
  readonly epsilons?: EpsilonChoice;
  /** Which weights to take where a diffusers folder has both; default the full ones. */
  readonly prefer?: Variant;
  /** Frames the model was trained on; a single file does not say (default: 25 for a name with `xt`, else 14). */
  readonly frames?: number;
  /** A file with the UNet's tensors alone, under diffusers' names, in the place of the source's own UNet. */
  readonly unet?: string;
  /** Head widths a single file does not say; defaults 64 and 80. */
  readonly unetHeadChannels?: number;
  readonly visionHeadChannels?: number;
}

/** A published SVD pipeline, open for reading. Tensors have diffusers' names whatever the layout. */
export interface SvdCheckpoint {
  readonly source: string;
  readonly layout: 'diffusers' | 'sgm';
  readonly configuration: SvdConfiguration;
  readonly ledgers: Readonly<Record<Part, TensorLedger>>;
  /** Tensors of the file that sampling does not need. */
  readonly ignored: readonly string[];
  /** Tensors of the file that belong to no network known here. */
  readonly strays: readonly string[];
  readonly close: () => void;
}

/**
 * Opens a diffusers folder, or a single file in Stability's layout. Reads headers only.
 * @throws CheckpointError for what is neither, and for configurations that do not hold together
 */
export function openSvdCheckpoint(source: string, options: CheckpointOptions = {}): SvdCheckpoint {
  const stats = statSync(source, { throwIfNoEntry: false });
  if (stats === undefined) throw new CheckpointError(source, ['does not exist']);
  const checkpoint = stats.isDirectory() ? openFolder(source, options) : openFile(source, options);
  const problems = configurationProblems(checkpoint.configuration);
  if (problems.length === 0) return checkpoint;
  checkpoint.close();
  throw new CheckpointError(source, problems);
}

function openFolder(source: string, options: CheckpointOptions): SvdCheckpoint {
  if (!existsSync(join(source, 'unet', 'config.json'))) {
    throw new CheckpointError(source, ['is no pipeline folder: unet/config.json is missing']);
  }
  const configuration = readDiffusersConfiguration(source, options.epsilons ?? 'diffusers');
  const variants: readonly Variant[] = options.prefer === 'fp16' ? ['fp16', ''] : ['', 'fp16'];
  const files: SafetensorsFile[] = [];
  const close = () => {
    for (const file of files) file.close();
  };
  const ledger = (part: Part) => {
    const opened =
      part === 'unet' && options.unet !== undefined
        ? openTensors(options.unet)
        : openPart(source, part, variants);
    files.push(...opened.files);
    // Older files of transformers carry this counter 0, 1, 2, …
    if (part === 'vision') opened.tensors.delete('vision_model.embeddings.position_ids');
    return new TensorLedger(part, opened.tensors);
  };
  try {
    const ledgers = { unet: ledger('unet'), vae: ledger('vae'), vision: ledger('vision') };
    const frames = options.frames ?? configuration.frames;
    return {
      source,
      layout: 'diffusers',
      configuration: { ...configuration, frames },
      ledgers,
      ignored: [],
      strays: [],
      close,
    };
  } catch (error) {
    close();
    throw error;
  }
}

function openFile(source: string, options: CheckpointOptions): SvdCheckpoint {
  const file = new SafetensorsFile(source);
  try {
    const sorted = sortSgmTensors(tensorsOf(file));
    refuseOthers(source, sorted.unet, sorted.vae);
    const configuration = configurationFromShapes(source, sorted, {
      epsilons: options.epsilons ?? 'sgm',
      unetHeadChannels: options.unetHeadChannels ?? 64,
      visionHeadChannels: options.visionHeadChannels ?? 80,
      frames: options.frames ?? (/xt/i.test(basename(source)) ? 25 : 14),
    });
    const ledger = (part: Part) => new TensorLedger(part, sorted[part]);
    const other = options.unet === undefined ? undefined : openTensors(options.unet);
    const unet = other === undefined ? ledger('unet') : new TensorLedger('unet', other.tensors);
    return {
      source,
      layout: 'sgm',
      configuration,
      ledgers: { unet, vae: ledger('vae'), vision: ledger('vision') },
      ignored: sorted.ignored,
      strays: sorted.unknown,
      close: () => [file, ...(other?.files ?? [])].forEach((opened) => opened.close()),
    };
  } catch (error) {
    file.close();
    throw error;
  }
}

function refuseOthers(
  source: string,
  unet: ReadonlyMap<string, SourceTensor>,
  vae: ReadonlyMap<string, SourceTensor>,
): void {
  if (unet.size === 0) {
    throw new CheckpointError(source, ['is no SVD file: it has no tensor under model.diffusion_model']);
  }
  if (!vae.has('decoder.time_conv_out.weight') && vae.has('decoder.conv_out.weight')) {
    const problem = 'has a picture decoder (an "image_decoder" variant); the temporal one is needed';
    throw new CheckpointError(source, [problem]);
  }
}
