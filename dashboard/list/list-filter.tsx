import { useRef } from 'preact/hooks';
import { useKeys } from '../shell/keys.js';
import { GROUPS, type Filter, type Group } from '../tasks/filter.js';

interface Props {
  readonly filter: Filter;
  readonly onChange: (filter: Filter) => void;
  /** Tasks that match. */
  readonly count: number;
  /** False while older tasks are still being looked through. */
  readonly complete: boolean;
}

const LABELS: Readonly<Record<Group, string>> = {
  all: 'All',
  running: 'Running',
  completed: 'Done',
  error: 'Failed',
};

export function ListFilter({ filter, onChange, count, complete }: Props) {
  const input = useRef<HTMLInputElement>(null);
  useKeys({ '/': () => input.current?.focus() });
  return (
    <div class="filter" role="search">
      <input
        ref={input}
        type="search"
        aria-label="Search tasks"
        placeholder="Search tasks…  /"
        title="Words of a prompt, a seed, the beginning of an id"
        value={filter.text}
        onInput={(event) => onChange({ ...filter, text: event.currentTarget.value })}
      />
      <div class="segments" role="radiogroup" aria-label="Which tasks">
        {GROUPS.map((group) => (
          <label key={group}>
            <input
              type="radio"
              name="group"
              checked={filter.group === group}
              onChange={() => onChange({ ...filter, group })}
            />
            <span>{LABELS[group]}</span>
          </label>
        ))}
      </div>
      <span class="count" role="status">
        {count.toLocaleString()}
        {complete || filter.text === '' ? '' : '…'}
        <span class="visually-hidden"> tasks</span>
      </span>
    </div>
  );
}
