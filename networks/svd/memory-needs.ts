import { memoryNeed } from '../onnx/index.js';
import type { Graph, MemoryNeed } from '../onnx/index.js';
import type { SvdConfiguration } from './configuration.js';
import type { SVD_FILES } from './description.js';
import type { SvdGraphs } from './graphs.js';
import { evaluationInputs, shallowInputs } from './shallow-cost.js';
import type { EvaluationSize } from './shallow-cost.js';
import { featureName, SAMPLE } from './unet.js';

/**
 * Bytes of a graph's weights and whatever else does not depend on the size, and of what lies between its nodes at one
 * time for each pixel of the picture in each frame of each row.
 */
export interface GraphMemory {
  readonly fixed: number;
  readonly per_pixel: number;
}

export interface SvdMemory {
  readonly graphs: Readonly<Record<keyof typeof SVD_FILES, GraphMemory>>;
  /** By branch: of its own graph, and what the whole one takes more when it is asked for the branch's feature. */
  readonly shallow: ReadonlyMap<number, GraphMemory>;
}

/**
 * What each graph takes, from the sizes of all that flows through it in a clip of this size; near the trained size it
 * grows with the number of pixels.
 */
export function memoryNeeds(
  { unet, shallow, vae_encoder, vae_decoder, image_encoder }: SvdGraphs,
  configuration: SvdConfiguration,
  size: EvaluationSize,
  divisor: number,
): SvdMemory {
  const { vae, vision } = configuration;
  const { frames, height, width } = size;
  const picture = height * width * divisor ** 2;
  const latent = [1, vae.latentChannels, height, width];
  const inputs = evaluationInputs(configuration.unet, size, 1);
  const whole = memoryNeed(unet, inputs, [SAMPLE]);
  const scaled = (
    { weights, working }: Pick<MemoryNeed, 'weights' | 'working'>,
    pixels: number,
  ): GraphMemory => ({
    fixed: weights,
    per_pixel: Math.ceil(working / pixels),
  });
  const ofShallow = (branch: number, graph: Graph): GraphMemory => {
    const { weights, working } = memoryNeed(graph, shallowInputs(inputs, branch, whole.outputs));
    const keeping = memoryNeed(unet, inputs, [SAMPLE, featureName(branch)]).working - whole.working;
    return scaled({ weights, working: working + keeping }, frames * picture);
  };
  const embedding = memoryNeed(image_encoder, { pixel_values: [1, 3, vision.image, vision.image] });
  return {
    graphs: {
      image_encoder: { fixed: embedding.weights + embedding.working, per_pixel: 0 },
      vae_encoder: scaled(
        memoryNeed(vae_encoder, { image: [1, 3, height * divisor, width * divisor] }),
        picture,
      ),
      unet: scaled(whole, frames * picture),
      vae_decoder: scaled(memoryNeed(vae_decoder, { latent }), picture),
    },
    shallow: new Map([...shallow].map(([branch, graph]) => [branch, ofShallow(branch, graph)])),
  };
}
