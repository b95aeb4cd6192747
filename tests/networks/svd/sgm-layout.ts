import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { RawTensor } from '../safetensors-file.js';

type Tensors = Record<string, RawTensor>;

/** All tensors of a safetensors file, in memory. */
export function readAll(path: string): Tensors {
  const bytes = readFileSync(path);
  const start = 8 + Number(bytes.readBigUInt64LE(0));
  const header = JSON.parse(bytes.toString('utf8', 8, start)) as Record<
    string,
    { dtype: string; shape: number[]; data_offsets: [number, number] }
  >;
  delete header.__metadata__;
  return Object.fromEntries(
    Object.entries(header).map(
      ([
        name,
        {
          dtype,
          shape,
          data_offsets: [from, to],
        },
      ]) => [name, { dtype, shape, bytes: bytes.subarray(start + from, start + to) }],
    ),
  );
}

/**
 * A diffusers pipeline's weights as Stability's single file has them: the key table of the published models, written
 * from diffusers' side, with the parts that sampling does not need beside them. `layers` and `levels` are the UNet's,
 * `vaeLevels` the VAE's.
 */
export function sgmTensors(folder: string, layers: number, levels: number, vaeLevels: number): Tensors {
  const part = (path: string) => Object.entries(readAll(join(folder, path)));
  const named = (entries: [string, RawTensor][], name: (key: string) => string): Tensors =>
    Object.fromEntries(entries.map(([key, tensor]) => [name(key), tensor]));
  const vae = part('vae/diffusion_pytorch_model.fp16.safetensors');
  const isDecoder = ([key]: [string, RawTensor]) => key.startsWith('decoder.');
  const junk: RawTensor = { dtype: 'F16', shape: [1], bytes: new Uint8Array(2) };
  return {
    ...named(
      part('unet/diffusion_pytorch_model.fp16.safetensors'),
      (key) => `model.diffusion_model.${unetKey(key, layers, levels)}`,
    ),
    ...pointwise(
      named(
        vae.filter((entry) => !isDecoder(entry)),
        (key) => `conditioner.embedders.3.encoder.${vaeKey(key, vaeLevels)}`,
      ),
    ),
    ...pointwise(named(vae.filter(isDecoder), (key) => `first_stage_model.${vaeKey(key, vaeLevels)}`)),
    ...visionTensors(part('image_encoder/model.fp16.safetensors')),
    'first_stage_model.encoder.conv_in.weight': junk,
    'conditioner.embedders.3.encoder.post_quant_conv.weight': junk,
    'conditioner.embedders.0.open_clip.model.logit_scale': junk,
    'model_ema.decay': junk,
  };
}

const SGM_LAYERS: Readonly<Record<string, string>> = {
  norm1: 'in_layers.0',
  conv1: 'in_layers.2',
  norm2: 'out_layers.0',
  conv2: 'out_layers.3',
};

function unetKey(key: string, layers: number, levels: number): string {
  const ends = key
    .replace(/^time_embedding\.linear_([12])/, (_, n: string) => `time_embed.${n === '1' ? 0 : 2}`)
    .replace(/^add_embedding\.linear_([12])/, (_, n: string) => `label_emb.0.${n === '1' ? 0 : 2}`)
    .replace(/^conv_in/, 'input_blocks.0.0')
    .replace(/^conv_norm_out/, 'out.0')
    .replace(/^conv_out/, 'out.2');
  return ends
    .replace(
      /^down_blocks\.(\d+)\.(resnets|attentions)\.(\d+)\./,
      (_, b: string, kind: string, l: string) => {
        return `input_blocks.${Number(b) * (layers + 1) + Number(l) + 1}.${kind === 'resnets' ? 0 : 1}.`;
      },
    )
    .replace(/^down_blocks\.(\d+)\.downsamplers\.0\.conv/, (_, b: string) => {
      return `input_blocks.${(Number(b) + 1) * (layers + 1)}.0.op`;
    })
    .replace(/^mid_block\.resnets\.([01])/, (_, n: string) => `middle_block.${Number(n) * 2}`)
    .replace(/^mid_block\.attentions\.0/, 'middle_block.1')
    .replace(/^up_blocks\.(\d+)\.(resnets|attentions)\.(\d+)\./, (_, b: string, kind: string, l: string) => {
      return `output_blocks.${Number(b) * (layers + 1) + Number(l)}.${kind === 'resnets' ? 0 : 1}.`;
    })
    .replace(/^up_blocks\.(\d+)\.upsamplers\.0\.conv/, (_, b: string) => {
      // The coarsest level of these networks has no transformer, so its upsampler moves up one place.
      return `output_blocks.${Number(b) * (layers + 1) + layers}.${b === '0' && levels > 1 ? 1 : 2}.conv`;
    })
    .replace('temporal_res_block.', 'time_stack.')
    .replace('spatial_res_block.', '')
    .replace(
      /^((?:input_blocks|output_blocks)\.\d+\.0\.|middle_block\.[02]\.)(time_stack\.|)(norm1|conv1|norm2|conv2)\./,
      (_, block: string, stack: string, layer: string) => `${block}${stack}${SGM_LAYERS[layer]}.`,
    )
    .replace('time_emb_proj.', 'emb_layers.1.')
    .replace('conv_shortcut.', 'skip_connection.')
    .replace('temporal_transformer_blocks.', 'time_stack.')
    .replace(/time_pos_embed\.linear_([12])/, (_, n: string) => `time_pos_embed.${n === '1' ? 0 : 2}`);
}

