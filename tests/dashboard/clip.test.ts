import { afterAll, beforeAll, expect, jest, test } from '@jest/globals';
import { mkdtempSync, rmSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { Browser, Page } from 'playwright-core';
import { launchChromium } from '../../scripts/chromium.js';
import { startServer, type ServerProcess } from '../end-to-end/server-process.js';
import { axeProblems, live, openPage, until } from './browser.js';

const photo = fileURLToPath(new URL('../data/rocket.jpg', import.meta.url));

// Real clips on whatever machine this is.
jest.setTimeout(300_000);

let browser: Browser;
let folder: string;
let server: ServerProcess;
beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'dashboard-'));
  [browser, server] = await Promise.all([launchChromium(), start()]);
});
afterAll(async () => {
  await browser.close();
  await server.end('SIGKILL');
  rmSync(folder, { recursive: true });
});

const start = (more: Record<string, string> = {}): Promise<ServerProcess> =>
  startServer({ DATA_DIR: join(folder, 'data'), MODELS_DIR: join(folder, 'models'), ...more });

const fill = async (page: Page, values: Record<string, string | number>): Promise<void> => {
  for (const [name, value] of Object.entries(values))
    await page.locator(`#field-${name}`).fill(String(value));
};
const submit = (page: Page): Promise<void> => page.getByRole('button', { name: 'Make the clip' }).click();
const idOf = (page: Page): string => page.url().replace(/^.*#task\//, '');
const detail = (page: Page) => page.getByRole('article', { name: 'Task' });
const done = (page: Page): Promise<void> =>
  detail(page).getByText('Done', { exact: true }).waitFor({ timeout: 240_000 });

interface VideoElement {
  readonly currentTime: number;
  readonly paused: boolean;
  readonly videoWidth: number;
  readonly videoHeight: number;
}
const ready = ({ readyState }: { readonly readyState: number }): number => readyState;
const video = (page: Page): Promise<VideoElement> =>
  page
    .locator('video')
    .first()
    .evaluate(({ currentTime, paused, videoWidth, videoHeight }: VideoElement) => ({
      currentTime,
      paused,
      videoWidth,
      videoHeight,
    }));

test('a picture becomes a clip before one’s eyes: progress, a preview that changes, a video that plays', async () => {
  const { page, complaints } = await openPage(browser, `${server.url}/dashboard`);
  await live(page);
  await page.getByRole('radio', { name: 'Picture' }).check();
  await page.getByLabel('Picture to animate').setInputFiles(photo);
  await page.getByText('rocket.jpg').waitFor();
  await fill(page, { W: 256, H: 144, T: 9, fps: 9, steps: 100, seed: 3, num_cols: 2 });
  await page.getByText('200 evaluations').waitFor();
  await submit(page);

  const bar = detail(page).getByRole('progressbar');
  const picture = detail(page).getByAltText('Preview of the clip so far');
  await picture.waitFor();
  // Another clip would wait for this one, until it is done.
  const waiting = page.getByText(/after .+ of waiting/);
  await waiting.waitFor();
  const first = await picture.getAttribute('src');
  const before = Number(await bar.getAttribute('aria-valuenow'));
  await until(async () => (await picture.getAttribute('src')) !== first);
  await until(async () => Number(await bar.getAttribute('aria-valuenow')) > before);
  await done(page);
  await waiting.waitFor({ state: 'detached' });

  await until(async () => (await video(page)).currentTime > 0.2);
  expect(await video(page)).toMatchObject({ paused: false, videoWidth: 256, videoHeight: 144 });

  // Frame by frame, and the second variation beside the first.
  await page.getByRole('button', { name: 'Pause' }).click();
  await page.getByLabel('Frame', { exact: true }).fill('4');
  await page.getByRole('button', { name: 'One frame on' }).click();
  await page.getByText('6/9').waitFor();
  expect((await video(page)).currentTime).toBeCloseTo(5.5 / 9, 2);
  await page.getByLabel('Beside it').selectOption(`${idOf(page)}/1`);
  await until(async () => (await page.locator('video').nth(1).evaluate(ready)) >= 2);

  // Another variation plays on, from its beginning.
  await page.getByRole('button', { name: 'Play' }).click();
  await page.getByLabel('Beside it').selectOption('');
  const shown = await page.locator('video').getAttribute('src');
  await page.getByRole('button', { name: /^2 seed 4/ }).click();
  await until(async () => (await page.locator('video').getAttribute('src')) !== shown);
  await until(async () => (await video(page)).currentTime > 0.2);
  expect((await video(page)).paused).toBe(false);
  await page.getByRole('button', { name: /^1 seed 3/ }).click();

  for (const [form, ending] of [
    ['gif', 'gif'],
    ['frames', 'tar'],
  ]) {
    const download = page.waitForEvent('download');
    await page.getByRole('button', { name: `Download ${form}` }).click();
    const file = await download;
    expect(file.suggestedFilename()).toBe(`${idOf(page)}.${ending}`);
    expect((await readFile(await file.path())).length).toBeGreaterThan(10_000);
  }
  expect(complaints).toEqual([]);
  await page.context().close();
});

test('a prompt’s clip can be made again with the same and with another seed', async () => {
  const { page } = await openPage(browser, `${server.url}/dashboard`);
  await live(page);
  await page.getByRole('textbox', { name: 'Prompt' }).fill('a lighthouse at dusk');
  await fill(page, { W: 64, H: 64, T: 2, steps: 2, seed: 41 });
  await page.keyboard.press('Control+Enter');
  await detail(page).getByText('Done', { exact: true }).waitFor();
  const first = idOf(page);

  const again = async (button: string): Promise<Record<string, unknown>> => {
    const before = idOf(page);
    await page.getByRole('button', { name: button }).click();
    await page.waitForURL((url) => url.hash !== `#task/${before}`);
    await done(page);
    return (await (await fetch(`${server.url}/tasks/${idOf(page)}`)).json()) as Record<string, unknown>;
  };
  const same = await again('Run again');
  expect(same).toMatchObject({ seed: 41, source: { prompt: 'a lighthouse at dusk' } });
  expect(same.id).not.toBe(first);
  const other = await again('New seed');
  expect(other.seed).not.toBe(41);

  // Side by side, with what differs.
  await page.getByLabel('Beside it').selectOption(`${first}/0`);
  await until(async () => (await page.locator('video').nth(1).evaluate(ready)) >= 2);
  const differences = page.getByRole('table', { name: 'What differs' }).getByRole('row');
  expect(await differences.locator('th, td').allInnerTexts()).toEqual(['Seed', String(other.seed), '41']);
  for (const colorScheme of ['light', 'dark'] as const) {
    await page.emulateMedia({ colorScheme, reducedMotion: 'reduce' }); // no colour on its way to another
    expect(await axeProblems(page)).toEqual([]);
  }
  // The same place in both, when they are stepped through.
  await page.getByRole('button', { name: 'Pause' }).click();
  await page.getByLabel('Frame', { exact: true }).fill('1');
  const times = await page
    .locator('video')
    .evaluateAll((videos: VideoElement[]) => videos.map(({ currentTime }) => currentTime));
  expect(times[1]).toBeCloseTo(times[0], 3);
  await page.getByLabel('Beside it').selectOption('');
  await until(async () => (await page.locator('video').count()) === 1);
  await page.context().close();
});

test('the page survives a reload and a restart of the server in the middle of a clip', async () => {
  const { page } = await openPage(browser, `${server.url}/dashboard`);
  await live(page);
  await page.getByRole('textbox', { name: 'Prompt' }).fill('a forest in fog');
  await fill(page, { W: 256, H: 144, T: 9, steps: 250 });
  await submit(page);
  await detail(page)
    .getByText(/Sampling \d+ of 250/)
    .first()
    .waitFor();
  await page.reload();
  await detail(page)
    .getByText(/Sampling \d+ of 250/)
    .first()
    .waitFor();
  // What was entered is still there too.
  expect(await page.locator('#field-steps').inputValue()).toBe('250');

  const { port } = new URL(server.url);
  await server.end('SIGKILL');
  await page.getByText('No connection').waitFor();
  server = await start({ PORT: port });
  await live(page);
  await done(page);
  await page.context().close();
});
