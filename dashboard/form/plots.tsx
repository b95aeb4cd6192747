import { buildDiscretization, buildGuider, resolveRecipe, scheduleOf } from '../../samplers/index.js';
import type { Parameters } from '../api/wire.js';
import { recipeOf } from './form-fields.js';

interface Props {
  readonly parameters: Parameters;
  /** The fields that are filled in. */
  readonly fields: Readonly<Record<string, string>>;
}

/** The noise levels of the steps and the guidance of the frames, computed by the very code that samples. */
export function Plots({ parameters, fields }: Props) {
  const plotted = compute(parameters, fields);
  if (plotted === undefined) return <p class="help">No schedule can be made of these values.</p>;
  const { sigmas, scales } = plotted;
  const levels = sigmas.slice(0, -1);
  const [first, last] = [levels[0], levels[levels.length - 1]].map(number);
  const [least, most] = scales ? [Math.min(...scales), Math.max(...scales)].map(number) : [];
  return (
    <div class="plots">
      <Plot
        title="Noise level of each step"
        values={levels.map(Math.log)}
        range={`${first} → ${last}`}
        end={`${levels.length} steps`}
        summary={`from ${first} to ${last} in ${levels.length} steps, logarithmic`}
      />
      {scales && (
        <Plot
          title="Guidance of each frame"
          values={scales}
          range={least === most ? least : `${least} – ${most}`}
          end={`${scales.length} frames`}
          summary={`from ${least} to ${most} over ${scales.length} frames`}
        />
      )}
    </div>
  );
}

function compute(parameters: Parameters, fields: Props['fields']) {
  try {
    const given = Object.fromEntries(
      Object.entries(fields).map(([name, text]) => [name, Number.isNaN(Number(text)) ? text : Number(text)]),
    );
    const frames = Number(given.T ?? parameters.fields.find(({ name }) => name === 'T')?.default);
    const resolved = resolveRecipe(given, recipeOf(parameters, fields));
    const sigmas = scheduleOf(buildDiscretization(resolved.discretization), resolved.steps);
    const { scales } = buildGuider(resolved.guider, frames);
    return { sigmas: [...sigmas], scales: scales && [...scales] };
  } catch {
    return undefined; // the field at fault is told of by the service's answer
  }
}

const [WIDTH, HEIGHT, MARGIN] = [280, 84, 8];
/** Dots closer than this would make a band. */
const MOST_DOTS = 60;

interface PlotProps {
  readonly title: string;
  readonly values: readonly number[];
  readonly range: string;
  readonly end: string;
  readonly summary: string;
}

function Plot({ title, values, range, end, summary }: PlotProps) {
  const low = Math.min(...values);
  const high = Math.max(...values);
  const x = (i: number): number => MARGIN + ((WIDTH - 2 * MARGIN) * i) / Math.max(1, values.length - 1);
  const y = (value: number): number =>
    high === low ? HEIGHT / 2 : MARGIN + ((HEIGHT - 2 * MARGIN) * (high - value)) / (high - low);
  const points = values.map((value, i) => [x(i), y(value)] as const);
  return (
    <figure class="plot">
      <figcaption>{title}</figcaption>
      <svg viewBox={`0 0 ${WIDTH} ${HEIGHT}`} role="img" aria-label={`${title}: ${summary}`}>
        <polyline points={points.map((point) => point.join(',')).join(' ')} />
        {values.length <= MOST_DOTS &&
          points.map(([cx, cy], i) => <circle key={i} cx={cx} cy={cy} r="2.4" />)}
      </svg>
      <div class="scale" aria-hidden="true">
        <span>{range}</span>
        <span>{end}</span>
      </div>
    </figure>
  );
}

const number = (value: number): string =>
  value >= 100 ? value.toFixed(0) : Number(value.toPrecision(3)).toString();
