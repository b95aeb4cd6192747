import { describe, expect, test } from '@jest/globals';
import { dataUrlHead, decodeBase64, toDataUrl } from '../../../server/images/base64.js';

const BYTES = Buffer.from([0xff, 0xef]).toString('latin1');

describe('base64', () => {
  test.each([
    ['aGVsbG8=', 'hello'],
    ['aGVsbG8', 'hello'],
    [' aGVs\r\nbG8= ', 'hello'],
    ['_-8=', BYTES],
    ['/+8=', BYTES],
    ['data:image/png;base64,aGVsbG8=', 'hello'],
    ['DATA:;BASE64,aGVsbG8=', 'hello'],
  ])('%j is decoded', (text, expected) => {
    expect(decodeBase64(text)?.toString('latin1')).toBe(expected);
  });

  test.each(['', '=', '  ', 'aGVs*G8=', 'aGVsbG8===', 'aGVsb', 'héllo', 'data:image/png,aGVsbG8='])(
    '%j is refused',
    (text) => expect(decodeBase64(text)).toBeUndefined(),
  );

  test('many megabytes are no trouble, whether good or bad', () => {
    const text = 'QUJD'.repeat(8 * 2 ** 20);
    expect(decodeBase64(text)?.length).toBe(24 * 2 ** 20);
    expect(decodeBase64(`${text}!!!!`)).toBeUndefined();
  });
});

describe('data URLs', () => {
  test.each(['data:image/png;base64,', 'data:;base64,', 'DATA:text/plain;charset=utf-8;BASE64,'])(
    'begin with a head such as %s',
    (head) => expect(dataUrlHead(`${head}aGVsbG8=`)).toBe(head),
  );

  test.each([
    'data:image/svg+xml;utf8,<svg/>',
    'https://a.example/p.png',
    'aGVsbG8=',
    `data:${'x'.repeat(300)};base64,aGVsbG8=`,
  ])('%s is none in base64', (text) => expect(dataUrlHead(text)).toBeUndefined());

  test('are what they were made of', () => {
    expect(decodeBase64(toDataUrl('video/mp4', Buffer.from([0, 255])))).toEqual(Buffer.from([0, 255]));
  });
});
