import '../one-runtime.cjs';
import { describe, expect, test } from '@jest/globals';
import { InferenceSession, Tensor } from 'onnxruntime-node';
import { encodeModel, float32, Graph, int64 } from '../../networks/onnx/index.js';
import { isCudaFault, isMissingKernel, isOutOfMemory, reasonOf } from '../../pipeline/device-errors.js';
import { PipelineError } from '../../pipeline/errors.js';
import { CUDA_OUT_OF_MEMORY } from './tiny/stand-in.js';

const OUT_OF_MEMORY = [
  CUDA_OUT_OF_MEMORY,
  'Non-zero status code returned while running Cast node. BFCArena::AllocateRawInternal Available memory of 34699008 is smaller than requested bytes of 945041920',
  'CUDA failure 2: out of memory ; GPU=0 ; hostname=pod ; file=/onnxruntime_src/onnxruntime/core/providers/cuda/cuda_allocator.cc ; line=47 ; expr=cudaMalloc((void**)&p, size);',
  'Exception during initialization: CUBLAS failure 3: CUBLAS_STATUS_ALLOC_FAILED ; GPU=0 ; expr=cublasCreate(&cublas_handle_);',
  'CUDNN failure 2: CUDNN_STATUS_ALLOC_FAILED ; GPU=0',
  'CUDNN failure 4003: CUDNN_STATUS_INTERNAL_ERROR_DEVICE_ALLOCATION_FAILED ; GPU=0',
  "Non-zero status code returned while running Expand node. Name:'Expand_0' Status Message: std::bad_alloc",
  'Array buffer allocation failed',
];
const CUDA_FAULTS = [
  'OrtSessionOptionsAppendExecutionProvider_Cuda: Failed to load shared library',
  'CUDA failure 100: no CUDA-capable device is detected ; GPU=-1 ; hostname=pod ; expr=cudaSetDevice(info_.device_id);',
  'CUDA failure 700: an illegal memory access was encountered ; GPU=0 ; expr=cudaMemcpyAsync(…)',
  'CUDNN failure 1001: CUDNN_STATUS_NOT_INITIALIZED ; GPU=0',
  'no available backend found. ERR: [cuda] backend not found.',
  'Non-zero status code returned while running Conv node. [ONNXRuntimeError] : 9 : NOT_IMPLEMENTED : cuDNN is needed',
];
const OTHERS = [
  'Load model from /models/cuda/unet.onnx failed:Protobuf parsing failed.',
  'Invalid Feed Input Name:added_time_ids',
  "Non-zero status code returned while running Reshape node. Name:'r' Status Message: The input tensor cannot be reshaped",
  'Could not find an implementation for NhwcConv(1) node with name: conv',
];

/** A graph that makes a tensor of 2^46 floats on the way. */
function monstrous(): Uint8Array {
  const g = new Graph('monstrous');
  const x = g.input('x', 'float32', [1]);
  const big = g.op('Expand', x, g.initializer(int64([1], [2 ** 46])));
  g.output('y', g.op('ReduceMax', big, { keepdims: 1 }), [1]);
  return encodeModel(g, { producer: 'tests', version: '1' });
}

async function failure(action: () => Promise<unknown>): Promise<unknown> {
  try {
    await action();
  } catch (error) {
    return error;
  }
  throw new Error('It succeeded');
}

describe('the runtime’s words', () => {
  test.each(OUT_OF_MEMORY)('out of memory, and no fault of CUDA: %s', (message) => {
    expect(isOutOfMemory(new Error(message))).toBe(true);
    expect(isCudaFault(new Error(message))).toBe(false);
  });

  test.each(CUDA_FAULTS)('a fault of CUDA, and not for want of memory: %s', (message) => {
    expect(isCudaFault(new Error(message))).toBe(true);
    expect(isOutOfMemory(new Error(message))).toBe(false);
  });

  test.each(OTHERS)('neither: %s', (message) => {
    expect(isOutOfMemory(new Error(message))).toBe(false);
    expect(isCudaFault(new Error(message))).toBe(false);
  });

  test('the pipeline’s own error counts by its code', () => {
    expect(isOutOfMemory(new PipelineError('out_of_memory', 'x'))).toBe(true);
    expect(isOutOfMemory(new PipelineError('not_finite', 'out of memory'))).toBe(false);
  });

  test('a reason is one line without the kind of error', () => {
    expect(reasonOf(new RangeError('a\n  b\n'))).toBe('a b');
  });
});

describe('the runtime itself', () => {
  const feeds = { x: new Tensor('float32', Float32Array.of(1), [1]) };

  test.each([
    ['with an arena', true],
    ['without an arena', false],
  ])('a tensor that no machine can hold is out of memory %s', async (_, enableCpuMemArena) => {
    const session = await InferenceSession.create(monstrous(), { enableCpuMemArena, logSeverityLevel: 4 });
    const error = await failure(() => session.run(feeds));
    expect(isOutOfMemory(error)).toBe(true);
    expect(isOutOfMemory(await failure(() => session.run({})))).toBe(false);
  });

  test('an operator that only CUDA has is a missing kernel on the CPU', async () => {
    const g = new Graph('cuda-only');
    const x = g.input('x', 'float32', [1, 4, 4, 2]);
    const weights = g.initializer(float32([2, 1, 1, 2], [1, 0, 0, 1]));
    const [y] = g.node({
      op: 'NhwcConv',
      domain: 'com.microsoft',
      inputs: [x, weights],
      attributes: { kernel_shape: [1, 1] },
      results: ['float32'],
    });
    g.output('y', y, [1, 4, 4, 2]);
    const model = encodeModel(g, { producer: 'tests', version: '1' });
    expect(isMissingKernel(await failure(() => InferenceSession.create(model)))).toBe(true);
  });
});
