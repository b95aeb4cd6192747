import { afterEach, beforeEach, expect, test } from '@jest/globals';
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { computed, halvesToFloats, SafetensorsFile, tensorsOf } from '../../../networks/checkpoint/index.js';
import type { StoredTensor } from '../../../networks/onnx/index.js';
import { WeightFile } from '../../../networks/weights/index.js';
import { floats, writeSafetensors } from '../safetensors-file.js';

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'weights-'));
});
afterEach(() => rmSync(folder, { recursive: true }));

function source(values: readonly number[], dims = [values.length]) {
  const path = join(folder, 'source.safetensors');
  writeSafetensors(path, { a: floats(dims, values) });
  return tensorsOf(new SafetensorsFile(path)).get('a')!;
}

async function written(file: WeightFile) {
  const path = join(folder, file.fileName);
  await file.write(path, () => undefined);
  const bytes = readFileSync(path);
  expect(bytes).toHaveLength(file.length);
  return ({ offset, length, type }: StoredTensor) => {
    const { buffer } = Uint8Array.from(bytes.subarray(offset, offset + length));
    return [...(type === 'float32' ? new Float32Array(buffer) : halvesToFloats(new Uint16Array(buffer)))];
  };
}

test('parts follow each other, scaled and converted, each tensor on 64 bytes', async () => {
  const file = new WeightFile('w');
  const a = source([1, 2, 3]);
  const made = computed('made', [2], () => Float32Array.of(-1, -2));
  const first = file.add('first', {
    type: 'float32',
    dims: [5],
    parts: [{ source: a, scale: 0.5 }, { source: made }],
  });
  const second = file.add('second', { type: 'float16', dims: [1, 3], parts: [{ source: a }] });
  const third = file.add('third', { type: 'float32', dims: [3], parts: [{ source: a }] });
  expect([first, second, third].map(({ offset }) => offset)).toEqual([0, 64, 128]);
  const read = await written(file);
  expect([read(first), read(second), read(third)]).toEqual([
    [0.5, 1, 1.5, -1, -2],
    [1, 2, 3],
    [1, 2, 3],
  ]);
});

test('a tensor larger than what is converted at a time comes out whole', async () => {
  const count = 2 ** 22 + 5;
  const file = new WeightFile('w');
  const large = source(Array.from({ length: count }, (_, i) => i % 2048));
  const halves = file.add('halves', { type: 'float16', dims: [count], parts: [{ source: large }] });
  const copy = file.add('copy', { type: 'float32', dims: [count], parts: [{ source: large }] });
  const read = await written(file);
  for (const tensor of [halves, copy]) {
    expect(read(tensor).every((value, i) => value === i % 2048)).toBe(true);
  }
});

test('parts that do not fill the shape are refused', () => {
  const file = new WeightFile('w');
  const parts = [{ source: source([1, 2, 3]) }];
  expect(() => file.add('a', { type: 'float32', dims: [4], parts })).toThrow("'a' [4] takes 4 values, got 3");
});

test('a value beyond half precision is refused with its tensor’s name', async () => {
  const file = new WeightFile('w');
  file.add('big', { type: 'float16', dims: [2], parts: [{ source: source([1, 7e4]) }] });
  await expect(written(file)).rejects.toThrow('big: 70000 is beyond half precision');
});

test('an interrupted write goes on from the last point that is on the disk, and gives the same file', async () => {
  const path = join(folder, 'w');
  let made = 0;
  /** Sixteen tensors of 64 bytes; the last of them counts how often it is computed. */
  const plan = (): WeightFile => {
    const file = new WeightFile('w');
    for (let i = 0; i < 16; i++) {
      const numbers = computed(`t${i}`, [16], () => {
        made++;
        return Float32Array.from({ length: 16 }, (_, k) => i + k / 16);
      });
      file.add(`t${i}`, { type: 'float32', dims: [16], parts: [{ source: numbers }] });
    }
    return file;
  };
  await plan().write(path, () => undefined);
  const whole = readFileSync(path);
  rmSync(path);

  const abort = new AbortController();
  const stopped = plan().write(path, (n) => n >= 640 && abort.abort(), abort.signal, 128);
  await expect(stopped).rejects.toMatchObject({ name: 'AbortError' });
  made = 0;
  const seen: number[] = [];
  await plan().write(path, (n) => seen.push(n), undefined, 128);
  expect(seen[0]).toBeGreaterThanOrEqual(640 - 128);
  expect(made).toBeLessThanOrEqual(16 - 8);
  expect(readFileSync(path).equals(whole)).toBe(true);
  expect(readdirSync(folder)).toEqual(['w']);
});

test('a damaged journal or a file that lost its end is written anew', async () => {
  const path = join(folder, 'w');
  const plan = (): WeightFile => {
    const file = new WeightFile('w');
    const numbers = computed('a', [16], () => new Float32Array(16).fill(3));
    for (const name of ['a', 'b'])
      file.add(name, { type: 'float32', dims: [16], parts: [{ source: numbers }] });
    return file;
  };
  for (const [journal, content] of [
    ['12x', Buffer.alloc(128)],
    ['128', Buffer.alloc(64, 7)],
  ] as const) {
    writeFileSync(`${path}.written`, journal);
    writeFileSync(path, content);
    await plan().write(path, () => undefined);
    const tail = readFileSync(path).subarray(64);
    expect([...new Float32Array(Uint8Array.from(tail).buffer)]).toEqual(new Array(16).fill(3));
  }
});
