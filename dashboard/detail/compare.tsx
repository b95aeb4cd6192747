import type { Task } from '../api/wire.js';
import { labelOf } from '../form/names.js';
import { scalars, shorten, summaryOf, titleOf } from '../tasks/describe.js';
import { useTasks } from '../tasks/store.js';

/** A clip that can be shown beside another: one variation of a task. */
export interface Choice {
  readonly task: Task;
  readonly index: number;
}

/** Other tasks that are offered, the newest ones. */
const OFFERED = 50;

interface Props {
  readonly task: Task;
  readonly chosen: Choice | undefined;
  readonly onChoose: (choice: Choice | undefined) => void;
}

/** Chooses what to show beside a task's clip: another of its variations, or the clip of another task. */
export function Compare({ task, chosen, onChoose }: Props) {
  const own: readonly Choice[] =
    task.videos.length > 1 ? task.videos.map((_, index) => ({ task, index })) : [];
  const others: readonly Choice[] = useTasks()
    .tasks.filter(({ id, videos }) => id !== task.id && videos.length > 0)
    .slice(0, OFFERED)
    .map((other) => ({ task: other, index: 0 }));
  const choices = [...own, ...others];
  if (choices.length === 0) return null;
  const option = (choice: Choice, label: string) => (
    <option key={keyOf(choice)} value={keyOf(choice)}>
      {label}
    </option>
  );
  return (
    <label class="compare">
      Beside it
      <select
        value={chosen ? keyOf(chosen) : ''}
        onChange={({ currentTarget: { value } }) =>
          onChoose(choices.find((choice) => keyOf(choice) === value))
        }
      >
        <option value="">nothing</option>
        {own.length > 0 && (
          <optgroup label="Variations">
            {own.map((choice) =>
              option(choice, `${choice.index + 1} · seed ${task.videos[choice.index].seed}`),
            )}
          </optgroup>
        )}
        {others.length > 0 && (
          <optgroup label="Other clips">
            {others.map((choice) =>
              option(choice, `${shorten(titleOf(choice.task))} · ${summaryOf(choice.task)}`),
            )}
          </optgroup>
        )}
      </select>
    </label>
  );
}

const keyOf = ({ task, index }: Choice): string => `${task.id}/${index}`;

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
            <td>{a.get(name) ?? '–'}</td>
            <td>{b.get(name) ?? '–'}</td>
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
