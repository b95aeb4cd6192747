import type { ComponentChildren } from 'preact';
import { useEffect, useState } from 'preact/hooks';
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

/** What most clips leave to the model. An error opens it, and only its user closes it. */
export function Advanced({ children, ...props }: Props) {
  const { parameters, values, errors } = props;
  const faulty = parameters.fields.some(({ name }) => !SIMPLE.includes(name) && errors[name] !== undefined);
  const [open, setOpen] = useState(false);
  useEffect(() => {
    if (faulty) setOpen(true);
  }, [faulty]);
  return (
    <details open={open} onToggle={(event) => setOpen(event.currentTarget.open)}>
      <summary>Advanced</summary>
      {COMPONENT_KINDS.map((kind) => (
        <ComponentFields key={kind} kind={kind} {...props} />
      ))}
      <Plots parameters={parameters} fields={filledFields(parameters, values)} />
      <div class="fields">{children}</div>
    </details>
  );
}
