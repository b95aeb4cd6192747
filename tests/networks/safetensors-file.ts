import { writeFileSync } from 'node:fs';

export interface RawTensor {
  readonly dtype: string;
  readonly shape: readonly number[];
  readonly bytes: Uint8Array;
}

/** Writes a safetensors file: u64 header length, JSON header, data. */
export function writeSafetensors(path: string, tensors: Readonly<Record<string, RawTensor>>): void {
  const header: Record<string, object> = { __metadata__: { format: 'pt' } };
  let end = 0;
  for (const [name, { dtype, shape, bytes }] of Object.entries(tensors)) {
    header[name] = { dtype, shape, data_offsets: [end, (end += bytes.length)] };
  }
  writeFileSync(
    path,
    Buffer.concat([headerBytes(header), ...Object.values(tensors).map(({ bytes }) => bytes)]),
  );
}

export function headerBytes(header: unknown): Buffer {
  const json = Buffer.from(typeof header === 'string' ? header : JSON.stringify(header));
  const length = Buffer.alloc(8);
  length.writeBigUInt64LE(BigInt(json.length));
  return Buffer.concat([length, json]);
}

export const floats = (shape: readonly number[], values: readonly number[]): RawTensor => ({
  dtype: 'F32',
  shape,
  bytes: new Uint8Array(Float32Array.from(values).buffer),
});
