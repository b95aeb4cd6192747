import type { SourceTensor } from './source-tensor.js';

const FLOATS = new Set(['F32', 'F16', 'BF16']);

/**
 * The books of one network's tensors: each must be taken once or more, with the shape the network wants. Faults are
 * collected, so that one error can name them all.
 */
export class TensorLedger {
  readonly #tensors: ReadonlyMap<string, SourceTensor>;
  readonly #taken = new Map<string, string | null>();

  /** @param label what the tensors belong to, for messages */
  constructor(
    readonly label: string,
    tensors: ReadonlyMap<string, SourceTensor>,
  ) {
    this.#tensors = tensors;
  }

  /** The tensor of this name and shape, or a stand-in when there is none; the fault is kept for `problems`. */
  take(name: string, dims: readonly number[]): SourceTensor {
    const found = this.#tensors.get(name);
    const fault = this.#faultOf(name, dims, found);
    if (fault !== null || !this.#taken.has(name)) this.#taken.set(name, fault);
    if (found !== undefined && fault === null) return found;
    return { name, file: null, dtype: 'F32', dims, offset: 0 };
  }

  /** Whether the checkpoint has a tensor of this name. */
  has(name: string): boolean {
    return this.#tensors.has(name);
  }

  /** Every missing, wrongly shaped, wrongly typed and never taken tensor. */
  problems(): string[] {
    const faults = [...this.#taken.values()].filter((fault) => fault !== null);
    const unused = [...this.#tensors].filter(([name]) => !this.#taken.has(name));
    return [...faults, ...unused.map(([name, found]) => this.#line(`unused: ${quoted(name, found)}`))];
  }

  #faultOf(name: string, dims: readonly number[], found: SourceTensor | undefined): string | null {
    if (found === undefined) return this.#line(`missing: '${name}' [${dims.join(', ')}]`);
    const sameShape = found.dims.length === dims.length && found.dims.every((d, i) => d === dims[i]);
    if (!sameShape) {
      const given = found.dims.join(', ');
      return this.#line(`wrong shape: ${quoted(name, found)} is [${given}], expected [${dims.join(', ')}]`);
    }
    if (!FLOATS.has(found.dtype)) {
      return this.#line(`wrong type: ${quoted(name, found)} is ${found.dtype}, expected F32, F16 or BF16`);
    }
    return null;
  }

  #line(text: string): string {
    return `${this.label}: ${text}`;
  }
}

/** Both names where the file has another one than the network. */
const quoted = (name: string, found: SourceTensor): string =>
  found.name === name ? `'${name}'` : `'${name}' (in the file '${found.name}')`;
