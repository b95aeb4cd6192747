import { expect, test } from '@jest/globals';
import { execFile } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';

const script = fileURLToPath(new URL('../../dist/scripts/torture.js', import.meta.url));

test('a service that is killed again and again keeps every promise', async () => {
  const { stdout } = await promisify(execFile)(process.execPath, [script, '--kills', '8', '--seed', '5']);
  expect(stdout).toMatch(/^kills +8 /m);
  expect(stdout).toMatch(/^completed +[1-9]/m);
  for (const never of ['lost', 'stuck unfinished', 'duplicated', 'partial files', 'orphan processes']) {
    expect(stdout).toMatch(new RegExp(`^${never} +0$`, 'm'));
  }
  expect(stdout).toContain('Every promise was kept.');
}, 240_000);
