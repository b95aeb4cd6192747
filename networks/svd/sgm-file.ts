import { rows } from '../checkpoint/index.js';
import type { SourceTensor } from '../checkpoint/index.js';
import { renameUnet, renameVaeDecoder, renameVaeEncoder, renameVision } from './sgm-keys.js';

/** Where the networks lie in the single file. */
const UNET = /^model\.diffusion_model\.(.*)$/;
const VAE_ENCODER = /^conditioner\.embedders\.\d+\.encoder\.((?:encoder|quant_conv)\..*)$/;
const VAE_DECODER = /^first_stage_model\.(decoder\..*)$/;
const VISION = /^conditioner\.embedders\.\d+\.open_clip\.model\.visual\.(.*)$/;

/**
 * Parts that sampling does not run. `first_stage_model.encoder` is among them: the picture's latent comes from the
 * conditioner's own encoder, with the quant_conv that belongs to it.
 */
const IGNORED = [
  /^model_ema\./,
  /^denoiser\./,
  /^first_stage_model\.(?:encoder|quant_conv|post_quant_conv|loss|regularization)\./,
  /^conditioner\.embedders\.\d+\.encoder\.(?:decoder|post_quant_conv|loss|regularization)\./,
  /^conditioner\.embedders\.\d+\.open_clip\.model\.(?!visual\.)/,
];

/** The three networks' tensors under diffusers' names; `unknown` belong nowhere. */
export interface SgmTensors {
  readonly unet: ReadonlyMap<string, SourceTensor>;
  readonly vae: ReadonlyMap<string, SourceTensor>;
  readonly vision: ReadonlyMap<string, SourceTensor>;
  readonly ignored: readonly string[];
  readonly unknown: readonly string[];
}

/** Sorts the tensors of a single file in Stability's layout by network and names them as diffusers does. */
export function sortSgmTensors(tensors: ReadonlyMap<string, SourceTensor>): SgmTensors {
  const unet = under(tensors, UNET);
  const encoder = under(tensors, VAE_ENCODER);
  const decoder = under(tensors, VAE_DECODER);
  const vision = under(tensors, VISION);
  const rest = [...tensors.keys()].filter(
    (key) => ![UNET, VAE_ENCODER, VAE_DECODER, VISION].some((pattern) => pattern.test(key)),
  );
  const isIgnored = (key: string) => IGNORED.some((pattern) => pattern.test(key));
  return {
    unet: renamed(unet, renameUnet([...unet.keys()])),
    vae: new Map(
      [
        ...renamed(encoder, renameVaeEncoder([...encoder.keys()])),
        ...renamed(decoder, renameVaeDecoder([...decoder.keys()])),
      ].map(([name, tensor]) => [name, asLinear(name, tensor)]),
    ),
    vision: splitVision(renamed(vision, renameVision([...vision.keys()]))),
    ignored: rest.filter(isIgnored),
    unknown: rest.filter((key) => !isIgnored(key)),
  };
}

/** Tensors whose key the pattern matches, by what it catches. */
function under(tensors: ReadonlyMap<string, SourceTensor>, pattern: RegExp): Map<string, SourceTensor> {
  const found = new Map<string, SourceTensor>();
  for (const [key, tensor] of tensors) {
    const tail = pattern.exec(key)?.[1];
    if (tail !== undefined) found.set(tail, tensor);
  }
  return found;
}

const renamed = (
  tensors: ReadonlyMap<string, SourceTensor>,
  names: ReadonlyMap<string, string>,
): Map<string, SourceTensor> => new Map([...tensors].map(([key, tensor]) => [names.get(key) ?? key, tensor]));

/** The middle's q, k, v and output are 1×1 convolutions here and matrices there. */
function asLinear(name: string, tensor: SourceTensor): SourceTensor {
  const { dims } = tensor;
  const isPointwise = dims.length === 4 && dims[2] === 1 && dims[3] === 1;
  return /mid_block\.attentions\.0\.to_.*weight$/.test(name) && isPointwise
    ? { ...tensor, dims: dims.slice(0, 2) }
    : tensor;
}

/** One matrix holds q, k and v here; the projection lies the other way round. */
function splitVision(tensors: ReadonlyMap<string, SourceTensor>): Map<string, SourceTensor> {
  const split = new Map<string, SourceTensor>();
  for (const [name, tensor] of tensors) {
    const joined = /^(.*)\.attn\.in_proj_(weight|bias)$/.exec(name);
    const third = tensor.dims[0] / 3;
    if (joined !== null && Number.isInteger(third)) {
      ['q_proj', 'k_proj', 'v_proj'].forEach((part, i) => {
        const at = `${joined[1]}.self_attn.${part}.${joined[2]}`;
        split.set(at, rows(tensor, i * third, (i + 1) * third));
      });
    } else if (name === 'visual_projection.weight' && tensor.dims.length === 2) {
      split.set(name, { ...tensor, dims: tensor.dims.toReversed(), transposed: true });
    } else split.set(name, tensor);
  }
  return split;
}
