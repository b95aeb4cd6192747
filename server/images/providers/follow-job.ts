import type { Clock } from './clock.js';
import type { Deadline } from './deadline.js';
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

/**
 * Submits a job and asks after it until it is done. It is submitted once: whatever goes wrong in the asking, it is this job
 * that is asked about again. A state that nobody knows means that it is not done.
 *
 * @throws ProviderError, or the reason of the deadline's signal
 */
export const followJob = async (
  { dialect, api, clock, pollMs }: JobSpeaker,
  submission: ApiCall<Submitted>,
  deadline: Deadline,
  report: Report,
): Promise<JobResult> => {
  const submitted = await api.call(submission, deadline);
  if ('done' in submitted) return submitted.done;
  report(0);
  for (;;) {
    await clock.wait(pollMs, deadline.signal);
    const state = await api.call(dialect.poll(submitted.ref), deadline);
    if ('done' in state) return state.done;
    report(state.progress ?? 0);
  }
};
