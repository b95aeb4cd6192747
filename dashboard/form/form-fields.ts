import {
  COMPONENT_KINDS,
  resolveRecipe,
  type ComponentKind,
  type ComponentSpec,
  type ParameterSpec,
  type Recipe,
} from '../../samplers/index.js';
import type { Field, Parameters } from '../api/wire.js';
import type { FormState } from './form-state.js';

type Values = FormState['values'];

/** What the chosen preset sets. */
const presetOf = ({ presets }: Parameters, { preset = '' }: Values): NonNullable<(typeof presets)[string]> =>
  presets[preset] ?? {};

/** What sampling starts from: the model's recipe, with what the preset changes of it. */
export const recipeOf = (parameters: Parameters, values: Values): Recipe =>
  resolveRecipe(presetOf(parameters, values), parameters.recipe);

/** What a field that is no component's is when it is left empty. */
export const defaultOf = (parameters: Parameters, values: Values, field: Field): Field['default'] =>
  presetOf(parameters, values)[field.name] ?? field.default;

/** The component in use: the one that is named, else the one that is started from. */
export function chosenComponent(
  parameters: Parameters,
  kind: ComponentKind,
  values: Values,
): ComponentSpec | undefined {
  const name = values[kind] || recipeOf(parameters, values)[kind].name;
  return parameters.components[kind].find((component) => component.name === name);
}

/** What a component's parameter is when it is left empty: a named component begins at its documented defaults. */
export function parameterDefault(
  parameters: Parameters,
  kind: ComponentKind,
  values: Values,
  { name, default: documented }: ParameterSpec,
): number {
  return values[kind] ? documented : (recipeOf(parameters, values)[kind].params[name] ?? documented);
}

/** The parameters of all components. */
const componentParameters = ({ components }: Parameters): readonly string[] =>
  COMPONENT_KINDS.flatMap((kind) => components[kind])
    .flatMap(({ parameters }) => parameters)
    .map(({ name }) => name);

/** The fields that the model has a use for: caching needs branches of its network, a choice something to choose. */
const usableFields = ({ fields, model: { abilities } }: Parameters): readonly Field[] =>
  fields.filter(
    ({ name, choices }) =>
      choices?.length !== 0 && (abilities.deepcache.length > 0 || !name.startsWith('deepcache_')),
  );

/** The fields that are no component's, and the one that is about a prompt's picture. */
export function plainFields(parameters: Parameters): readonly Field[] {
  const ofComponents = new Set<string>([...COMPONENT_KINDS, ...componentParameters(parameters)]);
  const plain = usableFields(parameters).filter(({ name }) => !ofComponents.has(name));
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
export function filledFields(parameters: Parameters, values: Values): Record<string, string> {
  const applying = COMPONENT_KINDS.flatMap(
    (kind) => chosenComponent(parameters, kind, values)?.parameters ?? [],
  );
  const idle = new Set(componentParameters(parameters));
  for (const { name } of applying) idle.delete(name);
  const usable = new Set(
    usableFields(parameters)
      .map(({ name }) => name)
      .filter((name) => !idle.has(name)),
  );
  return Object.fromEntries(
    Object.entries(values).filter(([name, value]) => value.trim() !== '' && usable.has(name)),
  );
}
