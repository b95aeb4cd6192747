import { CheckpointError, readValues, SafetensorsFile, tensorsOf } from '../../networks/checkpoint/index.js';
import type { SourceTensor } from '../../networks/checkpoint/index.js';
import type { Model } from '../../pipeline/model.js';
import { Tensor } from '../../pipeline/onnx-runtime.js';
import type { ModelGraph } from '../../pipeline/sessions.js';
import { largestDeviation } from './deviation.js';
import type { Comparison } from './deviation.js';

/** Recorded inputs and outputs of one module: tensors called `<case>.<input>`, and the output `<case>.<output>`. */
interface ModuleRecord {
  readonly pattern: RegExp;
  readonly inputs: readonly string[];
  readonly output: string;
  readonly graph: (model: Model) => ModelGraph;
}

const MODULES: readonly ModuleRecord[] = [
  {
    pattern: /^(unet(?:\.\d+)?)\.out$/,
    inputs: ['sample', 'timestep', 'encoder_hidden_states', 'added_time_ids'],
    output: 'out',
    graph: (model) => model.unet,
  },
  {
    pattern: /^(vae\.encode(?:\.\d+)?)\.mode$/,
    inputs: ['image'],
    output: 'mode',
    graph: (model) => model.vaeEncoder,
  },
  {
    pattern: /^(vae\.decode(?:\.\d+)?)\.frames$/,
    inputs: ['latent'],
    output: 'frames',
    graph: (model) => model.vaeDecoder,
  },
  {
    pattern: /^(clip(?:\.\d+)?)\.image_embeds$/,
    inputs: ['pixel_values'],
    output: 'image_embeds',
    graph: (model) => model.imageEncoder,
  },
];

/**
 * Runs every case recorded in `modules.safetensors` and compares its output.
 * @throws CheckpointError when a module has no case or a case lacks a tensor
 */
export async function checkModules(model: Model, path: string, tolerance: number): Promise<Comparison[]> {
  const file = new SafetensorsFile(path);
  try {
    const tensors = tensorsOf(file);
    const comparisons: Comparison[] = [];
    for (const module of MODULES) {
      const cases = [...tensors.keys()].flatMap((name) => module.pattern.exec(name)?.[1] ?? []);
      if (cases.length === 0)
        throw new CheckpointError(path, [`no tensor is called ${module.pattern.source}`]);
      for (const name of cases) {
        const deviation = await runCase(model, module, name, (tensor) => take(tensors, path, tensor));
        comparisons.push({ name, deviation, tolerance, unit: 'relative' });
      }
    }
    return comparisons;
  } finally {
    file.close();
  }
}

async function runCase(
  model: Model,
  module: ModuleRecord,
  name: string,
  tensor: (name: string) => SourceTensor,
): Promise<number> {
  const feeds = module.inputs.map((input) => {
    const { dims } = tensor(`${name}.${input}`);
    // A recorded scalar is a list of one here.
    const shape = dims.length === 0 ? [1] : dims;
    return [input, new Tensor('float32', readValues(tensor(`${name}.${input}`)), shape)] as const;
  });
  const result = await module.graph(model).run(Object.fromEntries(feeds));
  return largestDeviation(result, readValues(tensor(`${name}.${module.output}`)));
}

function take(tensors: ReadonlyMap<string, SourceTensor>, path: string, name: string): SourceTensor {
  const tensor = tensors.get(name);
  if (tensor === undefined) throw new CheckpointError(path, [`missing: '${name}'`]);
  return tensor;
}
