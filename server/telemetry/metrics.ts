import { Counter, Gauge, Histogram, Registry } from 'prom-client';

/** Where the gauges look at the moment they are asked. */
export interface GaugeSources {
  readonly waiting: () => number;
  readonly running: () => Promise<number>;
  readonly mediaBytes: () => number;
  readonly freeDiskBytes: () => Promise<number>;
  /** Bytes of memory by process. */
  readonly childMemory: () => Promise<ReadonlyMap<string, number>>;
}

const HTTP_BUCKETS = [0.005, 0.02, 0.1, 0.5, 2, 10, 60, 100];
const STAGE_BUCKETS = [0.05, 0.2, 1, 3, 10, 30, 60, 120, 300, 900, 3600];

/**
 * What the service counts and measures, in Prometheus's terms. Labels take values of the service's own alone (routes,
 * codes, stages), so that no client can make new series. Everything is kept in memory and costs a few additions.
 */
export class Metrics {
  readonly registry = new Registry();
  readonly #in = { registers: [this.registry] };

  readonly #requests = new Histogram({
    ...this.#in,
    name: 'img2vid_http_request_seconds',
    help: 'Time from the head of a request to the end of its answer',
    labelNames: ['method', 'route', 'status'],
    buckets: HTTP_BUCKETS,
  });
  readonly #stages = new Histogram({
    ...this.#in,
    name: 'img2vid_stage_seconds',
    help: 'Time that finished tasks spent in each stage on a device',
    labelNames: ['stage'],
    buckets: STAGE_BUCKETS,
  });
  readonly #steps = new Counter({
    ...this.#in,
    name: 'img2vid_sampling_steps_total',
    help: 'Sampling steps of finished clips, all variations together',
  });
  readonly #pace = new Gauge({
    ...this.#in,
    name: 'img2vid_sampling_steps_per_second',
    help: 'Sampling steps per second of the clip that was finished last',
  });

  readonly accepted = this.#counter('tasks_accepted_total', 'Tasks accepted', ['api', 'kind']);
  readonly ended = this.#counter(
    'tasks_ended_total',
    'Tasks that ended, by how (completed, cancelled, error) and the code of the error',
    ['end', 'code'],
  );
  readonly providerRequests = this.#counter(
    'provider_requests_total',
    'Requests to the image provider, by what they were for and what came of them (ok, or the code of the error)',
    ['call', 'outcome'],
  );
  readonly providerRetries = this.#counter(
    'provider_retries_total',
    'Requests to the image provider that were made again',
    ['call'],
  );
  readonly workerDeaths = this.#counter(
    'worker_deaths_total',
    'Worker processes that died and were replaced',
    ['device'],
  );
  readonly pictureProcessDeaths = this.#counter(
    'picture_process_deaths_total',
    'Processes for pictures that ended in their work, by how (crashed, timeout, memory, unavailable)',
    ['end'],
  );
  readonly webhookAttempts = this.#counter(
    'webhook_attempts_total',
    'Attempts to deliver a webhook message, by what came of them',
    ['outcome'],
  );

  /** A request was answered after `ms`. */
  request(labels: { method: string; route: string; status: number }, ms: number): void {
    this.#requests.observe(labels, ms / 1000);
  }

  /** A job was finished: milliseconds by stage, and the sampling steps that were done. */
  job(milliseconds: Readonly<Record<string, number>>, steps: number): void {
    for (const [stage, ms] of Object.entries(milliseconds)) this.#stages.observe({ stage }, ms / 1000);
    if (steps === 0) return;
    this.#steps.inc(steps);
    if (milliseconds.sample > 0) this.#pace.set(steps / (milliseconds.sample / 1000));
  }

  /** Adds what is looked at only when the metrics are asked for. */
  watch(sources: GaugeSources): void {
    const gauge = (name: string, help: string, look: () => number | Promise<number>): void => {
      new Gauge({
        ...this.#in,
        name: `img2vid_${name}`,
        help,
        async collect() {
          this.set(await look());
        },
      });
    };
    gauge('tasks_waiting', 'Tasks that wait for a device', sources.waiting);
    gauge('tasks_running', 'Tasks in the state processing', sources.running);
    gauge('media_bytes', 'Bytes of the finished files of all tasks', sources.mediaBytes);
    gauge('disk_free_bytes', 'Bytes that are free where the data lies', sources.freeDiskBytes);
    new Gauge({
      ...this.#in,
      name: 'img2vid_child_resident_memory_bytes',
      help: 'Memory of the processes that make clips and decode pictures',
      labelNames: ['process'],
      async collect() {
        this.reset();
        for (const [process, bytes] of await sources.childMemory()) this.set({ process }, bytes);
      },
    });
  }

  /** Says once what is running. */
  describe(info: Readonly<Record<string, string>>): void {
    new Gauge({
      ...this.#in,
      name: 'img2vid_info',
      help: 'What is running',
      labelNames: Object.keys(info),
    }).set(info, 1);
  }

  #counter<Label extends string>(name: string, help: string, labelNames: readonly Label[]): Counter<Label> {
    return new Counter({ ...this.#in, name: `img2vid_${name}`, help, labelNames });
  }
}
