/** A rule that gives a tensor its diffusers name: text before the match and after it stays. */
type Rules = readonly (readonly [pattern: RegExp, name: string])[];

/** A place in the sgm numbering and the same place in diffusers'. */
interface Placement {
  readonly prefix: string;
  readonly name: string;
  readonly rules: Rules;
}

const RES_RULES: Rules = [
  [/^time_mixer\./, 'time_mixer.'],
  [/^time_stack\.(.*)$/, 'temporal_res_block.$1'],
  [/^(?!time_mixer|temporal_res_block)(.*)$/, 'spatial_res_block.$1'],
  [/\.in_layers\.0\./, '.norm1.'],
  [/\.in_layers\.2\./, '.conv1.'],
  [/\.emb_layers\.1\./, '.time_emb_proj.'],
  [/\.out_layers\.0\./, '.norm2.'],
  [/\.out_layers\.3\./, '.conv2.'],
  [/\.skip_connection\./, '.conv_shortcut.'],
];
const TRANSFORMER_RULES: Rules = [
  [/^time_stack\./, 'temporal_transformer_blocks.'],
  [/^time_pos_embed\.0\./, 'time_pos_embed.linear_1.'],
  [/^time_pos_embed\.2\./, 'time_pos_embed.linear_2.'],
];
const SAME: Rules = [];

const UNET_ENDS: readonly Placement[] = [
  { prefix: 'time_embed.0.', name: 'time_embedding.linear_1.', rules: SAME },
  { prefix: 'time_embed.2.', name: 'time_embedding.linear_2.', rules: SAME },
  { prefix: 'label_emb.0.0.', name: 'add_embedding.linear_1.', rules: SAME },
  { prefix: 'label_emb.0.2.', name: 'add_embedding.linear_2.', rules: SAME },
  { prefix: 'input_blocks.0.0.', name: 'conv_in.', rules: SAME },
  { prefix: 'middle_block.0.', name: 'mid_block.resnets.0.', rules: RES_RULES },
  { prefix: 'middle_block.1.', name: 'mid_block.attentions.0.', rules: TRANSFORMER_RULES },
  { prefix: 'middle_block.2.', name: 'mid_block.resnets.1.', rules: RES_RULES },
  { prefix: 'out.0.', name: 'conv_norm_out.', rules: SAME },
  { prefix: 'out.2.', name: 'conv_out.', rules: SAME },
];

/** diffusers' name for a key of `model.diffusion_model.`, by key. Keys without a place keep their name. */
export function renameUnet(keys: readonly string[]): Map<string, string> {
  return rename(keys, [...UNET_ENDS, ...inputPlacements(keys), ...outputPlacements(keys)]);
}

/** sgm counts blocks through all levels; a downsampler is a block of its own and ends a level. */
function inputPlacements(keys: readonly string[]): Placement[] {
  const placements: Placement[] = [];
  let [level, layer] = [0, 0];
  for (const n of indices(keys, /^input_blocks\.(\d+)\./)) {
    if (n === 0) continue;
    const block = `input_blocks.${n}.`;
    if (keys.some((key) => key.startsWith(`${block}0.op.`))) {
      placements.push({
        prefix: `${block}0.op.`,
        name: `down_blocks.${level}.downsamplers.0.conv.`,
        rules: SAME,
      });
      [level, layer] = [level + 1, 0];
      continue;
    }
    const at = `down_blocks.${level}`;
    placements.push({ prefix: `${block}0.`, name: `${at}.resnets.${layer}.`, rules: RES_RULES });
    placements.push({ prefix: `${block}1.`, name: `${at}.attentions.${layer}.`, rules: TRANSFORMER_RULES });
    layer++;
  }
  return placements;
}

/** On the way up an upsampler is the last part of its level's last block, behind the transformer if there is one. */
function outputPlacements(keys: readonly string[]): Placement[] {
  const placements: Placement[] = [];
  let [level, layer] = [0, 0];
  for (const n of indices(keys, /^output_blocks\.(\d+)\./)) {
    const block = `output_blocks.${n}.`;
    const at = `up_blocks.${level}`;
    const upsampler = [1, 2].find((i) => keys.some((key) => key.startsWith(`${block}${i}.conv.`)));
    placements.push({ prefix: `${block}0.`, name: `${at}.resnets.${layer}.`, rules: RES_RULES });
    if (upsampler !== undefined) {
      const prefix = `${block}${upsampler}.conv.`;
      placements.push({ prefix, name: `${at}.upsamplers.0.conv.`, rules: SAME });
    }
    // After the upsampler's, since without a transformer that one has this place.
    placements.push({ prefix: `${block}1.`, name: `${at}.attentions.${layer}.`, rules: TRANSFORMER_RULES });
    if (upsampler === undefined) layer++;
    else [level, layer] = [level + 1, 0];
  }
  return placements;
}

