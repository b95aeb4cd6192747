import { useEffect, useState } from 'preact/hooks';
import { ApiError, requestJson, withJson } from '../api/client.js';
import type { Estimate, Parameters } from '../api/wire.js';
import { duration, size } from '../tasks/describe.js';
import { useOfTasks } from '../tasks/store.js';
import { filledFields } from './form-fields.js';
import type { FormState } from './form-state.js';

export interface Checked {
  readonly estimate?: Estimate;
  /** What is wrong, by field. */
  readonly errors: Readonly<Record<string, string>>;
  /** Why there is no estimate, where that is no field's fault. */
  readonly fault?: string;
}

/** Typing is over when it rests this long. */
const REST_MS = 250;
/** A service that cannot tell now may do so soon. One that goes on like that is asked ever less often. */
const AGAIN_MS = 3000;
/** The wait for the clips before grows shorter. */
const WAITING_MS = 10_000;

/**
 * Asks the service what the clip would cost, and whether it would be taken at all, whenever the values have changed,
 * there is more or less to wait for, or the service is back.
 */
export function useEstimate(parameters: Parameters, values: FormState['values']): Checked {
  const [checked, setChecked] = useState<Checked>({ errors: {} });
  const fields = filledFields(parameters, values);
  const key = JSON.stringify(fields);
  // Both numbers, since what came and went at once leaves the number of those that run as it was.
  const load = useOfTasks(({ connection, running, total }) => `${connection}: ${running} of ${total}`);
  useEffect(() => {
    let timer: ReturnType<typeof setTimeout>;
    let again = AGAIN_MS;
    const abort = new AbortController();
    const ask = async (): Promise<void> => {
      const answer = await check(fields, abort.signal);
      if (abort.signal.aborted) return;
      setChecked(answer);
      const { fault, estimate } = answer;
      if (fault !== undefined || estimate?.seconds === null) {
        timer = setTimeout(() => void ask(), again);
        again *= 2;
      } else if (estimate?.wait_seconds) timer = setTimeout(() => void ask(), WAITING_MS);
    };
    timer = setTimeout(() => void ask(), REST_MS);
    return () => {
      clearTimeout(timer);
      abort.abort();
    };
  }, [key, load]);
  return checked;
}

async function check(fields: Readonly<Record<string, string>>, signal: AbortSignal): Promise<Checked> {
  try {
    const estimate = await requestJson<Estimate>('estimate', { ...withJson('POST', fields), signal });
    return { estimate, errors: {} };
  } catch (error) {
    const { status, field, message } = error instanceof ApiError ? error : new ApiError(0, String(error));
    if (field !== undefined) return { errors: { [field]: message } };
    return { errors: {}, fault: status === 0 ? 'No estimate while the service is away' : message };
  }
}

/** What a clip costs, in a line. */
export function estimateText({
  seconds,
  wait_seconds: wait,
  memory_bytes: memory,
  evaluations,
}: Estimate): string {
  const parts = [
    seconds === null ? 'The first clip shows how long one takes' : `about ${duration(seconds)}`,
    ...(wait !== null && wait > 0 ? [`after ${duration(wait)} of waiting`] : []),
    `${evaluations} evaluations`,
    ...(memory === null ? [] : [`up to ${size(memory)} of memory`]),
  ];
  return parts.join(' · ');
}
