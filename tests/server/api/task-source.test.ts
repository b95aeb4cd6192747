import { describe, expect, test } from '@jest/globals';
import { chooseSource } from '../../../server/api/task-source.js';

const picture = Buffer.from('png');
const sourceOf = (pictureName?: string) =>
  chooseSource({ picture, ...(pictureName === undefined ? {} : { pictureName }) }, undefined, undefined)
    .source;

describe('the name of an uploaded file', () => {
  test.each([
    ['rocket.jpg', 'rocket.jpg'],
    ['Фото с моря.jpg', 'Фото с моря.jpg'],
    ['C:\\Users\\me\\cat.png', 'cat.png'],
    ['../../etc/passwd', 'passwd'],
    ['a\nb\u001b[2J\u202e.png', 'a b [2J .png'],
    ['x'.repeat(500), 'x'.repeat(120)],
  ])('%j is shown as %j', (given, name) => {
    expect(sourceOf(given)).toEqual({ type: 'upload', name });
  });

  test.each([undefined, '', 'blob', ' / '])('%j is none', (given) => {
    expect(sourceOf(given)).toEqual({ type: 'upload' });
  });
});
