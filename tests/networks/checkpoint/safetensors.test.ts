import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { closeSync, mkdtempSync, openSync, rmSync, truncateSync, writeFileSync, writeSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import {
  CheckpointError,
  readRange,
  readValues,
  rows,
  SafetensorsFile,
  tensorsOf,
} from '../../../networks/checkpoint/index.js';
import { floats, headerBytes, writeSafetensors } from '../safetensors-file.js';

let folder: string;
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'safetensors-'));
});
afterAll(() => rmSync(folder, { recursive: true }));

const path = () => join(folder, 'weights.safetensors');

function open(tensors: Parameters<typeof writeSafetensors>[1]) {
  writeSafetensors(path(), tensors);
  const file = new SafetensorsFile(path());
  return { file, tensor: (name: string) => tensorsOf(file).get(name)! };
}

/** The message of the error that opening a file with this content gives. */
function refusal(content: Uint8Array): string {
  writeFileSync(path(), content);
  try {
    new SafetensorsFile(path()).close();
  } catch (error) {
    expect(error).toBeInstanceOf(CheckpointError);
    expect((error as CheckpointError).code).toBe('invalid_checkpoint');
    return (error as CheckpointError).message;
  }
  throw new Error('the file was accepted');
}

const one = (entry: object, data = 4) => Buffer.concat([headerBytes({ a: entry }), Buffer.alloc(data)]);

describe('reading', () => {
  test('float32, float16 and bfloat16 give their values', () => {
    const bits = (patterns: readonly number[]) => new Uint8Array(Uint16Array.from(patterns).buffer);
    const { file, tensor } = open({
      full: floats([2, 2], [1, -2.5, 3e-20, 4]),
      half: { dtype: 'F16', shape: [3], bytes: bits([0x3c00, 0xc100, 0x0001]) },
      brain: { dtype: 'BF16', shape: [3], bytes: bits([0x3f80, 0xc020, 0x7f80]) },
    });
    expect([...readValues(tensor('full'))]).toEqual([1, -2.5, Math.fround(3e-20), 4]);
    expect([...readValues(tensor('half'))]).toEqual([1, -2.5, 2 ** -24]);
    expect([...readValues(tensor('brain'))]).toEqual([1, -2.5, Infinity]);
    file.close();
  });

  test('parts, rows and a matrix stored the other way round are read from their place', () => {
    const { file, tensor } = open({ before: floats([1], [9]), a: floats([3, 2], [0, 1, 2, 3, 4, 5]) });
    expect([...readRange(tensor('a'), 1, 4)]).toEqual([1, 2, 3]);
    expect([...readValues(rows(tensor('a'), 1, 3))]).toEqual([2, 3, 4, 5]);
    const turned = { ...tensor('a'), dims: [2, 3], transposed: true } as const;
    expect([...readValues(turned)]).toEqual([0, 2, 4, 1, 3, 5]);
    expect([...readValues(rows(turned, 1, 2))]).toEqual([1, 3, 5]);
    file.close();
  });

  test('a value beyond 4 GiB of a file is read without reading the file', () => {
    const count = 3 * 2 ** 30;
    const header = headerBytes({ a: { dtype: 'F16', shape: [count], data_offsets: [0, 2 * count] } });
    writeFileSync(path(), header);
    truncateSync(path(), header.length + 2 * count); // a hole, which takes no room
    const descriptor = openSync(path(), 'r+');
    writeSync(descriptor, Uint8Array.of(0x00, 0x3c), 0, 2, header.length + 2 * (count - 1));
    closeSync(descriptor);
    const before = process.memoryUsage().rss;
    const file = new SafetensorsFile(path());
    expect([...readRange(tensorsOf(file).get('a')!, count - 2, count)]).toEqual([0, 1]);
    expect(process.memoryUsage().rss - before).toBeLessThan(100e6);
    file.close();
  });

  test('a tensor that holds no floats is named when it is read', () => {
    const { file, tensor } = open({ ids: { dtype: 'I64', shape: [1], bytes: new Uint8Array(8) } });
    expect(() => readValues(tensor('ids'))).toThrow("tensor 'ids' has type I64, expected F32, F16 or BF16");
    file.close();
  });
});

describe('a file is refused', () => {
  test('that does not exist, with the path', () => {
    expect(() => new SafetensorsFile(join(folder, 'none'))).toThrow(/none: cannot be opened \(ENOENT/);
  });
  test('that is too short for a header', () => {
    expect(refusal(Buffer.alloc(7))).toMatch('7 bytes are no safetensors file');
  });
  test('whose header is longer than the file or than 100 MB', () => {
    const long = Buffer.alloc(20);
    long.writeBigUInt64LE(13n);
    expect(refusal(long)).toMatch('expected a header of 2 to 12 bytes, its length says 13');
    long.writeBigUInt64LE(2n ** 63n);
    expect(refusal(long)).toMatch('its length says 922337203685477');
    const descriptor = openSync(path(), 'w');
    long.writeBigUInt64LE(100_000_001n);
    writeSync(descriptor, long);
    closeSync(descriptor);
    truncateSync(path(), 200e6);
    expect(() => new SafetensorsFile(path())).toThrow('expected a header of 2 to 100000000 bytes');
  });
  test('whose header is no JSON object', () => {
    expect(refusal(headerBytes('{"a": '))).toMatch('not JSON');
    expect(refusal(headerBytes('[1]'))).toMatch('not an object');
    expect(refusal(headerBytes('{"a": 1}'))).toMatch("tensor 'a' is not described by an object");
  });
  test('with an unknown type, a shape or offsets that are none', () => {
    expect(refusal(one({ dtype: 'F12', shape: [1], data_offsets: [0, 4] }))).toMatch('unknown type "F12"');
    expect(refusal(one({ dtype: 'F32', shape: [-1], data_offsets: [0, 4] }))).toMatch('no valid shape: [-1]');
    expect(refusal(one({ dtype: 'F32', shape: [1], data_offsets: [4] }))).toMatch('no valid offsets: [4]');
  });
  test('with offsets that disagree with the shape, or lie outside', () => {
    expect(refusal(one({ dtype: 'F32', shape: [2], data_offsets: [0, 4] }))).toMatch(
      'of type F32 and shape [2] takes 8 bytes, its offsets say 4',
    );
    expect(refusal(one({ dtype: 'F32', shape: [2], data_offsets: [0, 8] }, 4))).toMatch('cut short');
  });
  test('with tensors that overlap', () => {
    const entry = { dtype: 'F32', shape: [1] };
    const header = { a: { ...entry, data_offsets: [0, 4] }, b: { ...entry, data_offsets: [2, 6] } };
    expect(refusal(Buffer.concat([headerBytes(header), Buffer.alloc(6)]))).toMatch("tensor 'b' overlaps 'a'");
  });
  test('with every fault named', () => {
    const header = { a: { dtype: 'X', shape: [], data_offsets: [0, 0] }, b: 3 };
    expect(refusal(headerBytes(header))).toMatch(/tensor 'a' .*\n.*tensor 'b'/);
  });
});
