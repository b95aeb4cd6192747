/** `npm run tasks -- list|watch ID|cancel ID`: the tasks of a running service, from the command line. */
import { Command } from 'commander';
import { readEvents } from '../dashboard/api/server-events.js';
import type { ClipStage } from '../pipeline/clip-job.js';
import type { TaskJson } from '../server/api/task-json.js';
import { fetchPreview } from './fetch-preview.js';
import { openProgress } from './progress.js';

const EXIT_FAILED = 1;
const EXIT_USAGE = 2;
const TITLE_LENGTH = 60;
/** Before a stream of events that broke off is taken up again. */
const RETRY_MS = 1000;

interface Service {
  /** One request with the access key. @throws Error in the words of the service */
  readonly request: (path: string, init?: RequestInit) => Promise<Response>;
  readonly url: string;
}

function connect(url: string): Service {
  const base = url.replace(/\/*$/, '/');
  const key = process.env.API_KEY;
  return {
    url: base,
    request: async (path, init = {}) => {
      const headers = new Headers(init.headers);
      if (key) headers.set('Authorization', `Bearer ${key}`);
      const response = await fetch(new URL(path, base), { ...init, headers }).catch((cause: unknown) => {
        throw new Unreachable(`Nothing answers at ${base}`, { cause });
      });
      if (response.ok) return response;
      const body = (await response.json().catch(() => ({}))) as { message?: string };
      throw new Error(body.message ?? `The service answered with ${response.status}`);
    },
  };
}

class Unreachable extends Error {}

/** A line that fits and holds nothing that a terminal obeys: prompts are other people's words. */
const titleOf = ({ source }: TaskJson): string => {
  const text = String(source.prompt ?? source.image_url ?? source.name ?? source.type).replace(
    /[\s\p{Cc}\p{Cf}]+/gu,
    ' ',
  );
  return text.length > TITLE_LENGTH ? `${text.slice(0, TITLE_LENGTH - 1)}…` : text;
};

/** `7de1…  processing  sample 3/7   42 %  a lighthouse at dusk` */
function lineOf(task: TaskJson): string {
  const { id, status, stage, step, steps, queue_position: position, progress, error } = task;
  const counted = steps === null ? stage : `${stage} ${step ?? 0}/${steps}`;
  const where = position === null ? stage && counted : `number ${position}`;
  const percent = `${Math.round(progress * 100)} %`.padStart(5);
  const what = error ? `${titleOf(task)} (${error.code})` : titleOf(task);
  return `${id}  ${status.padEnd(10)}  ${(where ?? '').padEnd(14)} ${percent}  ${what}`;
}

async function list(
  { request }: Service,
  { status, limit }: { status?: string; limit: string },
): Promise<void> {
  const query = new URLSearchParams({ limit, ...(status === undefined ? {} : { status }) });
  const page = (await (await request(`tasks?${query.toString()}`)).json()) as {
    tasks: TaskJson[];
    total: number;
  };
  for (const task of page.tasks) console.log(lineOf(task));
  if (page.total > page.tasks.length) console.error(`${page.tasks.length} of ${page.total} tasks`);
}

async function cancel({ request }: Service, id: string): Promise<void> {
  const task = (await (await request(`tasks/${id}/cancel`, { method: 'POST' })).json()) as TaskJson;
  console.log(lineOf(task));
}

/** Shows a task’s progress to its end, through every break of the connection. */
async function watch(service: Service, id: string): Promise<void> {
  const bar = openProgress(process.stderr);
  let task = (await (await service.request(`tasks/${id}`)).json()) as TaskJson;
  let position = '';
  try {
    while (task.status === 'queued' || task.status === 'processing') {
      try {
        const headers: Record<string, string> = position === '' ? {} : { 'Last-Event-ID': position };
        const { body } = await service.request(`tasks/${id}/events`, { headers });
        if (!body) break;
        for await (const { event, id: at, data } of readEvents(body)) {
          position = at;
          if (event === 'deleted') throw new Error('The task was deleted');
          const news = JSON.parse(data) as Partial<TaskJson>;
          task = { ...task, ...news };
          const { stage, part, parts, step, steps, progress } = task;
          if (stage !== null) {
            const counts = { part: part ?? 1, parts: parts ?? 1, step: step ?? 0, steps: steps ?? 1 };
            bar.show({ stage: stage as ClipStage, ...counts, progress }, task.eta_seconds);
          }
          if (news.preview_url) {
            void fetchPreview(() => service.request(String(news.preview_url).slice(1))).then(
              bar.preview,
              () => undefined,
            );
          }
        }
      } catch (error) {
        if (!(error instanceof Unreachable) && !(error instanceof TypeError)) throw error;
        await new Promise((resolve) => setTimeout(resolve, RETRY_MS)); // restarted, or on the way back
      }
    }
  } finally {
    bar.close();
  }
  console.log(lineOf(task));
  for (const { url } of task.videos) console.log(new URL(url.slice(1), service.url).href);
  if (task.status === 'error') {
    console.error(task.error?.message ?? 'The task failed');
    process.exitCode = EXIT_FAILED;
  }
}

const program = new Command('tasks')
  .description('The tasks of a running service. Its access key, where it wants one, is taken from API_KEY.')
  .option('--url <address>', 'where the service is', process.env.IMG2VID_URL ?? 'http://localhost:5000')
  .exitOverride((error) => process.exit(error.exitCode === 0 ? 0 : EXIT_USAGE));
const service = (): Service => connect(program.opts<{ url: string }>().url);
program
  .command('list')
  .description('the newest tasks')
  .option('--status <status>', 'queued, processing, completed or error')
  .option('--limit <n>', 'how many', '20')
  .action((options: { status?: string; limit: string }) => list(service(), options));
program
  .command('watch <id>')
  .description('progress of a task until it has ended, with a preview where the terminal shows one')
  .action((id: string) => watch(service(), id));
program
  .command('cancel <id>')
  .description('end a task wherever it stands')
  .action((id: string) => cancel(service(), id));

program.parseAsync().catch((error: unknown) => {
  console.error(error instanceof Error ? error.message : error);
  process.exitCode = EXIT_FAILED;
});