const ATTENTION_RULES: Rules = [
  [/^norm\./, 'group_norm.'],
  [/^([qkv])\./, 'to_$1.'],
  [/^proj_out\./, 'to_out.0.'],
];
const ENCODER_RULES: Rules = [[/^nin_shortcut\./, 'conv_shortcut.']];
const DECODER_RULES: Rules = [
  [/^mix_factor$/, 'time_mixer.mix_factor'],
  [/^time_stack\.(.*)$/, 'temporal_res_block.$1'],
  [/^(?!time_mixer|temporal_res_block)(.*)$/, 'spatial_res_block.$1'],
  [/\.nin_shortcut\./, '.conv_shortcut.'],
  [/\.in_layers\.0\./, '.norm1.'],
  [/\.in_layers\.2\./, '.conv1.'],
  [/\.out_layers\.0\./, '.norm2.'],
  [/\.out_layers\.3\./, '.conv2.'],
];

/** diffusers' name for a key of the conditioner's encoder (`encoder.…`, `quant_conv.…`), by key. */
export function renameVaeEncoder(keys: readonly string[]): Map<string, string> {
  const levels = indices(keys, /^encoder\.down\.(\d+)\./).flatMap((i) => [
    ...indices(keys, new RegExp(`^encoder\\.down\\.${i}\\.block\\.(\\d+)\\.`)).map((j) => ({
      prefix: `encoder.down.${i}.block.${j}.`,
      name: `encoder.down_blocks.${i}.resnets.${j}.`,
      rules: ENCODER_RULES,
    })),
    {
      prefix: `encoder.down.${i}.downsample.conv.`,
      name: `encoder.down_blocks.${i}.downsamplers.0.conv.`,
      rules: SAME,
    },
  ]);
  return rename(keys, [...levels, ...vaeEnds('encoder', ENCODER_RULES)]);
}

/** diffusers' name for a key of `first_stage_model.` (`decoder.…`), by key. The decoder's levels count the other way. */
export function renameVaeDecoder(keys: readonly string[]): Map<string, string> {
  const found = indices(keys, /^decoder\.up\.(\d+)\./);
  const last = Math.max(0, ...found);
  const levels = found.flatMap((i) => [
    ...indices(keys, new RegExp(`^decoder\\.up\\.${i}\\.block\\.(\\d+)\\.`)).map((j) => ({
      prefix: `decoder.up.${i}.block.${j}.`,
      name: `decoder.up_blocks.${last - i}.resnets.${j}.`,
      rules: DECODER_RULES,
    })),
    {
      prefix: `decoder.up.${i}.upsample.conv.`,
      name: `decoder.up_blocks.${last - i}.upsamplers.0.conv.`,
      rules: SAME,
    },
  ]);
  const time = { prefix: 'decoder.conv_out.time_mix_conv.', name: 'decoder.time_conv_out.', rules: SAME };
  return rename(keys, [time, ...levels, ...vaeEnds('decoder', DECODER_RULES)]);
}

const vaeEnds = (side: 'encoder' | 'decoder', rules: Rules): Placement[] => [
  { prefix: `${side}.norm_out.`, name: `${side}.conv_norm_out.`, rules: SAME },
  { prefix: `${side}.mid.block_1.`, name: `${side}.mid_block.resnets.0.`, rules },
  { prefix: `${side}.mid.block_2.`, name: `${side}.mid_block.resnets.1.`, rules },
  { prefix: `${side}.mid.attn_1.`, name: `${side}.mid_block.attentions.0.`, rules: ATTENTION_RULES },
];

const VISION_RULES: Rules = [
  [/^class_embedding$/, 'vision_model.embeddings.class_embedding'],
  [/^positional_embedding$/, 'vision_model.embeddings.position_embedding.weight'],
  [/^conv1\.weight$/, 'vision_model.embeddings.patch_embedding.weight'],
  [/^ln_pre\./, 'vision_model.pre_layrnorm.'], // spelled so
  [/^ln_post\./, 'vision_model.post_layernorm.'],
  [/^proj$/, 'visual_projection.weight'],
  [/^transformer\.resblocks\./, 'vision_model.encoder.layers.'],
  [/\.ln_([12])\./, '.layer_norm$1.'],
  [/\.attn\.out_proj\./, '.self_attn.out_proj.'],
  [/\.mlp\.c_fc\./, '.mlp.fc1.'],
  [/\.mlp\.c_proj\./, '.mlp.fc2.'],
];

/** transformers' name for a key of `….open_clip.model.visual.`, by key. `attn.in_proj_…` keeps its tail: it is three. */
export const renameVision = (keys: readonly string[]): Map<string, string> =>
  new Map(keys.map((key) => [key, apply(VISION_RULES, key)]));

function rename(keys: readonly string[], placements: readonly Placement[]): Map<string, string> {
  return new Map(
    keys.map((key) => {
      const place = placements.find(({ prefix }) => key.startsWith(prefix));
      return [
        key,
        place === undefined ? key : place.name + apply(place.rules, key.slice(place.prefix.length)),
      ];
    }),
  );
}

const apply = (rules: Rules, key: string): string =>
  rules.reduce((name, [pattern, replacement]) => name.replace(pattern, replacement), key);

/** The numbers a pattern catches, each once, ascending. */
function indices(keys: readonly string[], pattern: RegExp): number[] {
  const found = new Set(keys.flatMap((key) => pattern.exec(key)?.[1] ?? []));
  return [...found].map(Number).sort((a, b) => a - b);
}
