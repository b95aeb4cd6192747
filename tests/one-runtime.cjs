/**
 * Each test file loads the runtime's JavaScript anew over one native binding, whose start must happen once a process:
 * the second would abort it. Loaded before `onnxruntime-node`, this makes every later start a no-op.
 */
const { join } = require('node:path');

const library = require.resolve('onnxruntime-node').replace(/dist[\\/].*$/, '');
const binding = require(
  join(library, `bin/napi-v6/${process.platform}/${process.arch}/onnxruntime_binding.node`),
);
const STARTED = Symbol.for('onnxruntime-node started');

if (!binding[STARTED]) {
  const start = binding.initOrtOnce;
  binding.initOrtOnce = (...args) => {
    if (binding[STARTED] === 'yes') return;
    binding[STARTED] = 'yes';
    start(...args);
  };
  binding[STARTED] = 'ready';
}
