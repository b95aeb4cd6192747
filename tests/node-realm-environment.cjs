const { TestEnvironment } = require('jest-environment-node');
process.env.ORT_DISABLE_TELEMETRY ??= '1';
require('./one-runtime.cjs');

/** Native addons build arrays with the main realm's constructors; onnxruntime-common tests them with `instanceof`. */
const SHARED = [
  'ArrayBuffer',
  'SharedArrayBuffer',
  'DataView',
  'Int8Array',
  'Uint8Array',
  'Uint8ClampedArray',
  'Int16Array',
  'Uint16Array',
  'Int32Array',
  'Uint32Array',
  'Float32Array',
  'Float64Array',
  'BigInt64Array',
  'BigUint64Array',
];

module.exports = class NodeRealmEnvironment extends TestEnvironment {
  constructor(config, context) {
    super(config, context);
    for (const name of SHARED) this.global[name] = globalThis[name];
  }
};
