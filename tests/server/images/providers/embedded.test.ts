import { describe, expect, test } from '@jest/globals';
import { localPictureWork } from '../../../../server/images/local-picture-work.js';
import { createEmbeddedProvider } from '../../../../server/images/providers/embedded.js';

const SMALL = { seed: 5, width: 320, height: 180 };
const provider = createEmbeddedProvider(localPictureWork);

describe('the embedded provider', () => {
  test('says of itself that it only stands in', async () => {
    expect(provider).toMatchObject({ name: 'embedded', placeholder: true });
    expect((await provider.make('a hill', SMALL)).note).toMatch(/^The picture is a placeholder/);
  });

  test('gives the picture that is composed of the prompt, and says that it is done', async () => {
    const seen: number[] = [];
    const { bytes } = await provider.make('a hill', { ...SMALL, onProgress: (share) => seen.push(share) });
    expect(bytes).toEqual(await localPictureWork.compose({ prompt: 'a hill', ...SMALL }));
    expect(seen).toEqual([1]);
  });

  test('stops with the reason of its signal, before and while the picture is composed', async () => {
    const reason = new Error('changed my mind');
    const signal = AbortSignal.abort(reason);
    await expect(provider.make('a hill', { ...SMALL, signal })).rejects.toBe(reason);
    const stop = new AbortController();
    const made = provider.make('a hill', { ...SMALL, signal: stop.signal });
    stop.abort(reason);
    await expect(made).rejects.toBe(reason);
  });
});
