import { afterEach, beforeEach, describe, expect, jest, test } from '@jest/globals';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { totalmem, tmpdir } from 'node:os';
import { join } from 'node:path';
import { deviceMemory } from '../../pipeline/device-memory.js';

let folder: string;
const visible = process.env.CUDA_VISIBLE_DEVICES;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'driver-'));
  delete process.env.CUDA_VISIBLE_DEVICES;
});
afterEach(() => {
  if (visible === undefined) delete process.env.CUDA_VISIBLE_DEVICES;
  else process.env.CUDA_VISIBLE_DEVICES = visible;
  jest.restoreAllMocks();
  rmSync(folder, { recursive: true });
});

/** A driver's command that is this script. */
function driver(script: string): string {
  const tool = join(folder, 'nvidia-smi');
  writeFileSync(tool, `#!/bin/sh\n${script}\n`, { mode: 0o755 });
  return tool;
}

describe('of a CUDA device', () => {
  test('is what the driver says, of the device that is meant', async () => {
    const tool = driver(
      '[ "$3" = -i ] && case "$4" in 0) echo 24576;; 2) echo 81559;; GPU-5a) echo 16384;; esac',
    );
    expect(await deviceMemory('cuda:0', tool)).toBe(24576 * 2 ** 20);
    expect(await deviceMemory('cuda:2', tool)).toBe(81559 * 2 ** 20);
    process.env.CUDA_VISIBLE_DEVICES = '2, GPU-5a';
    expect(await deviceMemory('cuda:0', tool)).toBe(81559 * 2 ** 20);
    expect(await deviceMemory('cuda:1', tool)).toBe(16384 * 2 ** 20);
  });

  test.each([
    ['where the driver finds nothing', 'exit 9'],
    ['of a device that does not say', 'echo "[N/A]"'],
  ])('is unknown %s', async (_, script) => {
    expect(await deviceMemory('cuda:0', driver(script))).toBeUndefined();
  });
});

test('of a CUDA device is unknown without a driver', async () => {
  expect(await deviceMemory('cuda:0', join(folder, 'nothing'))).toBeUndefined();
});

describe('of the CPU', () => {
  test.each([
    ['the machine’s', 0, totalmem()],
    ['the machine’s, where the limit is beyond it', 2 ** 63, totalmem()],
    ['the container’s limit', 2 ** 29, 2 ** 29],
  ])('is %s', async (_, limit, expected) => {
    jest.spyOn(process, 'constrainedMemory').mockReturnValue(limit);
    expect(await deviceMemory('cpu')).toBe(expected);
  });
});
