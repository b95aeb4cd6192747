import { closeSync, fstatSync, openSync, readSync } from 'node:fs';
import { messageOf } from '../system-error.js';
import { CheckpointError } from './checkpoint-error.js';

/** Bytes of one element of each type the format knows. */
const ELEMENT_BYTES: Readonly<Record<string, number>> = {
  ...{ BOOL: 1, U8: 1, I8: 1, F8_E4M3: 1, F8_E5M2: 1 },
  ...{ U16: 2, I16: 2, F16: 2, BF16: 2, U32: 4, I32: 4, F32: 4, U64: 8, I64: 8, F64: 8 },
};
/** The format's own limit for its header. */
const MAX_HEADER_BYTES = 100_000_000;
const LENGTH_BYTES = 8;

/** Where one tensor lies. */
export interface SafetensorsEntry {
  /** F32, F16, BF16, I64, … */
  readonly dtype: string;
  readonly dims: readonly number[];
  /** First byte, from the start of the file. */
  readonly offset: number;
  readonly length: number;
}

/**
 * An open safetensors file. Only the header is in memory; tensors are read by offset, so a file of any size can be
 * read. Layout: u64 little-endian header length, JSON header, data.
 */
export class SafetensorsFile {
  readonly #descriptor: number;
  readonly entries: ReadonlyMap<string, SafetensorsEntry>;

  /** @throws CheckpointError for a file that is missing, cut short or no safetensors file */
  constructor(readonly path: string) {
    this.#descriptor = attempt(path, 'cannot be opened', () => openSync(path, 'r'));
    try {
      this.entries = this.#readEntries();
    } catch (error) {
      this.close();
      throw error;
    }
  }

  /** Fills `into` with the bytes from `offset` on. */
  read(offset: number, into: Uint8Array): void {
    let done = 0;
    while (done < into.length) {
      const count = attempt(this.path, 'cannot be read', () =>
        readSync(this.#descriptor, into, done, into.length - done, offset + done),
      );
      if (count === 0) throw new CheckpointError(this.path, [`ends at byte ${offset + done}`]);
      done += count;
    }
  }

  close(): void {
    closeSync(this.#descriptor);
  }

  #readEntries(): Map<string, SafetensorsEntry> {
    const { size } = fstatSync(this.#descriptor);
    if (size < LENGTH_BYTES) throw new CheckpointError(this.path, [`${size} bytes are no safetensors file`]);
    const prefix = new DataView(new ArrayBuffer(LENGTH_BYTES));
    this.read(0, new Uint8Array(prefix.buffer));
    const length = Number(prefix.getBigUint64(0, true));
    const room = Math.min(MAX_HEADER_BYTES, size - LENGTH_BYTES);
    if (length < 2 || length > room) {
      const problem = `expected a header of 2 to ${room} bytes, its length says ${length}: no safetensors file, or cut short`;
      throw new CheckpointError(this.path, [problem]);
    }
    const header = new Uint8Array(length);
    this.read(LENGTH_BYTES, header);
    return parseHeader(this.path, header, LENGTH_BYTES + length, size);
  }
}

function parseHeader(path: string, header: Uint8Array, start: number, size: number) {
  const content = attempt<unknown>(path, 'has a header that is not JSON', () =>
    JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(header)),
  );
  if (!isRecord(content)) throw new CheckpointError(path, ['has a header that is not an object']);
  const entries = new Map<string, SafetensorsEntry>();
  const problems: string[] = [];
  for (const [name, value] of Object.entries(content)) {
    if (name === '__metadata__') continue;
    const entry = parseEntry(value, start, size);
    if (typeof entry === 'string') problems.push(`tensor '${name}' ${entry}`);
    else entries.set(name, entry);
  }
  problems.push(...overlaps(entries));
  if (problems.length > 0) throw new CheckpointError(path, problems);
  return entries;
}

/** The entry, or what is wrong with it. */
function parseEntry(value: unknown, start: number, size: number): SafetensorsEntry | string {
  if (!isRecord(value)) return 'is not described by an object';
  const { dtype, shape, data_offsets: offsets } = value;
  if (typeof dtype !== 'string' || !Object.hasOwn(ELEMENT_BYTES, dtype)) {
    return `has the unknown type ${JSON.stringify(dtype)}`;
  }
  if (!isSizes(shape)) return `has no valid shape: ${JSON.stringify(shape)}`;
  if (!isSizes(offsets) || offsets.length !== 2) return `has no valid offsets: ${JSON.stringify(offsets)}`;
  const [begin, end] = offsets;
  const length = shape.reduce((n, d) => n * d, ELEMENT_BYTES[dtype]);
  if (end - begin !== length) {
    return `of type ${dtype} and shape [${shape.join(', ')}] takes ${length} bytes, its offsets say ${end - begin}`;
  }
  if (start + end > size) return `ends at byte ${start + end}, the file at ${size}: cut short`;
  return { dtype, dims: shape, offset: start + begin, length };
}

function overlaps(entries: ReadonlyMap<string, SafetensorsEntry>): string[] {
  const sorted = [...entries].sort(([, a], [, b]) => a.offset - b.offset || a.length - b.length);
  return sorted.flatMap(([name, { offset }], i) => {
    if (i === 0) return [];
    const [before, entry] = sorted[i - 1];
    return offset < entry.offset + entry.length ? [`tensor '${name}' overlaps '${before}'`] : [];
  });
}

const isRecord = (value: unknown): value is Record<string, unknown> =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

const isSizes = (value: unknown): value is readonly number[] =>
  Array.isArray(value) && value.every((n) => Number.isSafeInteger(n) && n >= 0);

function attempt<T>(path: string, problem: string, action: () => T): T {
  try {
    return action();
  } catch (cause) {
    throw new CheckpointError(path, [`${problem} (${messageOf(cause)})`], { cause });
  }
}
