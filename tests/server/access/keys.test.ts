import { expect, test } from '@jest/globals';
import { entriesOf, findKey, parseKeys } from '../../../server/access/keys.js';

const A = 'a-secret-of-16-or-more';
const B = 'another:secret=of/16+';

test('a key is found by its own characters alone, and its holder named', () => {
  const keys = parseKeys([`alice:${A}`, `bob:${B}`, `alice:${A}-two`]) ?? [];
  expect(findKey(keys, A)?.name).toBe('alice');
  expect(findKey(keys, B)?.name).toBe('bob');
  expect(findKey(keys, `${A}-two`)?.name).toBe('alice');
  for (const wrong of ['', 'alice', `alice:${A}`, A.slice(0, -1), `${A} `, A.toUpperCase()]) {
    expect(findKey(keys, wrong)).toBeUndefined();
  }
});

test('what is remembered holds no key', () => {
  const keys = parseKeys([`alice:${A}`]) ?? [];
  expect(Object.keys(keys[0])).toEqual(['name', 'hash']);
  expect(keys[0].hash).toHaveLength(32);
  expect(keys[0].hash.toString('latin1')).not.toContain(A);
});

test.each([
  ['no name', [`:${A}`]],
  ['no key', ['alice:']],
  ['a short key', ['alice:fifteen-letters']],
  ['a blank in a key', ['alice:sixteen letters or so']],
  ['a name with other characters', [`al ice:${A}`]],
  ['a long name', [`${'a'.repeat(65)}:${A}`]],
  ['a key of two holders', [`alice:${A}`, `bob:${A}`]],
  ['a trailing comma', [`alice:${A}`, '']],
])('%s is refused', (_, entries) => {
  expect(parseKeys(entries)).toBeUndefined();
});

test('a key file has one entry on a line, and remarks', () => {
  expect(entriesOf(`# keys\r\nalice:${A}\n\n  bob:${B}  \n`)).toEqual([`alice:${A}`, `bob:${B}`]);
});
