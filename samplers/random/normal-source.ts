/** Where standard normal numbers come from. Each call is one draw of the run's shape, in the documented order. */
export interface NormalSource {
  /** Overwrites the whole of `out` with numbers from N(0, 1). */
  fillNormal(out: Float32Array): void;
}

/** The state of a generator as plain data: 624 words of MT19937, how many are used, and a normal kept for later. */
export interface RandomState {
  readonly words: Uint32Array;
  readonly used: number;
  readonly kept: number | null;
}

/** A source whose position can be saved with a sampling state and set back on resume. */
export interface RestorableNormalSource extends NormalSource {
  save(): RandomState;
  restore(state: RandomState): void;
}

export function isRestorable(source: NormalSource | undefined): source is RestorableNormalSource {
  return source !== undefined && 'save' in source && 'restore' in source;
}
