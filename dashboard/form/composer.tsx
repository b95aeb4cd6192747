import { useEffect, useRef } from 'preact/hooks';
import type { Field, Parameters, Task } from '../api/wire.js';
import { Advanced } from './advanced.js';
import { useEstimate } from './estimate.js';
import { FieldRow } from './field.js';
import { Footer } from './footer.js';
import { defaultOf, filledFields, plainFields } from './form-fields.js';
import { useFormState, type FormAction } from './form-state.js';
import { SIMPLE } from './names.js';
import { useShortcut } from './shortcut.js';
import { SizePresets } from './size-presets.js';
import { SourceInput } from './source-input.js';
import { useSubmit } from './submit.js';

interface Props {
  readonly parameters: Parameters;
  /** Settings to begin with: those of an earlier task. */
  readonly template: Task | undefined;
}

/** The form that makes a task. */
export function Composer({ parameters, template }: Props) {
  const [state, dispatch] = useFormState();
  const checked = useEstimate(parameters, state.values);
  const { sending, refused, forget, submit } = useSubmit(parameters, state);
  const form = useRef<HTMLFormElement>(null);
  useShortcut(form, submit);
  useEffect(() => {
    if (template) dispatch({ type: 'task', task: template });
  }, [template]);
  useEffect(() => {
    if (Object.keys(refused).length > 0) {
      form.current?.querySelector<HTMLElement>('[aria-invalid="true"]')?.focus();
    }
  }, [refused]);

  const errors = { ...refused, ...checked.errors };
  const change = (action: FormAction): void => {
    forget();
    dispatch(action);
  };
  const setValue = (name: string, value: string): void => change({ type: 'value', name, value });
  const row = (field: Field) => (
    <FieldRow
      key={field.name}
      field={field}
      fallback={defaultOf(parameters, state.values, field)}
      value={state.values[field.name] ?? ''}
      error={errors[field.name]}
      onChange={(value) => setValue(field.name, value)}
    />
  );
  const plain = plainFields(parameters);
  const order = ({ name }: Field): number => SIMPLE.indexOf(name);
  const simple = plain.filter((field) => order(field) >= 0).sort((a, b) => order(a) - order(b));
  const rest = plain.filter((field) => order(field) < 0);
  const filled = filledFields(parameters, state.values);
  return (
    <form
      ref={form}
      class="composer"
      aria-label="New clip"
      noValidate
      onSubmit={(event) => {
        event.preventDefault();
        submit();
      }}
    >
      <div class="scroll">
        <SourceInput state={state} limits={parameters.limits} errors={errors} dispatch={change} />
        <SizePresets
          parameters={parameters}
          onChoose={(size) => change({ type: 'values', values: { ...state.values, ...size } })}
        />
        <div class="fields">{simple.map(row)}</div>
        <Advanced parameters={parameters} values={state.values} errors={errors} onChange={setValue}>
          {rest.map(row)}
        </Advanced>
      </div>
      <Footer
        checked={checked}
        sending={sending}
        {...(Object.keys(filled).length > 0 ? { onReset: () => change({ type: 'values', values: {} }) } : {})}
      />
    </form>
  );
}
