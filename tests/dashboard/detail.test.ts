import { afterAll, afterEach, beforeAll, beforeEach, expect, jest, test } from '@jest/globals';
import { readFile } from 'node:fs/promises';
import type { Browser, Page } from 'playwright-core';
import { launchChromium } from '../../scripts/chromium.js';
import { startService, type TestService } from '../server/support.js';
import { newTask } from '../server/tasks/support.js';
import { live, openPage } from './browser.js';

jest.setTimeout(90_000);

let browser: Browser;
let service: TestService;
let page: Page;
beforeAll(async () => {
  browser = await launchChromium();
});
afterAll(() => browser.close());
beforeEach(async () => {
  service = await startService();
  ({ page } = await openPage(browser, `${service.url}/dashboard`));
  await live(page);
});
afterEach(async () => {
  await page.context().close();
  await service.close();
});

const detail = () => page.getByRole('article', { name: 'Task' });
const button = (name: string) => detail().getByRole('button', { name, exact: true });
const finished = async (fields: Record<string, unknown>): Promise<string> => {
  const { id } = (await service.call('POST', '/tasks', fields)).body as { id: string };
  await service.ended(id);
  return id;
};

test('a double click makes one task, and does nothing to it', async () => {
  await finished({ prompt: 'a heron' });
  await page.getByText('a heron').first().click();
  await button('Run again').dblclick();
  await page.getByText('a heron').nth(1).waitFor();
  await detail().getByText('Done', { exact: true }).waitFor();
  const { body } = await service.call('GET', '/tasks');
  expect(body.tasks.map(({ status }: { status: string }) => status)).toEqual(['completed', 'completed']);
});

test('a rerun that is refused says why', async () => {
  await finished({ prompt: 'a heron' });
  await page.getByText('a heron').first().click();
  await page.route('**/rerun', (route) =>
    route.fulfill({ status: 429, json: { code: 'too_many_tasks', message: 'Too many tasks wait already' } }),
  );
  await button('Run again').click();
  await page.getByText('Too many tasks wait already').waitFor();
  expect(await button('Run again').isEnabled()).toBe(true);
});

test('what is saved is what plays: all variations together, or one', async () => {
  const id = await finished({ prompt: 'four herons', num_cols: 2 });
  await page.getByText('four herons').first().click();
  const saved = async (): Promise<[string, string]> => {
    const download = page.waitForEvent('download');
    await button('Download mp4').click();
    const file = await download;
    return [file.suggestedFilename(), (await readFile(await file.path())).toString()];
  };
  expect(await saved()).toEqual([`${id}.mp4`, expect.stringContaining('not really a video')]);
  await detail().getByText('File', { exact: true }).waitFor();
  await button('All').click();
  expect(await saved()).toEqual([`${id}-all.mp4`, 'grid']);
  expect(await button('Download gif').count()).toBe(0);
  expect(await detail().getByText('File', { exact: true }).count()).toBe(0);
});

test('a cancelled task has not failed', async () => {
  const end = async (prompt: string, code: string, message: string): Promise<void> => {
    const { id } = await service.table.create(newTask({ source: { type: 'prompt', prompt } }));
    await service.table.fail(id, { code, message });
  };
  await end('one that fails', 'out_of_memory', 'The device ran out of memory');
  await end('one that is cancelled', 'cancelled', 'The task was cancelled');
  await page.getByText('one that is cancelled').first().click();
  await detail().getByText('The task was cancelled').waitFor();
  expect(await page.getByRole('alert').count()).toBe(0);
  await page.getByRole('radio', { name: 'Failed' }).check();
  await page.getByText('one that fails').first().click();
  await page.getByRole('alert').getByText('The device ran out of memory').waitFor();
  expect(await page.locator('.row').count()).toBe(1);
});

test('any clip can be shown beside one, each of its variations, however long ago it was made', async () => {
  const oldest = await finished({ prompt: 'the very first heron', num_cols: 2 });
  const { result } = (await service.table.get(oldest)) ?? {};
  if (!result) throw new Error('The clip is not there');
  for (let i = 0; i < 250; i++) {
    const { id } = await service.table.create(newTask({ source: { type: 'prompt', prompt: `fox ${i}` } }));
    await service.table.start(id, 'sample');
    await service.table.complete(id, result, 1);
  }
  await page.reload();
  await live(page);
  await page.getByText('fox 249').first().click();
  const beside = detail().getByLabel('Beside it');
  await detail().getByLabel('Find other clips').fill('FIRST heron');
  await detail().getByText('2 found').waitFor();
  await beside.selectOption(`${oldest}/1`);
  await page.getByRole('table', { name: 'What differs' }).getByText('the very first heron').waitFor();
  await detail().getByLabel('Find other clips').fill('fox 17');
  await detail().getByText('26 found').waitFor();
  expect(await beside.inputValue()).toBe(`${oldest}/1`);
});
