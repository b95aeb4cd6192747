import { useEffect, useReducer } from 'preact/hooks';
import {
  COMPONENT_KINDS,
  type ComponentKind,
  type ComponentSpec,
  type ParameterSpec,
} from '../../samplers/index.js';
import type { Field, Parameters, Task } from '../api/wire.js';

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

/** The component in use: the one that is named, else the model's own. */
export function chosenComponent(
  { components, recipe }: Parameters,
  kind: ComponentKind,
  values: FormState['values'],
): ComponentSpec | undefined {
  const name = values[kind] || recipe[kind].name;
  return components[kind].find((component) => component.name === name);
}

/** What a component's parameter is when it is left empty: a named component begins at its documented defaults. */
export function parameterDefault(
  { recipe }: Parameters,
  kind: ComponentKind,
  values: FormState['values'],
  { name, default: documented }: ParameterSpec,
): number {
  return values[kind] ? documented : (recipe[kind].params[name] ?? documented);
}

/** The parameters of all components. */
const componentParameters = ({ components }: Parameters): readonly string[] =>
  COMPONENT_KINDS.flatMap((kind) => components[kind])
    .flatMap(({ parameters }) => parameters)
    .map(({ name }) => name);

/** The fields that are no component's, and the one that is about a prompt's picture. */
export function plainFields(parameters: Parameters): readonly Field[] {
  const ofComponents = new Set<string>([...COMPONENT_KINDS, ...componentParameters(parameters)]);
  const plain = parameters.fields.filter(({ name }) => !ofComponents.has(name));
  const { pictures_per_prompt: max } = parameters;
  return max === 1 ? plain : [...plain, { ...PICTURE_CHOICE, max }];
}

const PICTURE_CHOICE: Field = {
  name: 'image_index',
  type: 'integer',
  min: 1,
  default: null,
  description: 'Which of the pictures that the provider makes of a prompt; by the seed when left out',
};

/** The clip's fields that are filled in and that apply: parameters of components not in use are left out. */
export function filledFields(parameters: Parameters, values: FormState['values']): Record<string, string> {
  const applying = COMPONENT_KINDS.flatMap(
    (kind) => chosenComponent(parameters, kind, values)?.parameters ?? [],
  );
  const idle = new Set(componentParameters(parameters));
  for (const { name } of applying) idle.delete(name);
  const usable = new Set(parameters.fields.map(({ name }) => name).filter((name) => !idle.has(name)));
  return Object.fromEntries(
    Object.entries(values).filter(([name, value]) => value.trim() !== '' && usable.has(name)),
  );
}