function vaeKey(key: string, levels: number): string {
  const block = key
    .replace(/^encoder\.down_blocks\.(\d+)\.resnets\.(\d+)\./, 'encoder.down.$1.block.$2.')
    .replace(/^encoder\.down_blocks\.(\d+)\.downsamplers\.0\.conv/, 'encoder.down.$1.downsample.conv')
    .replace(/^decoder\.up_blocks\.(\d+)\.resnets\.(\d+)\./, (_, u: string, j: string) => {
      return `decoder.up.${levels - 1 - Number(u)}.block.${j}.`;
    })
    .replace(/^decoder\.up_blocks\.(\d+)\.upsamplers\.0\.conv/, (_, u: string) => {
      return `decoder.up.${levels - 1 - Number(u)}.upsample.conv`;
    })
    .replace(/mid_block\.resnets\.([01])/, (_, n: string) => `mid.block_${Number(n) + 1}`)
    .replace('mid_block.attentions.0.', 'mid.attn_1.')
    .replace('decoder.time_conv_out', 'decoder.conv_out.time_mix_conv')
    .replace('conv_norm_out', 'norm_out')
    .replace('conv_shortcut', 'nin_shortcut')
    .replace('spatial_res_block.', '')
    .replace('time_mixer.mix_factor', 'mix_factor');
  return block
    .replace(
      /temporal_res_block\.(norm1|conv1|norm2|conv2)/,
      (_, layer: string) => `time_stack.${SGM_LAYERS[layer]}`,
    )
    .replace(/attn_1\.group_norm/, 'attn_1.norm')
    .replace(/attn_1\.to_([qkv])/, 'attn_1.$1')
    .replace('attn_1.to_out.0', 'attn_1.proj_out');
}

/** The middle's attention is made of 1×1 convolutions there. */
const pointwise = (tensors: Tensors): Tensors =>
  Object.fromEntries(
    Object.entries(tensors).map(([name, tensor]) => [
      name,
      /attn_1\.(q|k|v|proj_out)\.weight$/.test(name) ? { ...tensor, shape: [...tensor.shape, 1, 1] } : tensor,
    ]),
  );

function visionTensors(entries: [string, RawTensor][]): Tensors {
  const tensors: Tensors = {};
  const all = new Map(entries);
  for (const [key, tensor] of entries) {
    const layer = key.replace('vision_model.encoder.layers.', 'transformer.resblocks.');
    if (/self_attn\.[kv]_proj/.test(key)) continue;
    if (/self_attn\.q_proj/.test(key)) {
      const three = ['q', 'k', 'v'].map((p) => all.get(key.replace('q_proj', `${p}_proj`))!);
      const [rows, ...rest] = tensor.shape;
      const bytes = Buffer.concat(three.map((t) => t.bytes));
      const name = layer.replace('self_attn.q_proj.', 'attn.in_proj_');
      tensors[name] = { dtype: tensor.dtype, shape: [3 * rows, ...rest], bytes };
    } else if (key === 'visual_projection.weight') tensors.proj = turned(tensor);
    else {
      const name = layer
        .replace('vision_model.embeddings.class_embedding', 'class_embedding')
        .replace('vision_model.embeddings.position_embedding.weight', 'positional_embedding')
        .replace('vision_model.embeddings.patch_embedding.weight', 'conv1.weight')
        .replace('vision_model.pre_layrnorm', 'ln_pre')
        .replace('vision_model.post_layernorm', 'ln_post')
        .replace(/layer_norm([12])/, 'ln_$1')
        .replace('self_attn.out_proj', 'attn.out_proj')
        .replace('mlp.fc1', 'mlp.c_fc')
        .replace('mlp.fc2', 'mlp.c_proj');
      tensors[name] = tensor;
    }
  }
  return Object.fromEntries(
    Object.entries(tensors).map(([name, t]) => [`conditioner.embedders.0.open_clip.model.visual.${name}`, t]),
  );
}

/** A matrix of half floats, transposed. */
function turned({ dtype, shape, bytes }: RawTensor): RawTensor {
  const [height, width] = shape;
  const from = new Uint16Array(Uint8Array.from(bytes).buffer);
  const to = new Uint16Array(from.length);
  for (let y = 0; y < height; y++) for (let x = 0; x < width; x++) to[x * height + y] = from[y * width + x];
  return { dtype, shape: [width, height], bytes: new Uint8Array(to.buffer) };
}
