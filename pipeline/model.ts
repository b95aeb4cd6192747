import { existsSync } from 'node:fs';
import { access } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { InferenceSession } from 'onnxruntime-node';
import { PipelineError } from './errors.js';
import { readManifest, type ModelManifest } from './manifest.js';

/** A model ready to run: its graphs loaded on one device. */
export interface Model {
  readonly manifest: ModelManifest;
  /** `cpu` or `cuda:<index>` */
  readonly device: string;
  readonly unet: InferenceSession;
  readonly vaeEncoder: InferenceSession;
  readonly vaeDecoder: InferenceSession;
  readonly imageEncoder: InferenceSession;
  /** Set when the device is not the one that would have been best. */
  readonly warning?: string;
}

/** The first input's and output's names, for graphs with one of each. */
export const onlyNames = (session: InferenceSession): { input: string; output: string } => ({
  input: session.inputNames[0],
  output: session.outputNames[0],
});

/**
 * Loads the graphs of a model folder.
 *
 * @param device `cpu`, `cuda`, `cuda:<index>`, or `auto`: CUDA where it works, else the CPU with a warning
 * @throws PipelineError `invalid_model` for a wrong or half-written folder, `device_unavailable` when CUDA was asked
 *   for and cannot be used
 */
export async function loadModel(folder: string, device: string): Promise<Model> {
  const manifest = await readManifest(folder);
  for (const file of Object.values(manifest.files)) {
    await access(join(folder, file)).catch((cause: unknown) => {
      throw new PipelineError('invalid_model', `${folder} is incomplete: ${file} is missing`, { cause });
    });
  }
  if (device !== 'auto') return loadOn(folder, manifest, device === 'cuda' ? 'cuda:0' : device);
  // The embedded model is made for the CPU: there is nothing to wish for.
  if (manifest.family === 'kenburns') return loadOn(folder, manifest, 'cpu');
  // Looked for first, since a failed load of a missing provider writes its complaint to stderr.
  if (!cudaProviderInstalled()) {
    return {
      ...(await loadOn(folder, manifest, 'cpu')),
      warning: 'ONNX Runtime’s CUDA provider is not installed: running on the CPU',
    };
  }
  try {
    return await loadOn(folder, manifest, 'cuda:0');
  } catch (error) {
    if (!(error instanceof PipelineError) || error.code !== 'device_unavailable') throw error;
    return { ...(await loadOn(folder, manifest, 'cpu')), warning: `${error.message}; running on the CPU` };
  }
}

function cudaProviderInstalled(): boolean {
  const main = createRequire(import.meta.url).resolve('onnxruntime-node');
  const binaries = join(dirname(dirname(main)), 'bin', 'napi-v6', process.platform, process.arch);
  return existsSync(join(binaries, 'libonnxruntime_providers_cuda.so'));
}

async function loadOn(folder: string, manifest: ModelManifest, device: string): Promise<Model> {
  const executionProviders: InferenceSession.ExecutionProviderConfig[] = device.startsWith('cuda')
    ? [{ name: 'cuda', deviceId: Number(device.split(':')[1] ?? 0) }, 'cpu']
    : ['cpu'];
  const load = async (file: string): Promise<InferenceSession> => {
    try {
      return await InferenceSession.create(join(folder, file), {
        executionProviders,
        logSeverityLevel: 3,
        // A plan of the memory for one shape is kept beside the memory itself: nearly twice as much for large clips.
        enableMemPattern: false,
      });
    } catch (cause) {
      throw loadError(cause, folder, file, device);
    }
  };
  return {
    manifest,
    device,
    unet: await load(manifest.files.unet),
    vaeEncoder: await load(manifest.files.vae_encoder),
    vaeDecoder: await load(manifest.files.vae_decoder),
    imageEncoder: await load(manifest.files.image_encoder),
  };
}

function loadError(cause: unknown, folder: string, file: string, device: string): PipelineError {
  const reason = cause instanceof Error ? cause.message : String(cause);
  // A provider that cannot be loaded is reported in these words, whatever the graph.
  if (device.startsWith('cuda') && /shared library|CUDA|cuda|provider|backend/.test(reason)) {
    return new PipelineError(
      'device_unavailable',
      `${device} cannot be used: the CUDA provider of ONNX Runtime, CUDA 13 and cuDNN 9 must be installed (${reason})`,
      { cause },
    );
  }
  return new PipelineError('invalid_model', `${join(folder, file)} cannot be loaded: ${reason}`, { cause });
}
