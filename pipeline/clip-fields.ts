import { CATALOGUE, COMPONENT_KINDS, type ParameterSpec } from '../samplers/index.js';
import { PRESETS, type ModelManifest } from './manifest.js';
import { presetsOf } from './presets.js';

/** One field of a clip request: plain data, from which checks, command line and documentation are made. */
export interface ClipField {
  /** Name on the wire. */
  readonly name: string;
  readonly type: 'integer' | 'number' | 'choice';
  readonly min?: number;
  readonly max?: number;
  readonly multipleOf?: number;
  /** The only values that there are. */
  readonly choices?: readonly (string | number)[];
  readonly description: string;
}

type Limits = Pick<ModelManifest, 'limits' | 'picture' | 'presets' | 'abilities'>;

/** What holds where no model narrows it. */
const ANY_MODEL: Limits = {
  limits: { W: 4096, H: 4096, T: 1000, pixels: 2 ** 40 },
  picture: { divisor: 2 },
  presets: Object.fromEntries(PRESETS.map((name) => [name, {}])),
  abilities: { guidance: true, deepcache: [] },
};
const MIN_SIDE = 64;
/** Seeds are whole numbers from 0 to this. */
export const MAX_SEED = 1e9;

/** How the picture comes to the size of the clip: scaled to cover it and cropped, or stretched. */
export const FITS = ['cover', 'stretch'] as const;
/** The files made of each variation. */
export const OUTPUTS = ['mp4', 'mp4+gif'] as const;

/** Every field of a clip request, with the ranges that the model allows. */
export function clipFields(model: Limits = ANY_MODEL): readonly ClipField[] {
  return [...settings(model), ...components()];
}

function settings(model: Limits): readonly ClipField[] {
  const {
    limits,
    picture: { divisor },
  } = model;
  const side = (name: 'W' | 'H', description: string): ClipField => ({
    ...integer(name, Math.ceil(MIN_SIDE / divisor) * divisor, limits[name], description),
    multipleOf: divisor,
  });
  return [
    side('W', 'Width in pixels'),
    side('H', 'Height in pixels'),
    integer('T', 1, limits.T, 'Number of frames'),
    integer('fps', 1, 120, 'Frame rate of the file; the model is conditioned on fps - 1'),
    integer('seed', 0, MAX_SEED, 'Start of the random numbers; drawn when left out'),
    integer('steps', 1, 1000, 'Sampler steps'),
    integer('motion_bucket_id', 0, 512, 'Amount of motion'),
    number('cond_aug', 0, 1, 'Noise added to the picture that conditions the model'),
    integer('decoding_t', 1, 1e9, 'Frames decoded at a time: less needs less memory'),
    integer('decoding_overlap', 0, 8, 'Neighbour frames decoded on either side of those, against seams'),
    integer('num_cols', 1, 10, 'Variations, with the seeds seed, seed + 1, …'),
    choice('fit', FITS, 'The picture covers the clip and is cropped, or is stretched to its proportions'),
    choice('outputs', OUTPUTS, 'Files made: the video, or the video and an animated GIF of it'),
    integer(
      'deepcache_interval',
      1,
      100,
      'Steps from one evaluation of the whole network to the next, with its outer part alone in between; 1 for none',
    ),
    {
      name: 'deepcache_branch',
      type: 'integer',
      choices: model.abilities.deepcache,
      description: 'Where the network is cut for that: 0 leaves the least to evaluate',
    },
    {
      name: 'preset',
      type: 'choice',
      choices: presetsOf(model),
      description: 'Several of these fields at once; those that are given as well go before it',
    },
  ];
}

/** The three choices, and each parameter once with the widest range any component gives it. */
function components(): readonly ClipField[] {
  const fields = new Map<string, ClipField>();
  for (const kind of COMPONENT_KINDS) {
    const choices = CATALOGUE[kind].map(({ name }) => name);
    fields.set(kind, choice(kind, choices, `The ${kind}`));
    for (const component of CATALOGUE[kind]) {
      for (const parameter of component.parameters) {
        fields.set(parameter.name, widened(parameter, component.name, fields.get(parameter.name)));
      }
    }
  }
  return [...fields.values()];
}

function widened(parameter: ParameterSpec, component: string, known: ClipField | undefined): ClipField {
  const { name, type, min, max, description } = parameter;
  if (!known) return { name, type, min, max, description: `${component}: ${lowerFirst(description)}` };
  return { ...known, min: Math.min(min, known.min ?? min), max: Math.max(max, known.max ?? max) };
}

const lowerFirst = (text: string): string => text.charAt(0).toLowerCase() + text.slice(1);

const number = (name: string, min: number, max: number, description: string): ClipField => ({
  name,
  type: 'number',
  min,
  max,
  description,
});
const integer = (...args: Parameters<typeof number>): ClipField => ({ ...number(...args), type: 'integer' });
const choice = (name: string, choices: readonly string[], description: string): ClipField => ({
  name,
  type: 'choice',
  choices,
  description,
});

/** What a field allows, in words. */
export function allowedValues({ type, min, max, multipleOf, choices }: ClipField): string {
  if (choices) return choices.length === 0 ? 'left out: the model has none' : `one of ${choices.join(', ')}`;
  const kind = type === 'integer' ? 'an integer' : 'a number';
  return `${kind} from ${min} to ${max}${multipleOf === undefined ? '' : `, a multiple of ${multipleOf}`}`;
}
