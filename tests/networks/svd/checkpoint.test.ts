import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { cpSync, mkdtempSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { CheckpointError } from '../../../networks/checkpoint/index.js';
import { buildSvdGraphs, openSvdCheckpoint } from '../../../networks/svd/index.js';
import type { CheckpointOptions } from '../../../networks/svd/index.js';
import type { RawTensor } from '../safetensors-file.js';
import { writeSafetensors } from '../safetensors-file.js';
import { readAll, sgmTensors } from './sgm-layout.js';
import { TINY } from './tiny.js';

const UNET = 'unet/diffusion_pytorch_model.fp16.safetensors';
const HEADS = { unetHeadChannels: 16, visionHeadChannels: 16 };

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'checkpoint-'));
});
afterEach(() => rmSync(folder, { recursive: true }));

/** A copy of the tiny pipeline, which a test may change. */
function copy(): string {
  for (const part of ['unet', 'vae', 'image_encoder', 'scheduler']) {
    cpSync(join(TINY, part), join(folder, part), { recursive: true });
  }
  return folder;
}

function edit(path: string, change: (tensors: Record<string, RawTensor>) => void): void {
  const tensors = readAll(path);
  change(tensors);
  // The old file may be mapped or read-only.
  rmSync(path);
  writeSafetensors(path, tensors);
}

function editJson(path: string, change: Record<string, unknown>): void {
  const content = JSON.parse(readFileSync(path, 'utf8')) as object;
  writeFileSync(path, JSON.stringify({ ...content, ...change }));
}

/** Opens and builds everything, closes again, and gives the error if there was one. */
function fault(source: string, options: CheckpointOptions = {}): CheckpointError | null {
  try {
    const checkpoint = openSvdCheckpoint(source, options);
    try {
      buildSvdGraphs(checkpoint, { target: 'portable', precision: 'fp32', plain: false }, { maxFrames: 8 });
    } finally {
      checkpoint.close();
    }
    return null;
  } catch (error) {
    expect(error).toBeInstanceOf(CheckpointError);
    return error as CheckpointError;
  }
}

/** The tiny pipeline as a single file. */
function single(
  change: (tensors: Record<string, RawTensor>) => void = () => undefined,
  name = 'svd.safetensors',
) {
  const tensors = sgmTensors(TINY, 1, 2, 4);
  change(tensors);
  writeSafetensors(join(folder, name), tensors);
  return join(folder, name);
}

describe('tensors', () => {
  test('every missing, unused, wrongly shaped and wrongly typed one is named in one error', () => {
    const source = copy();
    edit(join(source, UNET), (tensors) => {
      delete tensors['conv_in.bias'];
      tensors['conv_out.weight'] = { ...tensors['conv_out.weight'], shape: [32, 4, 3, 3] };
      tensors['extra.weight'] = { dtype: 'F16', shape: [1], bytes: new Uint8Array(2) };
      tensors['mid_block.resnets.0.time_mixer.mix_factor'] = {
        dtype: 'I16',
        shape: [1],
        bytes: new Uint8Array(2),
      };
    });
    edit(join(source, 'vae/diffusion_pytorch_model.fp16.safetensors'), (tensors) => {
      delete tensors['decoder.mid_block.attentions.0.to_q.weight'];
    });
    expect(fault(source)?.problems.toSorted()).toEqual([
      "unet: missing: 'conv_in.bias' [32]",
      "unet: unused: 'extra.weight'",
      "unet: wrong shape: 'conv_out.weight' is [32, 4, 3, 3], expected [4, 32, 3, 3]",
      "unet: wrong type: 'mid_block.resnets.0.time_mixer.mix_factor' is I16, expected F32, F16 or BF16",
      "vae: missing: 'decoder.mid_block.attentions.0.to_q.weight' [32, 32]",
    ]);
  });

  test('those that no computation needs are checked all the same', () => {
    const source = copy();
    const dead = 'mid_block.attentions.0.transformer_blocks.0.attn2.to_k.weight';
    edit(join(source, UNET), (tensors) => {
      delete tensors[dead];
    });
    expect(fault(source)?.problems).toEqual([`unet: missing: '${dead}' [64, 32]`]);
  });

  test('a fault of the single file is told by its own names', () => {
    const source = single((tensors) => {
      const at = 'model.diffusion_model.out.2.weight';
      tensors[at] = { ...tensors[at], shape: [4, 3, 3, 32] };
      tensors['model.diffusion_model.odd'] = { dtype: 'F16', shape: [1], bytes: new Uint8Array(2) };
      tensors['stray'] = tensors['model.diffusion_model.odd'];
    });
    expect(fault(source, HEADS)?.problems).toEqual([
      "unet: wrong shape: 'conv_out.weight' (in the file 'model.diffusion_model.out.2.weight') is [4, 3, 3, 32], expected [4, 32, 3, 3]",
      "unet: unused: 'odd' (in the file 'model.diffusion_model.odd')",
      "unused: 'stray' belongs to no network",
    ]);
  });
});

