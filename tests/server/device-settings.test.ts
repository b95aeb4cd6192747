import { expect, test } from '@jest/globals';
import { readConfig } from '../../server/config.js';

test.each([
  [undefined, false],
  ['', false],
  ['0', false],
  ['false', false],
  ['1', true],
  ['true', true],
])('LOW_VRAM and HALF_BATCH set to %p mean %p, each for itself', (value, expected) => {
  expect(readConfig({ LOW_VRAM: value })).toMatchObject({ lowVram: expected, halfBatch: false });
  expect(readConfig({ HALF_BATCH: value })).toMatchObject({ lowVram: false, halfBatch: expected });
});

test.each(['LOW_VRAM', 'HALF_BATCH'])('%s takes no other words', (name) => {
  expect(() => readConfig({ [name]: 'yes' })).toThrow(new RegExp(`${name}=yes`));
});

test('a list of devices is one worker each', () => {
  expect(readConfig({ DEVICE: 'cuda:0,cuda:1' }).devices).toEqual(['cuda:0', 'cuda:1']);
  expect(readConfig({}).devices).toEqual(['auto']);
  for (const wrong of ['gpu', 'cuda:', 'cuda:0;cuda:1', 'cpu,cuda:0']) {
    expect(() => readConfig({ DEVICE: wrong })).toThrow(/DEVICE=/);
  }
});
