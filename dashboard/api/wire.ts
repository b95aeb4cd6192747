import type { ClipField } from '../../pipeline/clip-fields.js';
import type { ClipParams } from '../../pipeline/clip-params.js';
import type { ComponentKind, ComponentSpec, Recipe } from '../../samplers/index.js';
import type { TaskView } from '../../server/tasks/view.js';

/** What decides a task: of a clip all of these, of another kind some of them and others. */
type Params = Readonly<Record<string, unknown>> &
  Partial<Pick<ClipParams, 'W' | 'H' | 'T' | 'fps' | 'steps' | 'num_cols' | 'sampler' | 'guider'>>;

/** A task, as the service tells of it. */
export type Task = Omit<TaskView, 'params'> & {
  readonly params: Params;
};
export type Video = Task['videos'][number];

/** The answer of GET /tasks. */
export interface TaskPage {
  readonly tasks: readonly Task[];
  readonly total: number;
  readonly next: string | null;
}

/** A field of a clip with what the model's recipe makes of it when it is left out; null for nothing, or drawn. */
export type Field = ClipField & { readonly default: number | string | boolean | null };

/** The answer of GET /parameters. */
export interface Parameters {
  readonly model: {
    readonly name: string;
    readonly version: string;
    readonly description: string;
    readonly licence: string;
    readonly abilities: { readonly guidance: boolean; readonly deepcache: readonly number[] };
  };
  readonly fields: readonly Field[];
  readonly components: Readonly<Record<ComponentKind, readonly ComponentSpec[]>>;
  readonly recipe: Recipe;
  /** What each preset sets. */
  readonly presets: Readonly<Partial<Record<string, Readonly<Record<string, number | string>>>>>;
  /** More than one where `image_index` chooses among them. */
  readonly pictures_per_prompt: number;
  readonly limits: { readonly pixels: number; readonly upload_bytes: number };
}

/** The answer of POST /estimate. */
export interface Estimate {
  readonly params: Params;
  readonly warnings: readonly string[];
  readonly evaluations: number;
  readonly seconds: number | null;
  readonly wait_seconds: number | null;
  readonly memory_bytes: number | null;
}

/** The answer of GET /health, as far as the page shows it. */
export interface Health {
  readonly model_loaded: boolean;
  /** `not set` until a model is loaded. */
  readonly device: string;
  readonly workers: readonly { readonly warning?: string; readonly error?: { readonly message: string } }[];
}
