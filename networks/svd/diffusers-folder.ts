import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { z } from 'zod';
import { CheckpointError, SafetensorsFile, tensorsOf } from '../checkpoint/index.js';
import type { SourceTensor } from '../checkpoint/index.js';

/** Folder and file stem of each part. */
const PARTS = {
  unet: { folder: 'unet', stem: 'diffusion_pytorch_model' },
  vae: { folder: 'vae', stem: 'diffusion_pytorch_model' },
  vision: { folder: 'image_encoder', stem: 'model' },
} as const;

export type Part = keyof typeof PARTS;
/** '' is the full one, mostly float32; 'fp16' the halved one. */
export type Variant = '' | 'fp16';

export interface TensorFiles {
  readonly tensors: Map<string, SourceTensor>;
  readonly files: readonly SafetensorsFile[];
}

const indexSchema = z.object({
  weight_map: z.record(z.string(), z.string().regex(/^[\w.-]+\.safetensors$/)),
});

/**
 * Opens the weights of one part of a diffusers folder: one file, or several with an index beside them.
 * @param variants in the order of preference
 * @throws CheckpointError when there are none, or an index and its files disagree
 */
export function openPart(root: string, part: Part, variants: readonly Variant[]): TensorFiles {
  const { folder, stem } = PARTS[part];
  const names = variants.flatMap((variant) => {
    const infix = variant === '' ? '' : `.${variant}`;
    return [`${stem}${infix}.safetensors`, `${stem}.safetensors.index${infix}.json`];
  });
  const name = names.find((candidate) => existsSync(join(root, folder, candidate)));
  if (name === undefined) throw new CheckpointError(join(root, folder), [`has none of ${names.join(', ')}`]);
  const path = join(root, folder, name);
  if (name.endsWith('.json')) return openShards(join(root, folder), path);
  return openTensors(path);
}

/** Opens all tensors of one file. */
export function openTensors(path: string): TensorFiles {
  const file = new SafetensorsFile(path);
  return { tensors: tensorsOf(file), files: [file] };
}

function openShards(folder: string, indexPath: string): TensorFiles {
  const map = readIndex(indexPath);
  const files: SafetensorsFile[] = [];
  try {
    const byName = new Map<string, Map<string, SourceTensor>>();
    for (const name of new Set(Object.values(map))) {
      const file = new SafetensorsFile(join(folder, name));
      files.push(file);
      byName.set(name, tensorsOf(file));
    }
    const problems = Object.entries(map).flatMap(([tensor, name]) =>
      byName.get(name)?.has(tensor) === true ? [] : [`tensor '${tensor}' is not in ${name}`],
    );
    const tensors = new Map<string, SourceTensor>();
    for (const [name, shard] of byName) {
      for (const [tensor, source] of shard) {
        if (tensors.has(tensor)) problems.push(`tensor '${tensor}' is in two files, one of them ${name}`);
        tensors.set(tensor, source);
      }
    }
    if (problems.length > 0) throw new CheckpointError(indexPath, problems);
    return { tensors, files };
  } catch (error) {
    for (const file of files) file.close();
    throw error;
  }
}

function readIndex(path: string): Readonly<Record<string, string>> {
  let content: unknown;
  try {
    content = JSON.parse(readFileSync(path, 'utf8'));
  } catch (cause) {
    throw new CheckpointError(path, ['cannot be read as JSON'], { cause });
  }
  const parsed = indexSchema.safeParse(content);
  if (parsed.success) return parsed.data.weight_map;
  const problems = parsed.error.issues.map((issue) => `${issue.path.join('.')}: ${issue.message}`);
  throw new CheckpointError(path, problems);
}
