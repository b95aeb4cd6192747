/**
 * `npm run docs:dashboard`: the pictures of the dashboard in the README, of a service with the embedded model, in the
 * system's Chromium.
 */
import { once } from 'node:events';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import type { BrowserContextOptions, Page } from 'playwright-core';
import sharp from 'sharp';
import { startBuiltService } from './built-service.js';
import { launchChromium } from './chromium.js';

const FOLDER = 'docs/pictures';
const DESKTOP = { width: 1440, height: 860 };
const PHONE = { width: 390, height: 780 };

/** Fields of a clip, and the picture to move where there is no prompt. */
type Wish = Readonly<Record<string, string | number>> & { readonly file?: string };

const CLIPS: readonly Wish[] = [
  { prompt: 'a lighthouse on a cliff at sunset', seed: 12 },
  { prompt: 'a city at night in the rain', seed: 5 },
  { prompt: 'snowy mountains at dawn', seed: 7, fps: 8 },
  { file: 'rocket.jpg', seed: 3, num_cols: 2, T: 13 },
  { file: 'coffee.png', seed: 5 },
  { prompt: 'a desert road under the stars', seed: 9, steps: 5 },
  { prompt: 'a city at night in the rain', seed: 8, motion_bucket_id: 255, T: 20 },
];
/** While this one is sampled, the picture is taken. */
const RUNNING: Wish = { prompt: 'waves on a rocky shore, a storm coming', seed: 4, steps: 60 };
const SHOWN_STEP = 36;

const folder = await mkdtemp(join(tmpdir(), 'dashboard-'));
const service = startBuiltService({ DATA_DIR: folder });
const url = await service.url;
const browser = await launchChromium();

interface State {
  readonly status: string;
  readonly step: number | null;
}

async function post({ file, ...fields }: Wish): Promise<string> {
  const body = new FormData();
  for (const [name, value] of Object.entries(fields)) body.append(name, String(value));
  if (file) body.append('image', new Blob([await readFile(join('tests/data', file))]), file);
  const task = (await (await fetch(`${url}/tasks`, { method: 'POST', body })).json()) as {
    readonly id: string;
  };
  return task.id;
}

async function until(id: string, holds: (task: State) => boolean): Promise<void> {
  for (;;) {
    const task = (await (await fetch(`${url}/tasks/${id}`)).json()) as State;
    if (holds(task)) return;
    if (task.status === 'error') throw new Error(`The clip ${id} failed`);
    await pause(50);
  }
}

async function take(
  file: string,
  id: string,
  options: BrowserContextOptions,
  prepare: (page: Page) => Promise<void>,
): Promise<void> {
  const context = await browser.newContext(options);
  const page = await context.newPage();
  await page.goto(`${url}/dashboard#task/${id}`);
  await page.getByRole('article', { name: 'Task' }).waitFor();
  await prepare(page);
  await sharp(await page.screenshot())
    .webp({ quality: 85 })
    .toFile(join(FOLDER, file));
  console.log(join(FOLDER, file));
  await context.close();
}

async function takeAll(): Promise<void> {
  const ids: string[] = [];
  for (const fields of CLIPS) {
    const id = await post(fields);
    await until(id, ({ status }) => status === 'completed');
    ids.push(id);
  }

  await take('dashboard-compare.webp', ids[1], { viewport: DESKTOP, colorScheme: 'light' }, async (page) => {
    await page.getByLabel('Beside it').selectOption(`${ids[6]}/0`);
    await page.locator('video').nth(1).waitFor();
    await pause(1500);
  });
  const running = await post(RUNNING);
  const sampled = async (page: Page): Promise<void> => {
    await until(running, ({ step }) => (step ?? 0) >= SHOWN_STEP);
    await page.getByAltText('Preview of the clip so far').waitFor();
    await pause(700);
  };
  await take('dashboard.webp', running, { viewport: DESKTOP, colorScheme: 'dark' }, sampled);
  await take('dashboard-phone.webp', running, { viewport: PHONE, colorScheme: 'light' }, sampled);
}

try {
  await takeAll();
} finally {
  await browser.close();
  service.child.kill();
  await once(service.child, 'exit');
  await rm(folder, { recursive: true });
}
