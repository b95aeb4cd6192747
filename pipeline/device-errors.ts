import { PipelineError } from './errors.js';

/**
 * ONNX Runtime throws plain errors, so only their words tell what happened. In this order: the arena of either device,
 * with and without a limit of its own; cudaMalloc ("CUDA failure 2: out of memory"); cuBLAS and cuDNN 9 and 8; the
 * CPU's allocator; JavaScript's own buffers.
 */
const OUT_OF_MEMORY = [
  /Failed to allocate memory for requested buffer of size/,
  /Available memory of \d+ is smaller than requested bytes of \d+/,
  /out of memory/i,
  /CUBLAS_STATUS_ALLOC_FAILED/,
  /CUDNN_STATUS_(ALLOC_FAILED|INTERNAL_ERROR_(DEVICE|HOST)_ALLOCATION_FAILED)/,
  /std::bad_alloc|bad allocation/,
  /Array buffer allocation failed/,
];

/** A CUDA library that is missing, too old, without a kernel for the device, or in a state it does not come out of. */
const CUDA_FAULT = [
  /Failed to load shared library/,
  /\b(CUDA|CUBLAS|CUDNN|CUDNN_FE|CUFFT) (failure|error)\b/i,
  /\b(CUBLAS|CUDNN)_STATUS_/,
  /libcud(art|nn)|libcublas/,
  /backend not found/,
  /\bNOT_IMPLEMENTED\b/, // how a kernel answers that did not get the library it needs
];

/** The graph holds an operator that the device has no kernel for. */
const NO_KERNEL = /Could not find an implementation for/;

/** Whether a run or a load failed for want of memory, so that a smaller one may succeed. */
export function isOutOfMemory(error: unknown): boolean {
  if (error instanceof PipelineError) return error.code === 'out_of_memory';
  return matches(OUT_OF_MEMORY, error);
}

/** Whether CUDA itself failed, and not for want of memory. After such a failure a process's CUDA is of no more use. */
export const isCudaFault = (error: unknown): boolean =>
  !isOutOfMemory(error) && !isMissingKernel(error) && matches(CUDA_FAULT, error);

export const isMissingKernel = (error: unknown): boolean => NO_KERNEL.test(String(error));

/** The runtime's own words, on one line and without "Error: ". */
export const reasonOf = (error: unknown): string =>
  String(error)
    .replace(/^\w*Error: /, '')
    .replace(/\s+/g, ' ')
    .trim();

// String() and not `instanceof Error`: native code throws the errors of the realm it was loaded in.
const matches = (patterns: readonly RegExp[], error: unknown): boolean =>
  patterns.some((pattern) => pattern.test(String(error)));
