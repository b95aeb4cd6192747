import type { Field, Parameters } from '../api/wire.js';

interface Props {
  readonly parameters: Parameters;
  readonly onChoose: (values: { W: string; H: string }) => void;
}

const SHAPES: readonly (readonly [label: string, width: number, height: number])[] = [
  ['16:9', 16, 9],
  ['4:3', 4, 3],
  ['1:1', 1, 1],
  ['3:4', 3, 4],
  ['9:16', 9, 16],
];

/** Shapes of about as many pixels as the model's own size. */
export function SizePresets({ parameters, onChoose }: Props) {
  const [width, height] = ['W', 'H'].map((side) => parameters.fields.find(({ name }) => name === side));
  if (!width || !height) return null;
  const area = Number(width.default) * Number(height.default);
  return (
    <div class="shapes" role="group" aria-label="Shape">
      {SHAPES.map(([label, across, down]) => {
        const unit = Math.sqrt(area / (across * down));
        const [W, H] = [fit(width, across * unit), fit(height, down * unit)];
        return (
          <button key={label} type="button" title={`${W}×${H}`} onClick={() => onChoose({ W, H })}>
            <span class={`shape shape-${across}-${down}`} aria-hidden="true" />
            {label}
          </button>
        );
      })}
    </div>
  );
}

/** The nearest size that the model allows. */
function fit({ min = 1, max = Infinity, multipleOf = 1 }: Field, pixels: number): string {
  return String(Math.min(max, Math.max(min, Math.round(pixels / multipleOf) * multipleOf)));
}
