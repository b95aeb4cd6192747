import { computed } from '../checkpoint/index.js';
import { concat, expand, reshape, sizesOf, slice, squeeze } from '../onnx/index.js';
import type { Value } from '../onnx/index.js';
import type { VisionConfiguration } from './configuration.js';
import type { Network } from './network.js';

const QUICK_GELU_FACTOR = 1.702;

/**
 * CLIP's vision tower with projection: pixel_values [1, 3, 224, 224], normalised → image_embeds [1, C]. After the last
 * layer only the class token is read, so that layer is computed for this token alone.
 */
export function buildImageEncoder(net: Network, vision: VisionConfiguration): void {
  const { g, layers } = net;
  const { width, image, projection, epsilon } = vision;
  const pixels = g.input('pixel_values', 'float32', ['n', 3, image, image]);
  const tokens = embedPatches(net, vision, pixels);
  let x = layers.layerNorm(tokens, net.affine('vision_model.pre_layrnorm', [width]), epsilon);
  const count = (image / vision.patch) ** 2 + 1;
  for (let l = 0; l < vision.layers; l++) {
    x = g.scope(`layers.${l}`, () => encoderLayer(net, vision, x, l, count));
  }
  const pooled = layers.layerNorm(x, net.affine('vision_model.post_layernorm', [width]), epsilon);
  const embedding = layers.linear(pooled, net.linear('visual_projection', [projection, width]));
  g.output('image_embeds', layers.fromCompute(embedding), ['n', projection]);
}

/** Patches row by row behind the class token, with their positions added: [n·count, width]. */
function embedPatches(net: Network, vision: VisionConfiguration, pixels: Value): Value {
  const { g, layers, tensors } = net;
  const { width, patch, image } = vision;
  const side = image / patch;
  const at = 'vision_model.embeddings';
  const weight = tensors.take(`${at}.patch_embedding.weight`, [width, 3, patch, patch]);
  // This convolution has no bias; a stored one of zeros keeps one form for all.
  const bias = computed(`${at}.patch_embedding.bias`, [width], () => new Float32Array(width));
  const map = layers.conv(
    layers.enter(pixels),
    { name: `${at}.patch_embedding`, weight, bias },
    { stride: patch },
  );
  const batch = sizesOf(g, pixels, 0, 1);
  const patches = reshape(g, layers.tokens(map, width), [batch, -1, width]);
  const position = tensors.take(`${at}.position_embedding.weight`, [side * side + 1, width]);
  const token = tensors.take(`${at}.class_embedding`, [width]);
  const first = layers.constant(`${at}.class_embedding`, { ...token, dims: [1, 1, width] });
  const all = concat(g, [expand(g, first, [batch, 1, width]), patches], 1);
  return reshape(g, net.add(all, layers.constant(`${at}.position_embedding`, position)), [-1, width]);
}

/** One layer: tokens [n·count, width] → the same, or the class tokens [n, width] after the last. */
function encoderLayer(
  net: Network,
  vision: VisionConfiguration,
  x: Value,
  index: number,
  count: number,
): Value {
  const { g, layers } = net;
  const { width, heads, hidden, epsilon } = vision;
  const isLast = index === vision.layers - 1;
  const at = `vision_model.encoder.layers.${index}`;
  const linear = (part: string, outputs: number, inputs: number) =>
    net.affine(`${at}.${part}`, [outputs, inputs]);
  const classToken = (tokens: Value) =>
    squeeze(g, slice(g, reshape(g, tokens, [-1, count, width]), 1, 0, 1), [1]);

  const normal = layers.layerNorm(x, net.affine(`${at}.layer_norm1`, [width]), epsilon);
  const queries = isLast ? classToken(normal) : normal;
  const sequence = (part: string, tokens: Value, length: number) =>
    reshape(g, layers.linear(tokens, linear(`self_attn.${part}`, width, width)), [-1, length, width]);
  const attended = layers.attention(
    sequence('q_proj', queries, isLast ? 1 : count),
    sequence('k_proj', normal, count),
    sequence('v_proj', normal, count),
    heads,
    width,
  );
  const out = layers.linear(reshape(g, attended, [-1, width]), linear('self_attn.out_proj', width, width));
  const y = net.add(isLast ? classToken(x) : x, out);
  const second = layers.layerNorm(y, net.affine(`${at}.layer_norm2`, [width]), epsilon);
  const inner = layers.linear(second, linear('mlp.fc1', hidden, width));
  const active = vision.activation === 'gelu' ? layers.gelu(inner) : layers.swish(inner, QUICK_GELU_FACTOR);
  return net.add(y, layers.linear(active, linear('mlp.fc2', width, hidden)));
}