describe('the diffusers folder', () => {
  test('is taken from several files with an index', () => {
    const source = copy();
    const tensors = Object.entries(readAll(join(source, UNET)));
    rmSync(join(source, UNET));
    const shards = [tensors.slice(0, 100), tensors.slice(100)];
    const weight_map: Record<string, string> = {};
    shards.forEach((shard, i) => {
      const name = `diffusion_pytorch_model.fp16-0000${i + 1}-of-00002.safetensors`;
      writeSafetensors(join(source, 'unet', name), Object.fromEntries(shard));
      for (const [tensor] of shard) weight_map[tensor] = name;
    });
    const index = join(source, 'unet/diffusion_pytorch_model.safetensors.index.fp16.json');
    writeFileSync(index, JSON.stringify({ weight_map }));
    expect(fault(source)).toBeNull();

    const [[moved]] = tensors;
    writeFileSync(
      index,
      JSON.stringify({ weight_map: { ...weight_map, [moved]: weight_map[tensors[200][0]] } }),
    );
    expect(fault(source)?.message).toMatch(`tensor '${moved}' is not in diffusion_pytorch_model.fp16-00002`);
    writeFileSync(index, JSON.stringify({ weight_map: { a: '../../etc/passwd.safetensors' } }));
    expect(fault(source)?.message).toMatch('weight_map.a');
  });

  test('gives the full or the half weights, as preferred, where it has both', () => {
    const source = copy();
    const half = join(source, UNET);
    renameSync(half, join(source, 'unet/diffusion_pytorch_model.safetensors'));
    expect(fault(source)).toBeNull();
    writeSafetensors(half, {});
    expect(fault(source, { prefer: '' })).toBeNull();
    expect(fault(source, { prefer: 'fp16' })?.problems).toContain("unet: missing: 'conv_in.bias' [32]");
  });

  test('without weights is refused with the names looked for', () => {
    const source = copy();
    rmSync(join(source, UNET));
    expect(fault(source)?.message).toMatch(/unet: has none of diffusion_pytorch_model.safetensors, .*fp16/);
  });

  test('with a configuration that does not hold together is refused, naming the field', () => {
    const source = copy();
    const config = join(source, 'unet/config.json');
    editJson(config, { num_attention_heads: [2, 4, 8] });
    expect(fault(source)?.message).toMatch('num_attention_heads: expected one value or 2, got 3');
    editJson(config, { num_attention_heads: 3 });
    expect(fault(source)?.problems).toContain('unet: 32 channels do not make 3 heads');
    editJson(config, { num_attention_heads: [2, 4], down_block_types: ['DownBlock2D', 'DownBlock2D'] });
    expect(fault(source)?.message).toMatch('down_block_types.0');
    cpSync(join(TINY, 'unet/config.json'), config);
    editJson(join(source, 'scheduler/scheduler_config.json'), { prediction_type: 'epsilon' });
    expect(fault(source)?.message).toMatch('prediction_type');
  });

  test('of older transformers may carry position_ids', () => {
    const source = copy();
    edit(join(source, 'image_encoder/model.fp16.safetensors'), (tensors) => {
      const ids = { dtype: 'I64', shape: [1, 50], bytes: new Uint8Array(400) };
      tensors['vision_model.embeddings.position_ids'] = ids;
    });
    expect(fault(source)).toBeNull();
  });
});

describe('the single file', () => {
  test('gives the configuration that the folder spells out, but for the epsilons', () => {
    const folderOf = openSvdCheckpoint(TINY);
    const file = openSvdCheckpoint(single(), { ...HEADS, epsilons: 'diffusers', frames: 5 });
    // A level without transformers has no context of its own; both say the middle's.
    expect(file.configuration).toEqual(folderOf.configuration);
    expect(file.layout).toBe('sgm');
    file.close();
    const own = openSvdCheckpoint(join(folder, 'svd.safetensors'), HEADS);
    expect(own.configuration.unet.epsilons).toEqual({ attending: 1e-5, plain: 1e-5 });
    expect(own.ignored).toHaveLength(4);
    own.close();
    folderOf.close();
  });

  test('tells XT by its name only', () => {
    const short = openSvdCheckpoint(single(), HEADS);
    const long = openSvdCheckpoint(single(undefined, 'svd_xt.safetensors'), HEADS);
    expect([short.configuration.frames, long.configuration.frames]).toEqual([14, 25]);
    short.close();
    long.close();
  });

  test('of another network, with a picture decoder, or without a tensor that tells a size is refused', () => {
    writeSafetensors(join(folder, 'x.safetensors'), {});
    expect(fault(join(folder, 'x.safetensors'))?.message).toMatch(
      'has no tensor under model.diffusion_model',
    );
    const picture = single((tensors) => {
      for (const part of ['weight', 'bias'])
        delete tensors[`first_stage_model.decoder.conv_out.time_mix_conv.${part}`];
    });
    expect(fault(picture, HEADS)?.message).toMatch('picture decoder');
    const cut = single((tensors) => delete tensors['model.diffusion_model.label_emb.0.0.weight']);
    expect(fault(cut, HEADS)?.problems).toEqual([
      "missing: 'add_embedding.linear_1.weight', which tells the size of the network",
    ]);
  });
});

test('what is no checkpoint at all is refused', () => {
  expect(fault(join(folder, 'none'))?.message).toMatch('does not exist');
  expect(fault(folder)?.message).toMatch('unet/config.json is missing');
});
