import { afterAll, beforeAll, expect, jest, test } from '@jest/globals';
import type { Browser } from 'playwright-core';
import { launchChromium } from '../../scripts/chromium.js';
import { startService, type TestService } from '../server/support.js';
import { newTask } from '../server/tasks/support.js';
import { live, openPage } from './browser.js';

jest.setTimeout(90_000);

let browser: Browser;
let service: TestService;
beforeAll(async () => {
  [browser, service] = await Promise.all([launchChromium(), startService()]);
  for (let i = 1; i <= 40; i++)
    await service.table.create(newTask({ source: { type: 'prompt', prompt: `number ${i}.` } }));
});
afterAll(async () => {
  await browser.close();
  await service.close();
});

test('a search stays over a reload and a change of the open task, which stays in sight when it ends', async () => {
  const { page } = await openPage(browser, `${service.url}/dashboard`);
  await live(page);
  const search = page.getByRole('searchbox', { name: 'Search tasks' });
  const heading = page.getByRole('article', { name: 'Task' }).getByRole('heading', { name: 'number 2.' });
  await search.fill('ber 2.');
  await page.locator('.list').getByRole('radio', { name: 'Running' }).check();
  await page.getByText('number 2.', { exact: true }).click();
  await heading.waitFor();
  await page.reload();
  await heading.waitFor();
  expect(await search.inputValue()).toBe('ber 2.');
  expect(await page.locator('.list').getByRole('radio', { name: 'Running' }).isChecked()).toBe(true);
  await search.fill('');
  await page.locator('.list').getByRole('radio', { name: 'All' }).check();
  await page.locator('.count').getByText('40').waitFor();
  const row = await page.locator('.row [aria-current="true"]').boundingBox();
  expect(row?.y).toBeLessThan(900 - (row?.height ?? 0) + 1);
  expect(page.url()).not.toContain('?');
  await page.context().close();
});
