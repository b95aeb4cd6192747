import { useEffect, useReducer } from 'preact/hooks';
import type { Task } from '../api/wire.js';

export type SourceKind = 'prompt' | 'image' | 'image_url';

/** What has been entered. Values are texts, as in the inputs; what is left empty is the model's to choose. */
export interface FormState {
  readonly source: SourceKind;
  readonly prompt: string;
  readonly imageUrl: string;
  readonly picture: File | undefined;
  readonly values: Readonly<Record<string, string>>;
}

export type FormAction =
  | { readonly type: 'source'; readonly source: SourceKind }
  | { readonly type: 'prompt' | 'imageUrl'; readonly text: string }
  | { readonly type: 'picture'; readonly picture: File | undefined }
  | { readonly type: 'value'; readonly name: string; readonly value: string }
  | { readonly type: 'values'; readonly values: Readonly<Record<string, string>> }
  | { readonly type: 'task'; readonly task: Task };

const EMPTY: FormState = { source: 'prompt', prompt: '', imageUrl: '', picture: undefined, values: {} };
const KEY = 'img2vid-form';

function reduce(state: FormState, action: FormAction): FormState {
  switch (action.type) {
    case 'source':
      return { ...state, source: action.source };
    case 'prompt':
      return { ...state, prompt: action.text };
    case 'imageUrl':
      return { ...state, imageUrl: action.text };
    case 'picture':
      return { ...state, picture: action.picture, ...(action.picture ? { source: 'image' } : {}) };
    case 'value':
      return { ...state, values: { ...state.values, [action.name]: action.value } };
    case 'values':
      return { ...state, values: action.values };
    case 'task':
      return fromTask(state, action.task);
  }
}

/** The settings of an earlier task; its picture, where it was uploaded, has to be chosen again. */
function fromTask(state: FormState, { source, params }: Task): FormState {
  const values = Object.fromEntries(Object.entries(params).map(([name, value]) => [name, String(value)]));
  if (typeof source.prompt === 'string') return { ...state, source: 'prompt', prompt: source.prompt, values };
  if (typeof source.image_url === 'string') {
    return { ...state, source: 'image_url', imageUrl: source.image_url, values };
  }
  return { ...state, source: 'image', values };
}

/** What was entered survives a reload, but for the picture, which the page cannot open again. */
export function useFormState(): [FormState, (action: FormAction) => void] {
  const [state, dispatch] = useReducer(reduce, undefined, restore);
  useEffect(() => {
    sessionStorage.setItem(KEY, JSON.stringify({ ...state, picture: undefined }));
  }, [state]);
  return [state, dispatch];
}

function restore(): FormState {
  try {
    return { ...EMPTY, ...(JSON.parse(sessionStorage.getItem(KEY) ?? '{}') as Partial<FormState>) };
  } catch {
    return EMPTY;
  }
}
