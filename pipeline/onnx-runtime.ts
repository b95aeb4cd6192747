/**
 * ONNX Runtime, the one place to import it from: see no-telemetry.ts, which must be evaluated first.
 */
import './no-telemetry.js';

export { InferenceSession, Tensor } from 'onnxruntime-node';
