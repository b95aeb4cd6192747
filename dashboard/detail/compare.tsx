import { useMemo, useState } from 'preact/hooks';
import type { Task } from '../api/wire.js';
import { labelOf } from '../form/names.js';
import { scalars, shorten, summaryOf, titleOf } from '../tasks/describe.js';
import { useOlder } from '../tasks/feed.js';
import { applyFilter } from '../tasks/filter.js';
import { useTasks } from '../tasks/store.js';

/** A clip that can be shown beside another: one variation of a task. */
export interface Choice {
  readonly task: Task;
  readonly index: number;
}

/** Other clips that are offered at once; a search finds the rest. */
const OFFERED = 50;

interface Props {
  readonly task: Task;
  readonly chosen: Choice | undefined;
  readonly onChoose: (choice: Choice | undefined) => void;
}

/** Chooses what to show beside a task's clip: another of its variations, or any clip of another task. */
export function Compare({ task, chosen, onChoose }: Props) {
  const [text, setText] = useState('');
  const { tasks, complete } = useTasks();
  useOlder(text !== '');
  const own = task.videos.length > 1 ? clipsOf(task) : [];
  const found = useMemo(
    () => applyFilter(tasks, { group: 'completed', text }).flatMap((other) => clipsOf(other)),
    [tasks, text],
  ).filter((choice) => choice.task.id !== task.id);
  const offered = found.slice(0, OFFERED);
  const choices = [...own, ...offered];
  const other = chosen && !choices.some((choice) => keyOf(choice) === keyOf(chosen)) ? [chosen] : [];
  const searchable = text !== '' || found.length > OFFERED || !complete;
  if (choices.length === 0 && !searchable) return null;
  return (
    <div class="compare">
      <label>
        Beside it
        <select
          value={chosen ? keyOf(chosen) : ''}
          onChange={({ currentTarget: { value } }) =>
            onChoose([...other, ...choices].find((choice) => keyOf(choice) === value))
          }
        >
          <option value="">nothing</option>
          <Options label="Variations" choices={own} textOf={variationText} />
          <Options label="Other clips" choices={[...other, ...offered]} textOf={clipText} />
        </select>
      </label>
      {searchable && (
        <input
          type="search"
          aria-label="Find other clips"
          placeholder="Find other clips…"
          value={text}
          onInput={(event) => setText(event.currentTarget.value)}
        />
      )}
      {text !== '' && <span role="status">{found.length.toLocaleString()} found</span>}
    </div>
  );
}

interface OptionsProps {
  readonly label: string;
  readonly choices: readonly Choice[];
  readonly textOf: (choice: Choice) => string;
}

function Options({ label, choices, textOf }: OptionsProps) {
  if (choices.length === 0) return null;
  return (
    <optgroup label={label}>
      {choices.map((choice) => (
        <option key={keyOf(choice)} value={keyOf(choice)}>
          {textOf(choice)}
        </option>
      ))}
    </optgroup>
  );
}

const clipsOf = (task: Task): readonly Choice[] => task.videos.map((_, index) => ({ task, index }));

const keyOf = ({ task, index }: Choice): string => `${task.id}/${index}`;

const variationText = ({ task, index }: Choice): string => `${index + 1} · seed ${task.videos[index].seed}`;

const clipText = ({ task, index }: Choice): string => {
  const variation = task.videos.length > 1 ? [`variation ${index + 1}`] : [];
  return [shorten(titleOf(task)), ...variation, summaryOf(task)].join(' · ');
};

/** In what the clips of two tasks differ. */
export function Differences({ left, right }: { readonly left: Choice; readonly right: Choice }) {
  const [a, b] = [valuesOf(left), valuesOf(right)];
  const names = [...new Set([...a.keys(), ...b.keys()])].filter((name) => a.get(name) !== b.get(name));
  return (
    <table class="differences">
      <caption>{names.length === 0 ? 'Made in the same way' : 'What differs'}</caption>
      <tbody>
        {names.map((name) => (
          <tr key={name}>
            <th scope="row">{labelOf(name)}</th>
            {[a, b].map((values, side) => (
              <td key={side}>
                <span>{values.get(name) ?? '–'}</span>
              </td>
            ))}
          </tr>
        ))}
      </tbody>
    </table>
  );
}

/** All that decides a clip, by name. The number of variations does not. */
function valuesOf({ task, index }: Choice): ReadonlyMap<string, string> {
  const values = scalars({ ...task.params, seed: task.videos[index].seed, num_cols: undefined });
  return new Map([
    ['picture', titleOf(task)],
    ['model', task.model],
    ...values.map(([name, value]): [string, string] => [name, String(value)]),
  ]);
}
