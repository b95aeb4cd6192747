import { afterEach, beforeEach, describe, expect, jest, test } from '@jest/globals';
import { EventStream, formatEvent, type News } from '../../../server/api/event-stream.js';

const TIMES = { heartbeatMs: 15_000, maxMs: 90_000, intervalMs: 250, retryMs: 1000 };

/** A source whose news are put in by hand. */
class Source {
  readonly news: News[] = [];
  asked = 0;
  asking = 0;
  wake: (() => void) | undefined;

  follow(wake: () => void): () => void {
    this.wake = wake;
    return () => (this.wake = undefined);
  }

  async next(): Promise<News> {
    this.asked++;
    expect(++this.asking).toBe(1);
    await Promise.resolve();
    this.asking--;
    return this.news.shift() ?? { text: '' };
  }

  tell(...news: News[]): void {
    this.news.push(...news);
    this.wake?.();
  }
}

let source: Source;
let stream: EventStream;
let read: string;
beforeEach(() => {
  jest.useFakeTimers();
  source = new Source();
  stream = new EventStream(source, TIMES);
  read = '';
});
afterEach(() => {
  stream.destroy();
  jest.useRealTimers();
});

const flowing = (): void => {
  stream.on('data', (data) => (read += String(data)));
};
const pass = (ms: number): Promise<void> => jest.advanceTimersByTimeAsync(ms);

test('an event is three lines and a blank one', () => {
  expect(formatEvent('progress', 'a-1', { text: 'two\nlines' })).toBe(
    'event: progress\nid: a-1\ndata: {"text":"two\\nlines"}\n\n',
  );
});

test('news goes out at once, the next after the interval, in the order of the source', async () => {
  flowing();
  await pass(0);
  expect(read).toBe('retry: 1000\n\n');
  source.tell({ text: 'a' });
  await pass(0);
  expect(read).toBe('retry: 1000\n\na');
  source.tell({ text: 'b' });
  await pass(249);
  expect(read).toBe('retry: 1000\n\na');
  await pass(1);
  expect(read).toBe('retry: 1000\n\nab');
});

test('what belongs to one piece of news is not held up', async () => {
  flowing();
  source.tell({ text: 'a', more: true }, { text: 'b', more: true }, { text: 'c' });
  await pass(0);
  expect(read).toBe('retry: 1000\n\nabc');
});

test('a source without news is asked once for each time it wakes', async () => {
  flowing();
  await pass(1000);
  expect(source.asked).toBe(1);
  source.tell();
  await pass(1000);
  expect(source.asked).toBe(2);
});

test('a heartbeat comes every 15 s, and the end before 100 s', async () => {
  flowing();
  let ended = false;
  stream.on('end', () => (ended = true));
  await pass(89_999);
  expect(read).toBe(`retry: 1000\n\n${':\n\n'.repeat(5)}`);
  expect(ended).toBe(false);
  await pass(1);
  expect(ended).toBe(true);
  expect(source.wake).toBeUndefined();
  expect(jest.getTimerCount()).toBe(0);
});

test('the last news ends the stream: nothing comes after it', async () => {
  flowing();
  source.tell({ text: 'done', last: true }, { text: 'after' });
  await pass(100_000);
  expect(read).toBe('retry: 1000\n\ndone');
  expect(stream.readableEnded).toBe(true);
  expect(jest.getTimerCount()).toBe(0);
});

test('a client that goes frees everything', async () => {
  flowing();
  source.tell({ text: 'a' });
  await pass(0);
  stream.destroy();
  await pass(0);
  expect(source.wake).toBeUndefined();
  expect(jest.getTimerCount()).toBe(0);
});

test('a source that fails ends the stream', async () => {
  const failed = new Promise((resolve) => stream.once('error', resolve));
  source.next = () => Promise.reject(new Error('The table is closed'));
  flowing();
  source.tell();
  await pass(0);
  expect(await failed).toMatchObject({ message: 'The table is closed' });
  expect(jest.getTimerCount()).toBe(0);
});

describe('a client that takes nothing', () => {
  test('is asked for nothing more once 16 KiB wait for it', async () => {
    stream.pause();
    stream.read(0);
    for (let i = 0; i < 1000; i++) {
      source.tell({ text: 'x'.repeat(1000) });
      await pass(250);
    }
    expect(stream.readableLength).toBeLessThan(16 * 1024 + 1001);
    expect(source.asked).toBeLessThan(20);
  });

  test('gets no heartbeats on top', async () => {
    stream.pause();
    stream.read(0);
    source.tell({ text: 'x'.repeat(20_000) });
    await pass(80_000);
    expect(stream.readableLength).toBe('retry: 1000\n\n'.length + 20_000);
  });

  test('goes on with the news of then when it takes again', async () => {
    stream.pause();
    stream.read(0);
    source.tell({ text: 'x'.repeat(20_000) });
    await pass(250);
    source.tell();
    source.news.push({ text: 'newest' });
    await pass(1000);
    flowing();
    stream.resume();
    await pass(1000);
    expect(read.endsWith('newest')).toBe(true);
  });
});
