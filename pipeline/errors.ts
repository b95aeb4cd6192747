/** Stable codes of what can end a clip. They appear in task rows and on the command line. */
export type PipelineErrorCode =
  | 'cancelled'
  | 'device_unavailable'
  | 'encode_failed'
  | 'ffmpeg_missing'
  | 'invalid_model'
  | 'invalid_parameter'
  | 'invalid_picture'
  | 'not_finite'
  | 'out_of_memory'
  | 'storage_full'
  | 'timeout'
  | 'worker_crashed'
  | 'internal_error';

/** An error of the clip pipeline whose message is fit for the caller. */
export class PipelineError extends Error {
  constructor(
    readonly code: PipelineErrorCode,
    message: string,
    options?: { cause?: unknown },
  ) {
    super(message, options);
    this.name = 'PipelineError';
  }
}
