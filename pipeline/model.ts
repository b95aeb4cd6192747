import { existsSync } from 'node:fs';
import { access } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { InferenceSession } from './onnx-runtime.js';
import { isCudaFault, isMissingKernel, isOutOfMemory, reasonOf } from './device-errors.js';
import { PipelineError } from './errors.js';
import { readManifest, type ModelManifest } from './manifest.js';
import { sessionOptions } from './session-options.js';
import { Sessions, type ModelGraph, type OpenSession } from './sessions.js';
import { warmUp } from './warm-up.js';

/** A model ready to run: its graphs on one device. */
export interface Model {
  readonly manifest: ModelManifest;
  /** `cpu` or `cuda:<index>` */
  readonly device: string;
  readonly unet: ModelGraph;
  /** By branch: the part of the UNet that is evaluated between two evaluations of the whole. */
  readonly shallow: ReadonlyMap<number, ModelGraph>;
  readonly vaeEncoder: ModelGraph;
  readonly vaeDecoder: ModelGraph;
  readonly imageEncoder: ModelGraph;
  /** Evaluate the two branches of guidance one after the other from the start. */
  readonly halfBatch: boolean;
  /** What the warm-up promises, in milliseconds for each unit of `clipCost`; unset without one. */
  readonly pace?: number;
  /** Set when the device is not the one that would have been best. */
  readonly warning?: string;
  /** Gives all memory back; a graph that is run afterwards is loaded again. */
  readonly release: () => Promise<void>;
}

export interface LoadOptions {
  /** Hold one graph at a time, from the beginning of its stage to the end. Default false. */
  readonly lowVram?: boolean;
  /** See `Model.halfBatch`. Default false. */
  readonly halfBatch?: boolean;
  /** Run every graph once. Default false. Not with lowVram, where what is warmed goes away with the graph. */
  readonly warm?: boolean;
  /** Stands in for ONNX Runtime. */
  readonly open?: (path: string, options: InferenceSession.SessionOptions) => ReturnType<OpenSession>;
}

/**
 * Loads the graphs of a model folder.
 *
 * @param device `cpu`, `cuda`, `cuda:<index>`, or `auto`: CUDA where it works, else the CPU with a warning
 * @throws PipelineError `invalid_model` for a wrong or half-written folder or graphs that do not run,
 *   `device_unavailable` when the device cannot be used, or not for these graphs, `out_of_memory`
 */
export async function loadModel(folder: string, device: string, options: LoadOptions = {}): Promise<Model> {
  const manifest = await readManifest(folder);
  const shallowFiles = Object.values(manifest.shallow).map(({ file }) => file);
  for (const file of [...Object.values(manifest.files), ...shallowFiles]) {
    await access(join(folder, file)).catch((cause: unknown) => {
      throw new PipelineError('invalid_model', `${folder} is incomplete: ${file} is missing`, { cause });
    });
  }
  const on = (wanted: string): Promise<Model> => loadOn(folder, manifest, wanted, options);
  if (device !== 'auto') return on(device === 'cuda' ? 'cuda:0' : device);
  // The embedded model is made for the CPU: there is nothing to wish for.
  if (manifest.family === 'kenburns') return on('cpu');
  // Looked for first, since a failed load of a missing provider writes its complaint to stderr.
  if (!cudaProviderInstalled()) return insteadOfCuda(on, 'ONNX Runtime’s CUDA provider is not installed');
  try {
    return await on('cuda:0');
  } catch (error) {
    if (!(error instanceof PipelineError) || error.code !== 'device_unavailable') throw error;
    return insteadOfCuda(on, error.message);
  }
}

async function insteadOfCuda(on: (device: string) => Promise<Model>, reason: string): Promise<Model> {
  try {
    return { ...(await on('cpu')), warning: `${reason}: running on the CPU` };
  } catch (error) {
    if (!(error instanceof PipelineError) || error.code !== 'device_unavailable') throw error;
    throw new PipelineError('device_unavailable', `${reason}. ${error.message}`, { cause: error });
  }
}

function cudaProviderInstalled(): boolean {
  const main = createRequire(import.meta.url).resolve('onnxruntime-node');
  const binaries = join(dirname(dirname(main)), 'bin', 'napi-v6', process.platform, process.arch);
  return existsSync(join(binaries, 'libonnxruntime_providers_cuda.so'));
}

async function loadOn(
  folder: string,
  manifest: ModelManifest,
  device: string,
  options: LoadOptions,
): Promise<Model> {
  const { lowVram = false, halfBatch = false, warm = false } = options;
  const open = options.open ?? ((path, sessionOptions) => InferenceSession.create(path, sessionOptions));
  const sessions = new Sessions(async (path) => {
    try {
      return await open(path, sessionOptions(device, folder));
    } catch (cause) {
      throw unusable(cause, device, `${path} cannot be loaded`);
    }
  }, lowVram);
  const graph = (file: keyof ModelManifest['files']): ModelGraph =>
    sessions.graph(join(folder, manifest.files[file]));
  const unetPath = join(folder, manifest.files.unet);
  const model: Model = {
    manifest,
    device,
    unet: graph('unet'),
    shallow: new Map(
      Object.entries(manifest.shallow).map(([branch, { file }]) => [
        Number(branch),
        sessions.graph(join(folder, file), unetPath),
      ]),
    ),
    vaeEncoder: graph('vae_encoder'),
    vaeDecoder: graph('vae_decoder'),
    imageEncoder: graph('image_encoder'),
    halfBatch,
    release: () => sessions.releaseAll(),
  };
  try {
    const pace = await start(model, warm && !lowVram);
    return pace === undefined ? model : { ...model, pace };
  } catch (error) {
    await sessions.releaseAll(); // whoever falls back to another device needs the memory
    throw error;
  }
}

/** With low VRAM too every graph is loaded once, so that a broken one is found at the start. Gives the warm-up's pace. */
async function start(model: Model, warm: boolean): Promise<number | undefined> {
  // These are seldom needed: looked at now, loaded by the first clip that wants them.
  for (const graph of model.shallow.values()) {
    await graph.load();
    await graph.release();
  }
  for (const graph of [model.unet, model.vaeEncoder, model.vaeDecoder, model.imageEncoder]) {
    await graph.load();
    await graph.leave();
  }
  if (!warm) return undefined;
  return warmUp(model).catch((cause: unknown) => {
    throw unusable(cause, model.device, `The graphs of ${model.manifest.name} cannot be run`);
  });
}

/** What a failed load or first run says of the model or the device. */
function unusable(cause: unknown, device: string, what: string): unknown {
  // Whoever loads frees what can be freed and tries again.
  if (cause instanceof PipelineError || isOutOfMemory(cause)) return cause;
  const reason = reasonOf(cause);
  const onCuda = device.startsWith('cuda');
  if (onCuda && isCudaFault(cause)) {
    return new PipelineError(
      'device_unavailable',
      `${device} cannot be used: the CUDA provider of ONNX Runtime, CUDA 13 and cuDNN 9 must be installed (${reason})`,
      { cause },
    );
  }
  if (!onCuda && isMissingKernel(cause)) {
    return new PipelineError(
      'device_unavailable',
      `${what} on the CPU: it was made for CUDA, and a portable one runs on both (${reason})`,
      { cause },
    );
  }
  return new PipelineError('invalid_model', `${what}: ${reason}`, { cause });
}
