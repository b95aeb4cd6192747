import { readFileSync } from 'node:fs';

/** One float32 tensor of a safetensors file: u64 header length, JSON header, data. */
export function readTensor(path: string, name: string): { dims: number[]; data: Float32Array } {
  const file = readFileSync(path);
  const headerEnd = 8 + Number(file.readBigUInt64LE(0));
  const header = JSON.parse(file.toString('utf8', 8, headerEnd)) as Record<
    string,
    { dtype: string; shape: number[]; data_offsets: [number, number] }
  >;
  const entry = header[name];
  if (entry?.dtype !== 'F32') throw new Error(`no float32 tensor ${name}`);
  const [from, to] = entry.data_offsets;
  const bytes = file.subarray(headerEnd + from, headerEnd + to);
  return { dims: entry.shape, data: new Float32Array(Uint8Array.from(bytes).buffer) };
}
