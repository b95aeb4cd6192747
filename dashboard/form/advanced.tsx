import type { ComponentChildren } from 'preact';
import { COMPONENT_KINDS } from '../../samplers/index.js';
import type { Parameters } from '../api/wire.js';
import { ComponentFields } from './component-fields.js';
import { filledFields } from './form-fields.js';
import type { FormState } from './form-state.js';
import { SIMPLE } from './names.js';
import { Plots } from './plots.js';

interface Props {
  readonly parameters: Parameters;
  readonly values: FormState['values'];
  readonly errors: Readonly<Record<string, string>>;
  readonly onChange: (name: string, value: string) => void;
  /** The fields that are no component's. */
  readonly children: ComponentChildren;
}

/** What most clips leave to the model: the sampler, its noise levels, guidance, and the rest. Opens where an error is. */
export function Advanced({ children, ...props }: Props) {
  const { parameters, values, errors } = props;
  const inside = parameters.fields.filter(({ name }) => !SIMPLE.includes(name));
  return (
    <details open={inside.some(({ name }) => errors[name] !== undefined) || undefined}>
      <summary>Advanced</summary>
      {COMPONENT_KINDS.map((kind) => (
        <ComponentFields key={kind} kind={kind} {...props} />
      ))}
      <Plots parameters={parameters} fields={filledFields(parameters, values)} />
      <div class="fields">{children}</div>
    </details>
  );
}
