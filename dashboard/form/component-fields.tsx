import type { ComponentKind } from '../../samplers/index.js';
import type { Parameters } from '../api/wire.js';
import { FieldRow } from './field.js';
import { chosenComponent, parameterDefault, recipeOf } from './form-fields.js';
import type { FormState } from './form-state.js';
import { labelOf } from './names.js';

interface Props {
  readonly kind: ComponentKind;
  readonly parameters: Parameters;
  readonly values: FormState['values'];
  readonly errors: Readonly<Record<string, string>>;
  readonly onChange: (name: string, value: string) => void;
}

/** The choice of one component, and the parameters of the chosen one alone. */
export function ComponentFields({ kind, parameters, values, errors, onChange }: Props) {
  const component = chosenComponent(parameters, kind, values);
  const field = {
    name: kind,
    type: 'choice' as const,
    choices: parameters.components[kind].map(({ name }) => name),
    description: component?.description ?? '',
  };
  return (
    <fieldset>
      <legend class="visually-hidden">{labelOf(kind)}</legend>
      <FieldRow
        field={field}
        fallback={recipeOf(parameters, values)[kind].name}
        value={values[kind] ?? ''}
        error={errors[kind]}
        onChange={(value) => onChange(kind, value)}
      />
      {component?.parameters.map((parameter) => (
        <FieldRow
          key={parameter.name}
          field={parameter}
          fallback={parameterDefault(parameters, kind, values, parameter)}
          value={values[parameter.name] ?? ''}
          error={errors[parameter.name]}
          onChange={(value) => onChange(parameter.name, value)}
        />
      ))}
    </fieldset>
  );
}
