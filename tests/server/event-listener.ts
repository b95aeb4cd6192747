import { EventSource } from 'eventsource';

export interface Heard {
  readonly event: string;
  readonly id: string;
  // eslint-disable-next-line @typescript-eslint/no-explicit-any
  readonly data: any;
}

export interface EventListener {
  readonly heard: readonly Heard[];
  /** The `Last-Event-ID` of each connection so far, null for one without. */
  readonly connections: readonly (string | null)[];
  /** Waits until something is heard that satisfies `holds`. */
  readonly until: (holds: (heard: Heard) => boolean) => Promise<Heard>;
  /** Waits until the server has said that there is nothing more to come, and gives the status. */
  readonly over: Promise<number | undefined>;
  readonly connected: () => Promise<void>;
  readonly close: () => void;
}

const EVENTS = ['progress', 'done', 'deleted', 'queue', 'reset', 'preview'];

/** Follows a stream of events as a browser does: it comes back whenever the stream ends. */
export function listen(url: string): EventListener {
  const heard: Heard[] = [];
  const connections: (string | null)[] = [];
  const source = new EventSource(url, {
    fetch: (address, init) => {
      connections.push((init.headers as Record<string, string>)['Last-Event-ID'] ?? null);
      return fetch(address, init);
    },
  });
  for (const event of EVENTS) {
    source.addEventListener(event, ({ data, lastEventId }: MessageEvent) =>
      heard.push({ event, id: lastEventId, data: JSON.parse(String(data)) }),
    );
  }
  const until: EventListener['until'] = async (holds) => {
    for (let i = 0; ;) {
      for (; i < heard.length; i++) if (holds(heard[i])) return heard[i];
      await new Promise<void>((resolve) => {
        for (const event of EVENTS) source.addEventListener(event, () => resolve(), { once: true });
      });
    }
  };
  const over = new Promise<number | undefined>((resolve) => {
    source.addEventListener('error', (error) => {
      if (source.readyState === source.CLOSED) resolve(error.code);
    });
  });
  const connected = (): Promise<void> =>
    source.readyState === source.OPEN
      ? Promise.resolve()
      : new Promise((resolve) => source.addEventListener('open', () => resolve(), { once: true }));
  return { heard, connections, until, over, connected, close: () => source.close() };
}
