import { concat, Graph, slice } from '../../networks/onnx/index.js';
import type { Value } from '../../networks/onnx/index.js';
import { featureName, SAMPLE } from '../../networks/svd/index.js';
import type { UnetConfiguration } from '../../networks/svd/index.js';
import type { Conditioning } from '../../pipeline/conditioning.js';
import { Tensor } from '../../pipeline/onnx-runtime.js';
import type { ModelGraph } from '../../pipeline/sessions.js';
import type { LatentShape } from '../../pipeline/unet-network.js';
import { buildGuider, buildScaling } from '../../samplers/index.js';
import type { Sampling } from '../../samplers/index.js';
import { inlineGraph } from './inline-graph.js';

/** The numbers of a step, in the order in which the graph takes them. */
const NUMBERS = ['cIn', 'cSkip', 'cOut', 'sigma', 'dt'] as const;

/**
 * Guided steps of Euler's method without churn (EulerEDMSampler) in one graph: the whole network, then its outer part for
 * each further step, with guidance and update between them, so that the feature stays inside.
 *
 * latents [1, F, C, h, w], pictures [2, F, C, h, w], encoder_hidden_states and added_time_ids of both rows,
 * scales [1, F, 1, 1, 1], timesteps [n], numbers [n, 5] → the latents n steps later.
 */
export function unrolledSteps(
  { unet, shallow }: { readonly unet: Graph; readonly shallow: Graph },
  branch: number,
  steps: number,
  { outChannels, middle, scalars }: UnetConfiguration,
): Graph {
  const g = new Graph(`unrolled-${steps}`);
  const clip = ['F', outChannels, 'h', 'w'];
  let latents = g.input('latents', 'float32', [1, ...clip]);
  const pictures = g.input('pictures', 'float32', [2, ...clip]);
  const context = g.input('encoder_hidden_states', 'float32', [2, 1, middle.contextChannels]);
  const ids = g.input('added_time_ids', 'float32', [2, scalars]);
  const scales = g.input('scales', 'float32', [1, 'F', 1, 1, 1]);
  const timesteps = g.input('timesteps', 'float32', [steps]);
  const numbers = g.input('numbers', 'float32', [steps, NUMBERS.length]);
  const conditions = { encoder_hidden_states: context, added_time_ids: ids };
  const weights = new Map<string, Value>();
  const name = featureName(branch);
  let feature: Record<string, Value> = {};
  for (let step = 0; step < steps; step++) {
    const ofStep = slice(g, numbers, 0, step, step + 1);
    const [cIn, cSkip, cOut, sigma, dt] = NUMBERS.map((_, i) => slice(g, ofStep, 1, i, i + 1));
    const scaled = g.op('Mul', latents, cIn);
    const sample = concat(g, [concat(g, [scaled, scaled], 0), pictures], 2);
    const timestep = slice(g, timesteps, 0, step, step + 1);
    const inputs = { sample, timestep, ...conditions, ...feature };
    const outputs = inlineGraph(g, step === 0 ? unet : shallow, inputs, weights);
    if (step === 0) feature = { [name]: outputs[name] };
    const raw = outputs[SAMPLE];
    const [uncond, cond] = [slice(g, raw, 0, 0, 1), slice(g, raw, 0, 1, 2)];
    const guided = g.op('Add', uncond, g.op('Mul', scales, g.op('Sub', cond, uncond)));
    const denoised = g.op('Add', g.op('Mul', guided, cOut), g.op('Mul', latents, cSkip));
    const slope = g.op('Div', g.op('Sub', latents, denoised), sigma);
    latents = g.op('Add', latents, g.op('Mul', slope, dt));
  }
  g.output('out_latents', latents, [1, ...clip]);
  return g;
}

/** A clip to be sampled by such graphs. */
export interface UnrolledClip {
  /** Guided throughout, by EulerEDMSampler without churn. */
  readonly sampling: Sampling;
  readonly conditioning: Conditioning;
  readonly shape: LatentShape;
  /** Normal, of the latents' shape. */
  readonly noise: Float32Array;
}

/** Samples a clip: `run` evaluates the graph of so many steps, `interval` of them each time but the last. */
export async function sampleUnrolled(
  { sampling, conditioning, shape, noise }: UnrolledClip,
  interval: number,
  run: (steps: number, feeds: Parameters<ModelGraph['run']>[0]) => Promise<Float32Array>,
): Promise<Float32Array> {
  const { sigmas, steps, frames } = sampling;
  const scales = buildGuider(sampling.guider, frames).scales ?? new Float32Array(frames).fill(1);
  const scalingAt = buildScaling(sampling.scaling);
  const conditions = conditionsOf(conditioning, shape);
  let latents: Float32Array = noise.map((x) => x * Math.fround(Math.hypot(1, sigmas[0])));
  for (let first = 0; first < steps; first += interval) {
    const levels = [...sigmas.subarray(first, Math.min(first + interval, steps))];
    const coefficients = levels.map(scalingAt);
    const numbers = coefficients.flatMap(({ cIn, cSkip, cOut }, i) => {
      const sigma = levels[i];
      return [cIn, cSkip, cOut, sigma, sigmas[first + i + 1] - sigma];
    });
    latents = await run(levels.length, {
      ...conditions,
      latents: new Tensor('float32', latents, [1, ...shape]),
      scales: new Tensor('float32', scales, [1, frames, 1, 1, 1]),
      timesteps: new Tensor(
        'float32',
        coefficients.map(({ cNoise }) => cNoise),
        [levels.length],
      ),
      numbers: new Tensor('float32', numbers, [levels.length, NUMBERS.length]),
    });
  }
  return latents;
}

/** What both rows of every step are told: the unconditional one, which comes first, of nothing but the scalars. */
function conditionsOf({ concat: picture, context, addedTimeIds }: Conditioning, shape: LatentShape) {
  const [frames] = shape;
  const pictures = new Float32Array(2 * frames * picture.length);
  for (let f = 0; f < frames; f++) pictures.set(picture, (frames + f) * picture.length);
  const tokens = new Float32Array(2 * context.length);
  tokens.set(context, context.length);
  return {
    pictures: new Tensor('float32', pictures, [2, ...shape]),
    encoder_hidden_states: new Tensor('float32', tokens, [2, 1, context.length]),
    added_time_ids: new Tensor('float32', [...addedTimeIds, ...addedTimeIds], [2, addedTimeIds.length]),
  };
}
