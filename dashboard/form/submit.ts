import { useRef, useState } from 'preact/hooks';
import { ApiError, requestJson, withJson } from '../api/client.js';
import type { Parameters, Task } from '../api/wire.js';
import { go } from '../shell/route.js';
import { reportError } from '../tasks/actions.js';
import { store } from '../tasks/store.js';
import { filledFields } from './form-fields.js';
import type { FormState } from './form-state.js';
import { sourceFault } from './source.js';

export interface Submission {
  readonly sending: boolean;
  /** What there was against the last one, by field. */
  readonly refused: Readonly<Record<string, string>>;
  readonly forget: () => void;
  /** Sends what was entered and shows the new task. */
  readonly submit: () => void;
}

export function useSubmit(parameters: Parameters, state: FormState): Submission {
  const [sending, setSending] = useState(false);
  const [refused, setRefused] = useState<Submission['refused']>({});
  const underWay = useRef(false); // `sending` is drawn only after a second press that follows at once
  const submit = async (): Promise<void> => {
    if (underWay.current) return;
    const fault = sourceFault(state, parameters.limits.upload_bytes);
    if (fault !== undefined) return setRefused({ [state.source]: fault });
    underWay.current = true;
    setSending(true);
    try {
      const task = await send(parameters, state);
      setRefused({});
      store.put(task);
      go({ view: 'task', id: task.id });
    } catch (error) {
      if (!(error instanceof ApiError) || error.status === 0 || error.status === 401)
        return reportError(error);
      setRefused({ [error.field ?? state.source]: error.message });
    } finally {
      underWay.current = false;
      setSending(false);
    }
  };
  return { sending, refused, forget: () => setRefused({}), submit: () => void submit() };
}

/** @throws ApiError naming the field at fault */
function send(parameters: Parameters, state: FormState): Promise<Task> {
  const fields = filledFields(parameters, state.values);
  const { source, prompt, imageUrl, picture } = state;
  const { image_index: index } = state.values;
  if (parameters.pictures_per_prompt > 1 && source === 'prompt' && index) fields.image_index = index;
  if (source === 'prompt') return requestJson('tasks', withJson('POST', { ...fields, prompt }));
  if (source === 'image_url')
    return requestJson('tasks', withJson('POST', { ...fields, image_url: imageUrl }));
  const body = new FormData();
  for (const [name, value] of Object.entries(fields)) body.append(name, value);
  if (picture) body.append('image', picture);
  return requestJson('tasks', { method: 'POST', body });
}
