import { expect, test } from '@jest/globals';
import { decodeBase64 } from '../../../server/images/base64.js';

const bytes = Buffer.from([0, 251, 255, 190, 7]);
const text = bytes.toString('base64');

test.each([
  ['plain', text],
  ['without padding', text.replace(/=+$/, '')],
  ['of the alphabet of addresses', bytes.toString('base64url')],
  ['with blanks and line ends in it', ` ${text.slice(0, 3)}\r\n${text.slice(3)}\n`],
  ['in a data URL', `data:image/png;base64,${text}`],
  ['in a data URL with a parameter', `data:image/jpeg;name=a b.jpg;BASE64,${text}`],
])('base64 %s gives its bytes', (_, given) => {
  expect(decodeBase64(given)).toEqual(bytes);
});

test.each([
  '',
  '=',
  ' ',
  'A',
  'AAAAA',
  '%%%%',
  'AA=A',
  'data:image/png;base64,',
  'https://example.com/a.png',
  'ä',
])('%j is not base64', (given) => {
  expect(decodeBase64(given)).toBeUndefined();
});

test('many megabytes are decoded, and looked through, at once', () => {
  const large = Buffer.alloc(24 * 2 ** 20, 7);
  expect(decodeBase64(large.toString('base64'))?.equals(large)).toBe(true);
  expect(decodeBase64(`${large.toString('base64')}!`)).toBeUndefined();
});
