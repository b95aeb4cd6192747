import { afterAll, beforeAll, expect, jest, test } from '@jest/globals';
import type { Browser, Page } from 'playwright-core';
import { launchChromium } from '../../scripts/chromium.js';
import { startService, type TestService } from '../server/support.js';
import { live, openPage, until } from './browser.js';

jest.setTimeout(90_000);

let browser: Browser;
let service: TestService;
beforeAll(async () => {
  [browser, service] = await Promise.all([launchChromium(), startService()]);
});
afterAll(async () => {
  await browser.close();
  await service.close();
});

/** Every page of this browser believes that it is seen. */
const show = async (page: Page, shown: boolean): Promise<void> => {
  await page.evaluate(`Object.defineProperty(document, 'hidden', { value: ${!shown}, configurable: true })`);
  await page.evaluate(`document.dispatchEvent(new Event('visibilitychange'))`);
};

test('more tabs than a browser has connections for: those in the background hold none', async () => {
  const { page } = await openPage(browser, `${service.url}/dashboard`);
  await live(page);
  const background = [page];
  for (let i = 0; i < 5; i++) {
    const tab = await page.context().newPage();
    await tab.goto(`${service.url}/dashboard`);
    await live(tab);
    background.push(tab);
  }
  for (const tab of background) await show(tab, false);
  const seventh = await page.context().newPage();
  await seventh.goto(`${service.url}/dashboard`);
  await live(seventh);
  await seventh.getByText('No tasks yet').waitFor();
  await page.context().close();
});

test('a tab that is seen again tells what it has missed, without reading the list anew', async () => {
  const { page } = await openPage(browser, `${service.url}/dashboard`);
  await live(page);
  const asked: string[] = [];
  page.on('request', (request) => asked.push(new URL(request.url()).pathname));
  const left = page.waitForEvent('requestfailed', (request) => request.url().endsWith('/events'));
  await show(page, false);
  await left;
  await service.call('POST', '/tasks', { prompt: 'made meanwhile' });
  expect(await page.getByText('made meanwhile').count()).toBe(0);
  await show(page, true);
  await page.getByText('made meanwhile').first().waitFor();
  await until(() => Promise.resolve(asked.includes('/events')));
  expect(asked).not.toContain('/tasks');
  await page.context().close();
});
