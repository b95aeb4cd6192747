import type { Field } from '../api/wire.js';
import { labelOf } from './names.js';

export interface FieldProps {
  readonly field: Omit<Field, 'default'>;
  /** What holds when nothing is entered; null where no value does. */
  readonly fallback: Field['default'];
  readonly value: string;
  readonly error?: string | undefined;
  readonly onChange: (value: string) => void;
}

/** Wider ranges have no place on a slider. */
const WIDEST_SLIDER = 512;

/** One field of a clip, made of its description alone: label, range, default and help come with it. */
export function FieldRow(props: FieldProps) {
  const { field, fallback, value, error, onChange } = props;
  const id = `field-${field.name}`;
  const described = `${id}-help${error === undefined ? '' : ` ${id}-error`}`;
  return (
    <div class="field" data-error={error !== undefined}>
      <label for={id}>
        {labelOf(field.name)} <code>{field.name}</code>
      </label>
      {field.choices || field.type === 'choice' ? (
        <select
          id={id}
          value={value}
          aria-describedby={described}
          aria-invalid={error !== undefined}
          onChange={(event) => onChange(event.currentTarget.value)}
        >
          <option value="">{fallback === null ? '—' : `${fallback} (default)`}</option>
          {field.choices?.map((choice) => (
            <option key={choice} value={choice}>
              {choice}
            </option>
          ))}
        </select>
      ) : (
        <NumberInput {...props} id={id} described={described} />
      )}
      <p class="help" id={`${id}-help`}>
        {field.description}
        <span class="range">{rangeOf(field)}</span>
      </p>
      {error !== undefined && (
        <p class="error" id={`${id}-error`} role="alert">
          {error}
        </p>
      )}
    </div>
  );
}

function NumberInput({
  field,
  fallback,
  value,
  error,
  onChange,
  id,
  described,
}: FieldProps & { id: string; described: string }) {
  const { min, max, type, multipleOf } = field;
  const step = multipleOf ?? (type === 'integer' ? 1 : 'any');
  const sliding = min !== undefined && max !== undefined && max - min <= WIDEST_SLIDER;
  return (
    <div class="number">
      {sliding && (
        <input
          type="range"
          tabIndex={-1}
          aria-hidden="true"
          min={min}
          max={max}
          step={type === 'number' ? (max - min) / 100 : step}
          value={value === '' ? Number(fallback ?? min) : Number(value)}
          onInput={(event) => onChange(event.currentTarget.value)}
        />
      )}
      <input
        id={id}
        type="text"
        inputMode={type === 'integer' ? 'numeric' : 'decimal'}
        autocomplete="off"
        placeholder={field.name === 'seed' ? 'drawn' : String(fallback ?? '—')}
        value={value}
        aria-describedby={described}
        aria-invalid={error !== undefined}
        onInput={(event) => onChange(event.currentTarget.value)}
        onKeyDown={(event) => {
          const by = { ArrowUp: 1, ArrowDown: -1 }[event.key];
          if (by === undefined || step === 'any') return;
          event.preventDefault();
          const next = Number(value === '' ? (fallback ?? min ?? 0) : value) + by * step;
          onChange(String(Math.min(max ?? next, Math.max(min ?? next, next))));
        }}
      />
    </div>
  );
}

/** Ranges beyond this say nothing that helps. */
const NO_LIMIT = 1e5;

function rangeOf({ min, max, multipleOf }: FieldProps['field']): string {
  if (min === undefined || max === undefined) return '';
  const range = max >= NO_LIMIT ? `from ${min}` : `${min} – ${max}`;
  return multipleOf === undefined ? range : `${range}, × ${multipleOf}`;
}
