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
}

/** Typing is over when it rests this long. */
const REST_MS = 250;
/** A service that has just started may know soon how long a clip takes. One that does not is asked ever less often. */
const AGAIN_MS = 3000;

/**
 * Asks the service what the clip would cost, and whether it would be taken at all, whenever the values have changed or
 * there is more or less to wait for.
 */
export function useEstimate(parameters: Parameters, values: FormState['values']): Checked {
  const [checked, setChecked] = useState<Checked>({ errors: {} });
  const fields = filledFields(parameters, values);
  const key = JSON.stringify(fields);
  // Both, since what came and went at once leaves the number of those that run as it was.
  const load = useOfTasks(({ running, total }) => `${running} of ${total}`);
  useEffect(() => {
    let timer: ReturnType<typeof setTimeout>;
    let again = AGAIN_MS;
    const abort = new AbortController();
    const ask = async (): Promise<void> => {
      try {
        const init = { ...withJson('POST', fields), signal: abort.signal };
        const estimate = await requestJson<Estimate>('estimate', init);
        if (abort.signal.aborted) return;
        setChecked({ estimate, errors: {} });
        if (estimate.seconds === null) timer = setTimeout(() => void ask(), again);
        again *= 2;
      } catch (error) {
        if (abort.signal.aborted) return;
        const field = error instanceof ApiError ? error.field : undefined;
        setChecked({ errors: field === undefined ? {} : { [field]: (error as ApiError).message } });
      }
    };
    timer = setTimeout(() => void ask(), REST_MS);
    return () => {
      clearTimeout(timer);
      abort.abort();
    };
  }, [key, load]);
  return checked;
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
