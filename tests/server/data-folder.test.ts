import { afterEach, beforeEach, expect, test } from '@jest/globals';
import { mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { claimDataFolder } from '../../server/data-folder.js';

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'data-folder-'));
});
afterEach(() => rmSync(folder, { recursive: true }));

test('a data folder is made where it is missing, and is its server’s alone until that lets it go', () => {
  const data = join(folder, 'a', 'b');
  const mine = claimDataFolder(data);
  expect(() => claimDataFolder(data)).toThrow(`DATA_DIR=${data} is in use by another server`);
  expect(readdirSync(data)).toEqual(['server.lock']);
  mine.release();
  claimDataFolder(data).release();
});

test('a data folder that cannot be made or written to is named with the reason', () => {
  writeFileSync(join(folder, 'file'), '');
  const under = join(folder, 'file', 'data');
  expect(() => claimDataFolder(under)).toThrow(`DATA_DIR=${under} cannot be written to: ENOTDIR`);
  expect(() => claimDataFolder(join(folder, 'file'))).toThrow(/file cannot be written to: EEXIST/);
});
