/**
 * ONNX Runtime, the one place to import it from: see half-floats.ts and no-telemetry.ts, which must be evaluated first.
 */
import './half-floats.js';
import './no-telemetry.js';

export { InferenceSession, Tensor } from 'onnxruntime-node';
