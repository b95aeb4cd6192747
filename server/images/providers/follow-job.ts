import type { Clock } from './clock.js';
import { withDeadline, type Deadline } from './deadline.js';
import type { JobDialect, JobResult, Submitted } from './job.js';
import type { ApiCall, ProviderApi } from './provider-api.js';
import type { Report } from './report.js';

/** What it takes to speak to a provider about its jobs. */
export interface JobSpeaker {
  readonly dialect: JobDialect;
  readonly api: ProviderApi;
  readonly clock: Clock;
  /** Milliseconds before each question after a job. */
  readonly pollMs: number;
}

/** How long a provider may take to be told that a job is cancelled. */
const CANCEL_MS = 15_000;

/**
 * Submits a job and asks after it until it is done. It is submitted once: whatever goes wrong in the asking, it is this job
 * that is asked about again. A state that nobody knows means that it is not done.
 *
 * A job that is left before its end, because the time is over or the task is to stop, is cancelled where the provider can.
 *
 * @throws ProviderError, or the reason of the deadline's signal
 */
export const followJob = async (
  speaker: JobSpeaker,
  submission: ApiCall<Submitted>,
  deadline: Deadline,
  report: Report,
): Promise<JobResult> => {
  const { dialect, api, clock, pollMs } = speaker;
  const submitted = await api.call(submission, deadline);
  if ('done' in submitted) return submitted.done;
  report(0);
  try {
    for (;;) {
      await clock.wait(pollMs, deadline.signal);
      const state = await api.call(dialect.poll(submitted.ref), deadline);
      if ('done' in state) return state.done;
      report(state.progress ?? 0);
    }
  } catch (error) {
    if (deadline.signal.aborted) cancelJob(speaker, submitted.ref);
    throw error;
  }
};

/** Tells the provider that nobody waits for a job. Nobody waits for this either, and nothing comes of its failure. */
const cancelJob = ({ dialect, api }: JobSpeaker, ref: string): void => {
  const call = dialect.cancel?.(ref);
  if (!call) return;
  withDeadline(CANCEL_MS, undefined, (deadline) => api.call(call, deadline)).catch(() => undefined);
};
