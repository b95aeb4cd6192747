import { expect, test } from '@jest/globals';
import { readdirSync, readFileSync } from 'node:fs';
import { join, relative, resolve } from 'node:path';

const root = resolve('samplers');
const sources = readdirSync(root, { recursive: true, encoding: 'utf8' }).filter((path) =>
  path.endsWith('.ts'),
);

test('samplers/ imports nothing outside itself', () => {
  expect(sources.length).toBeGreaterThan(30);
  for (const path of sources) {
    const text = readFileSync(join(root, path), 'utf8');
    for (const [, from] of text.matchAll(/(?:from|import)\s*\(?\s*'([^']+)'/g)) {
      expect(from).toMatch(/^\.{1,2}\//);
      expect(relative(root, resolve(root, path, '..', from))).not.toMatch(/^\.\./);
    }
  }
});
