import { readdirSync } from 'node:fs';
import type { InferenceSession } from './onnx-runtime.js';

/** Names that exporters give to the file beside a graph that holds its weights: `weights.data`, `model.onnx_data`. */
const WEIGHT_FILE = /[._]data$/;

/**
 * How the graphs of a folder are loaded on a device, `cpu` or `cuda:<index>`.
 *
 * On the CPU the runtime repacks weights on its heap as it loads them. Where they lie in a file of their own that is
 * left out: those of matrix products are mapped instead, so a load takes milliseconds, pages are shared with other
 * processes and can be dropped when memory is short. Those of convolutions are laid out anew either way.
 *
 * On CUDA the CPU stays allowed beside it (`session.disable_cpu_ep_fallback` is off): the runtime itself places the
 * shape arithmetic of a graph there, and would refuse any graph whose sizes are known only when it runs. Of the
 * provider's own options the binding passes on nothing but the device's index.
 */
export function sessionOptions(device: string, folder: string): InferenceSession.SessionOptions {
  const onCuda = device.startsWith('cuda');
  const isMapped = !onCuda && readdirSync(folder).some((name) => WEIGHT_FILE.test(name));
  return {
    executionProviders: onCuda
      ? [{ name: 'cuda', deviceId: Number(device.split(':')[1] ?? 0) }, 'cpu']
      : ['cpu'],
    logSeverityLevel: 3,
    // A plan of the memory for one shape is kept beside the memory itself: nearly twice as much for large clips.
    enableMemPattern: false,
    ...(isMapped ? { extra: { session: { disable_prepacking: '1' } } } : {}),
  };
}
